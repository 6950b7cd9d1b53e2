/*
 * A new connection to a tunnel's service: dialled, and with TLS where the target has it. Lives in
 * the visitor that it is for.
 */
#ifndef AGENT_LOCAL_CONNECT_H
#define AGENT_LOCAL_CONNECT_H

#include "base/slice.h"
#include "io/dial.h"
#include "io/timeout.h"

struct local_conn;
struct local_tunnel;
struct loop;
struct stream;
struct target;

/* The connection is the callee's, or it is NULL: then code and message say what is told to the
 * relay; the message is valid during the call. */
typedef void (*local_connect_fn)(
	void *ctx, struct local_conn *conn, struct slice code, struct slice message);

struct local_connect {
	struct local_tunnel *tunnel; /* borrowed */
	struct dial *dial; /* owned, while it runs */
	struct stream *stream; /* owned, during the handshake */
	const struct stream *socket; /* borrowed: below TLS */
	struct timeout limit;
	local_connect_fn done;
	void *ctx; /* borrowed */
};

/* The first step alone, as dial_start(): what a target leads to is the same for everybody. */
struct dial *local_connect_dial(struct loop *loop, const struct target *target, uint64_t timeout_ms,
	dial_done_fn done, void *ctx);
/* done comes once, from the loop, unless local_connect_cancel came first. */
void local_connect_start(
	struct local_connect *c, struct local_tunnel *tunnel, local_connect_fn done, void *ctx);
/* Nothing happens when none is under way. */
void local_connect_cancel(struct local_connect *c);

#endif
