/* A name to addresses, by the system's resolver on another thread. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#define RESOLVE_MAX 16u /* addresses of one name; more are left out */

struct addr;
struct loop;
struct resolve;

struct resolve_result {
	int err;
	const char *why; /* on an error: a clause for people */
	const struct addr *addrs; /* families by turns, as the system prefers them */
	size_t count; /* at least 1 without an error */
};

typedef void (*resolve_done_fn)(void *ctx, const struct resolve_result *result);

/* done comes once, from the loop, unless resolve_cancel came first; it ends the resolve. The
 * addresses have the port. */
struct resolve *resolve_start(
	struct loop *loop, const char *host, uint16_t port, resolve_done_fn done, void *ctx);
/* The question cannot be taken back from the system: until it answers, the loop waits for it when
 * it is freed. */
void resolve_cancel(struct resolve **r);
/* Brings families by turns, beginning with that of the first; keeps their order otherwise. */
void resolve_interleave(struct addr *addrs, size_t count);

#endif
