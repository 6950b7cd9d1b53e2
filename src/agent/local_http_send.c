/*
 * The relay has framed the request, and its bytes are passed on as they are. Their number is
 * looked at all the same: a connection that has had more or less than one request is not kept.
 */
#include "agent/local_http_send.h"

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "agent/local_visitor.h"

#define LOCAL_TRIES_MAX 2u /* beside the first */

/* With a PROXY header each connection has a visitor of its own. */
static bool local_http_send_may_share(const struct local_visitor *v)
{
	return v->tunnel->spec.proxy_protocol == 0;
}

/* A request that may not be sent twice should not meet a connection that went stale unnoticed. */
static bool local_http_send_is_careful(const struct local_visitor *v)
{
	return !http_method_is_idempotent(v->method) || v->request.kind != HTTP1_BODY_NONE;
}

bool local_http_send_is_whole(const struct local_visitor *v)
{
	switch (v->request.kind) {
	case HTTP1_BODY_NONE:
		return true;
	case HTTP1_BODY_LENGTH:
		return v->request.left == 0;
	case HTTP1_BODY_CHUNKED:
	case HTTP1_BODY_CLOSE:
		break;
	}
	return v->ended;
}

/* False when there is more behind the request than its head has announced. */
static bool local_http_send_count(struct local_visitor *v, struct slice data)
{
	v->bytes_in += data.len;
	if (v->request.kind == HTTP1_BODY_NONE)
		return data.len == 0;
	if (v->request.kind != HTTP1_BODY_LENGTH)
		return true;
	if (data.len > v->request.left)
		return false;
	v->request.left -= data.len;
	return true;
}

static void local_http_send_pause(struct local_visitor *v, bool paused)
{
	if (v->paused == paused)
		return;
	v->paused = paused;
	if (paused)
		stream_read_stop(v->stream);
	else if (!v->ended)
		stream_read_start(v->stream);
}

static void local_http_send_park(struct local_visitor *v, struct slice data)
{
	buf_append_slice(&v->in, data);
	local_http_send_pause(v, buf_len(&v->in) >= LOCAL_PARKED_MAX);
}

/* Head and body in one write; what is parked in v->in is the body, except for an upgrade. */
static void local_http_send_on(struct local_visitor *v, struct local_conn *conn, struct slice body)
{
	struct slice parts[3] = {buf_slice(&v->prefix), buf_slice(&v->head), body};
	size_t skip = parts[0].len ? 0 : 1;
	bool took;

	v->conn = conn;
	v->reused = conn->reused;
	v->state = LOCAL_SENT;
	stream_listen(conn->stream, v->service, v);
	if (!conn->reused)
		stream_read_start(conn->stream);
	took = stream_write(conn->stream, parts + skip, (body.len ? 3 : 2) - skip);
	if (!v->upgrade) {
		buf_clear(&v->in);
		local_http_send_pause(v, !took);
	}
}

static void local_http_send_on_connected(
	void *ctx, struct local_conn *conn, struct slice code, struct slice message)
{
	struct local_visitor *v = ctx;
	struct slice none = {NULL, 0};

	if (!conn) {
		local_visitor_fail(v, code, message);
		return;
	}
	local_http_send_on(v, conn, v->upgrade ? none : buf_slice(&v->in));
}

static void local_http_send_connect(struct local_visitor *v)
{
	v->state = LOCAL_CONNECTING;
	local_connect_start(&v->connect, v->tunnel, local_http_send_on_connected, v);
}

static void local_http_send_refuse(struct local_visitor *v)
{
	local_visitor_fail(v, SLICE("local-reset"),
		SLICE("the relay sent more than one request to this visitor's stream"));
}

void local_http_send_start(struct local_visitor *v, struct slice rest)
{
	struct local_conn *conn = NULL;

	if (!v->upgrade && !local_http_send_count(v, rest)) {
		local_http_send_refuse(v);
		return;
	}
	if (local_http_send_may_share(v))
		conn = local_pool_take(v->tunnel, local_http_send_is_careful(v));
	if (conn && !v->upgrade) {
		local_http_send_on(v, conn, rest);
		return;
	}
	local_http_send_park(v, rest);
	if (conn)
		local_http_send_on(v, conn, slice_of(NULL, 0));
	else
		local_http_send_connect(v);
}

void local_http_send_more(struct local_visitor *v, struct slice data)
{
	if (v->upgrade) {
		local_http_send_park(v, data);
		return;
	}
	if (!local_http_send_count(v, data)) {
		local_http_send_refuse(v);
		return;
	}
	if (v->state == LOCAL_CONNECTING) {
		local_http_send_park(v, data);
		return;
	}
	if (!stream_write(v->conn->stream, &data, 1))
		local_http_send_pause(v, true);
}

void local_http_send_drained(struct local_visitor *v)
{
	if (!v->upgrade)
		local_http_send_pause(v, false);
}

bool local_http_send_again(struct local_visitor *v)
{
	if (v->state != LOCAL_SENT || v->first_byte_us || !v->conn->reused ||
		local_http_send_is_careful(v) || v->tries == LOCAL_TRIES_MAX)
		return false;
	v->tries++;
	local_conn_free(&v->conn);
	local_http_send_connect(v);
	return true;
}
