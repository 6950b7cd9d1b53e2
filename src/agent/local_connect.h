/*
 * A new connection to a tunnel's service: dialled, and with TLS where the target has it. Lives in
 * the visitor that it is for.
 */
#ifndef AGENT_LOCAL_CONNECT_H
#define AGENT_LOCAL_CONNECT_H

#include "base/slice.h"
#include "io/timeout.h"

struct dial;
struct local_conn;
struct local_tunnel;
struct stream;

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

/* done comes once, from the loop, unless local_connect_cancel came first. */
void local_connect_start(
	struct local_connect *c, struct local_tunnel *tunnel, local_connect_fn done, void *ctx);
/* Nothing happens when none is under way. */
void local_connect_cancel(struct local_connect *c);

#endif
