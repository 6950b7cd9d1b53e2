/*
 * The service is dialled at once. Until it is there the visitor is not read, so that what it sends
 * waits where it can be held back; its end or its failure is heard all the same once it matters.
 */
#include "agent/local_tcp.h"

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "agent/local_visitor.h"

static void local_tcp_on_data(void *ctx, struct slice data)
{
	struct local_visitor *v = ctx;

	buf_append_slice(&v->in, data);
}

static void local_tcp_on_drained(void *ctx)
{
	/* Nothing was written to the visitor yet. */
}

static void local_tcp_on_ended(void *ctx)
{
	struct local_visitor *v = ctx;

	v->ended = true;
}

static void local_tcp_on_failed(void *ctx, int err)
{
	local_visitor_gone(ctx);
}

static const struct stream_events local_tcp_events = {
	.data = local_tcp_on_data,
	.drained = local_tcp_on_drained,
	.ended = local_tcp_on_ended,
	.failed = local_tcp_on_failed,
};

static void local_tcp_on_connected(
	void *ctx, struct local_conn *conn, struct slice code, struct slice message)
{
	struct local_visitor *v = ctx;
	struct slice prefix = buf_slice(&v->prefix);

	if (!conn) {
		local_visitor_fail(v, code, message);
		return;
	}
	v->conn = conn;
	/* A connection that is new takes so little for certain. */
	if (prefix.len)
		stream_write(conn->stream, &prefix, 1);
	local_visitor_pipe(v, slice_of(NULL, 0));
}

void local_tcp_begin(struct local_visitor *v, struct slice received)
{
	v->state = LOCAL_CONNECTING;
	stream_listen(v->stream, &local_tcp_events, v);
	stream_read_stop(v->stream);
	buf_append_slice(&v->in, received);
	local_visitor_opened(v);
	local_connect_start(&v->connect, v->tunnel, local_tcp_on_connected, v);
}
