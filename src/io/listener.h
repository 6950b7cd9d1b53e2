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
struct timeout_queue;

struct listener_events {
	/* The stream is the callee's, the address is borrowed. */
	void (*accepted)(void *ctx, struct stream *stream, const struct addr *peer);
	/* There was no descriptor left: nothing is accepted until the retry. */
	void (*paused)(void *ctx);
};

/*
 * Whether the address can be listened at by this process alone. Needed before opening shared
 * listeners: the kernel would let a second relay of the same user join them silently.
 */
MUST_CHECK int listener_probe(const struct addr *addr);
/*
 * A shared listener lets other loops listen at the same address, and the kernel spreads the
 * connections. Port 0 takes a free one. The kernel queues connections from now on.
 */
MUST_CHECK int listener_open(
	struct loop *loop, const struct addr *addr, bool shared, struct listener **listener_out);
/* The same for a descriptor that listens already; takes it, whatever it returns. */
MUST_CHECK int listener_adopt(struct loop *loop, int fd, struct listener **listener_out);
/* Accepts from now on. After running out of descriptors it waits for the queue's duration. */
void listener_start(struct listener *l, const struct listener_events *events, void *ctx,
	struct timeout_queue *retry);
uint16_t listener_port(const struct listener *l);
void listener_close(struct listener **l);

#endif
