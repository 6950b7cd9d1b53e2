/*
 * Kept connections are being read all the time: a service that closes one, or says something that
 * nobody asked for, loses it at once. What the loop has not heard yet is asked of the kernel when
 * a connection is taken. No question helps where a service closes behind each answer without having
 * said so, a moment later than the next request comes: a request that may not be sent twice waits
 * for the proof that this service does keep connections.
 */
#include "agent/local_pool.h"

#include "agent/local_priv.h"
#include "base/mem.h"
#include "io/stream_tcp.h"

static void local_pool_drop(struct local_conn *conn)
{
	list_remove(&conn->node);
	conn->tunnel->kept_count--;
	local_conn_free(&conn);
}

/* The service ended it, or broke the rules on it. */
static void local_pool_lose(struct local_conn *conn)
{
	struct local_tunnel *t = conn->tunnel;

	if (loop_now(t->local->loop) - conn->used_ms < LOCAL_PROOF_MS)
		t->keeps = false;
	local_pool_drop(conn);
}

static void local_pool_on_data(void *ctx, struct slice data)
{
	local_pool_lose(ctx);
}

static void local_pool_on_drained(void *ctx)
{
	/* Nothing was parked when it was kept. */
}

static void local_pool_on_ended(void *ctx)
{
	local_pool_lose(ctx);
}

static void local_pool_on_failed(void *ctx, int err)
{
	local_pool_lose(ctx);
}

static const struct stream_events local_pool_events = {
	.data = local_pool_on_data,
	.drained = local_pool_on_drained,
	.ended = local_pool_on_ended,
	.failed = local_pool_on_failed,
};

static void local_pool_on_idle(struct timeout *timeout)
{
	local_pool_drop(CONTAINER_OF(timeout, struct local_conn, idle));
}

struct local_conn *local_conn_new(struct stream **stream, const struct stream *socket)
{
	struct local_conn *conn = MEM_NEW(struct local_conn);

	list_init(&conn->node);
	timeout_init(&conn->idle, local_pool_on_idle);
	conn->stream = *stream;
	conn->socket = socket;
	*stream = NULL;
	return conn;
}

void local_conn_free(struct local_conn **conn)
{
	if (!*conn)
		return;
	timeout_disarm(&(*conn)->idle);
	stream_close(&(*conn)->stream);
	mem_free(*conn);
	*conn = NULL;
}

/* Whether one of its kept connections has been open for long enough; the oldest is the last. */
static bool local_pool_has_proof(struct local_tunnel *t, uint64_t now)
{
	struct local_conn *oldest = CONTAINER_OF(t->kept.prev, struct local_conn, node);

	return now - oldest->used_ms >= LOCAL_PROOF_MS && stream_tcp_is_quiet(oldest->socket);
}

struct local_conn *local_pool_take(struct local_tunnel *t, bool careful)
{
	uint64_t now = loop_now(t->local->loop);

	if (careful && !t->keeps && !list_is_empty(&t->kept))
		t->keeps = local_pool_has_proof(t, now);
	if (careful && !t->keeps)
		return NULL;
	while (!list_is_empty(&t->kept)) {
		struct local_conn *conn = CONTAINER_OF(t->kept.next, struct local_conn, node);

		if (careful && now - conn->used_ms > LOCAL_FRESH_MS)
			return NULL; /* the others are older still */
		/* One that was used a moment ago is alive, or the request is sent again. */
		if ((careful || now - conn->used_ms > LOCAL_WARM_MS) &&
			!stream_tcp_is_quiet(conn->socket)) {
			local_pool_lose(conn);
			continue;
		}
		list_remove(&conn->node);
		t->kept_count--;
		timeout_disarm(&conn->idle);
		conn->reused = true;
		return conn;
	}
	return NULL;
}

void local_pool_put(struct local_tunnel *t, struct local_conn **conn)
{
	struct local_conn *c = *conn;

	if (t->removed) {
		local_conn_free(conn);
		return;
	}
	*conn = NULL;
	if (t->kept_count == LOCAL_KEPT_MAX)
		local_pool_drop(CONTAINER_OF(t->kept.prev, struct local_conn, node));
	c->tunnel = t;
	c->used_ms = loop_now(t->local->loop);
	if (c->reused)
		t->keeps = true;
	stream_listen(c->stream, &local_pool_events, c);
	stream_set_bulk(c->stream, false);
	timeout_arm(t->local->idle, &c->idle);
	list_prepend(&t->kept, &c->node);
	t->kept_count++;
}

void local_pool_clear(struct local_tunnel *t)
{
	while (!list_is_empty(&t->kept))
		local_pool_drop(CONTAINER_OF(t->kept.next, struct local_conn, node));
}
