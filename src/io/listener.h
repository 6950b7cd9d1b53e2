/* A listening TCP socket that hands out streams. */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct addr;
struct listener;
struct loop;
struct stream;

struct listener_events {
	/* The stream is the callee's. */
	void (*accepted)(void *ctx, struct stream *stream);
	/* There was no descriptor left for a connection, which was closed. */
	void (*shed)(void *ctx);
};

/*
 * Whether the address can be listened at by this process alone. Needed before opening shared
 * listeners: the kernel would let a second relay of the same user join them silently.
 */
MUST_CHECK int listener_probe(const struct addr *addr);
/*
 * A shared listener lets other loops listen at the same address, and the kernel spreads the
 * connections. Port 0 takes a free one. Nothing is accepted before this turn of the loop ends.
 */
MUST_CHECK int listener_open(
	struct loop *loop, const struct addr *addr, bool shared, struct listener **listener_out);
void listener_start(struct listener *l, const struct listener_events *events, void *ctx);
uint16_t listener_port(const struct listener *l);
void listener_close(struct listener **l);

#endif
