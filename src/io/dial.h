/*
 * From a host name and a port, or a path, to a connected stream: names are resolved off the loop,
 * addresses are tried one after the other with a head start of 250 ms each (RFC 8305).
 */
#ifndef IO_DIAL_H
#define IO_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct addr;
struct dial;
struct loop;
struct stream;

struct dial_target {
	const char *host; /* a name or a numeric address; copied */
	uint16_t port;
	const char *path; /* instead of both: a unix socket */
	const struct addr *addrs; /* if they are known, nobody is asked for them; copied */
	size_t addr_count; /* the first RESOLVE_MAX count */
};

struct dial_result {
	int err; /* 0, or of the last address tried */
	bool resolved; /* the name had addresses: a failure is not DNS's */
	struct stream *stream; /* the callee's; NULL on an error */
	const struct addr *addr; /* the one that is connected, or was tried last; NULL for a path */
	struct slice detail; /* on an error: a clause for people, as "connect to 127.0.0.1:3000:
		connection refused"; valid during the call */
	uint64_t resolve_us;
	uint64_t connect_us;
};

typedef void (*dial_done_fn)(void *ctx, const struct dial_result *result);

/* done comes once, from the loop, unless dial_cancel came first; it ends the dial. */
struct dial *dial_start(struct loop *loop, const struct dial_target *target, uint64_t timeout_ms,
	dial_done_fn done, void *ctx);
void dial_cancel(struct dial **d);

#endif
