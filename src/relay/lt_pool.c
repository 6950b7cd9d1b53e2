/*
 * The sockets of a pool tunnel. Idle ones stand in a list: those that served a request in front,
 * the last one first, new ones behind. An idle socket that says anything, or ends, is dropped
 * (D27).
 *
 * With --local-host the npm client rewrites the first chunk it reads from each socket as text,
 * which damages body bytes in it: the first head on a socket travels alone.
 */
#include "relay/lt_pool.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tcp.h"
#include "relay/auth.h"
#include "relay/create.h"
#include "relay/directory.h"
#include "relay/lt_surplus.h"
#include "relay/peer_log.h"
#include "relay/ports.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

#define LT_POOL_PORT_TRIES 64 /* ports of the range that other programs hold are skipped (D22) */
#define LT_POOL_WARM_MS 1000 /* local services keep an idle connection at least so long */
#define LT_POOL_KEEPALIVE_S 30
#define LT_POOL_USER_TIMEOUT_MS 30000

struct lt_pool {
	struct tunnel tunnel;
	struct listener *listener; /* owned */
	struct list idle; /* struct lt_socket */
	struct list busy;
	unsigned idle_count;
	unsigned busy_count;
	struct lt_surplus surplus;
	uint16_t port;
};

struct lt_socket {
	struct upstream up;
	struct list node; /* in idle or busy */
	struct lt_pool *pool; /* borrowed: a pool ends after its sockets */
	uint64_t used_at;
};

static const struct tunnel_ops lt_pool_ops;
static const struct listener_events lt_pool_listener_events;

static struct lt_pool *lt_pool_of(const struct tunnel *t)
{
	CHECK(t->ops == &lt_pool_ops);
	return CONTAINER_OF(t, struct lt_pool, tunnel);
}

static unsigned lt_pool_sockets(const struct lt_pool *pool)
{
	return pool->idle_count + pool->busy_count;
}

static void lt_pool_count_idle(struct lt_pool *pool, int by)
{
	pool->idle_count += (unsigned)by;
	metrics_add(pool->tunnel.worker->metrics, METRIC_SOCKETS_IDLE, (uint64_t)by);
}

/* ---- single sockets ---- */

static void lt_socket_drop(struct lt_socket *s)
{
	struct lt_pool *pool = s->pool;

	if (s->up.holder)
		pool->busy_count--;
	else
		lt_pool_count_idle(pool, -1);
	metrics_sub(pool->tunnel.worker->metrics, METRIC_SOCKETS_OPEN, 1);
	list_remove(&s->node);
	stream_close(&s->up.stream);
	mem_free(s);
	if (!lt_pool_sockets(pool))
		tunnel_set_offline(&pool->tunnel);
}

static void lt_socket_on_idle_data(void *ctx, struct slice data)
{
	struct lt_socket *s = ctx;

	log_debug(s->pool->tunnel.worker->shared->log, "idle tunnel socket spoke, dropped",
		LOG_STR("tunnel", tunnel_name(&s->pool->tunnel)), LOG_INT("bytes", data.len));
	lt_socket_drop(s);
}

static void lt_socket_on_idle_drained(void *ctx)
{
	/* The rest of a request that nobody waits for any more has gone out. */
}

static void lt_socket_on_idle_ended(void *ctx)
{
	lt_socket_drop(ctx);
}

static void lt_socket_on_idle_failed(void *ctx, int err)
{
	lt_socket_drop(ctx);
}

static const struct stream_events lt_socket_idle_events = {
	.data = lt_socket_on_idle_data,
	.drained = lt_socket_on_idle_drained,
	.ended = lt_socket_on_idle_ended,
	.failed = lt_socket_on_idle_failed,
};

/* Ends, and unasked bytes, that the loop has not reported yet: then it is dropped. */
static bool lt_socket_is_quiet(struct lt_socket *s)
{
	if (stream_tcp_is_quiet(s->up.stream))
		return true;
	lt_socket_drop(s);
	return false;
}

/*
 * The socket used last, as its local connection is the least likely to be closed meanwhile. A
 * request that may not be sent twice takes that only if it was used a moment ago, otherwise one
 * that never was.
 */
static struct lt_socket *lt_pool_choose(struct lt_pool *pool, bool careful)
{
	struct lt_socket *first = CONTAINER_OF(pool->idle.next, struct lt_socket, node);
	struct lt_socket *last = CONTAINER_OF(pool->idle.prev, struct lt_socket, node);
	uint64_t age = loop_now(pool->tunnel.worker->loop) - first->used_at;

	return careful && !last->up.used && age > LT_POOL_WARM_MS ? last : first;
}

static struct upstream *lt_pool_take(struct tunnel *t, const struct tunnel_taker *taker)
{
	struct lt_pool *pool = lt_pool_of(t);
	struct lt_socket *s;

	do {
		if (list_is_empty(&pool->idle))
			return NULL;
		s = lt_pool_choose(pool, taker->careful);
	} while (!lt_socket_is_quiet(s));
	list_remove(&s->node);
	list_append(&pool->busy, &s->node);
	lt_pool_count_idle(pool, -1);
	pool->busy_count++;
	return &s->up;
}

static void lt_pool_put(struct upstream *up, bool reusable)
{
	struct lt_socket *s = CONTAINER_OF(up, struct lt_socket, up);
	struct lt_pool *pool = s->pool;

	pool->busy_count--;
	lt_pool_count_idle(pool, 1);
	list_remove(&s->node);
	list_prepend(&pool->idle, &s->node);
	s->up.head_alone = false;
	s->used_at = loop_now(pool->tunnel.worker->loop);
	if (!reusable) {
		lt_socket_drop(s);
		return;
	}
	stream_listen(up->stream, &lt_socket_idle_events, s);
	stream_read_start(up->stream);
	tunnel_serve_waiters(&pool->tunnel);
}

/* ---- the port ---- */

static void lt_pool_refuse(struct lt_pool *pool, struct stream *stream)
{
	const struct lt_surplus_reason reason = {
		.max = pool->tunnel.worker->conf->max_sockets,
		.now = lt_pool_sockets(pool),
		.idle = pool->idle_count,
		.waiting = pool->tunnel.waiter_count,
	};

	lt_surplus_refuse(&pool->surplus, stream, &reason);
}

static void lt_pool_on_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	struct lt_pool *pool = ctx;
	struct worker *w = pool->tunnel.worker;
	struct lt_socket *s;

	if (lt_pool_sockets(pool) >= w->conf->max_sockets) {
		lt_pool_refuse(pool, stream);
		return;
	}
	s = MEM_NEW(struct lt_socket);
	s->pool = pool;
	s->up.stream = stream;
	s->up.head_alone = true;
	list_init(&s->node);
	list_append(&pool->idle, &s->node);
	lt_pool_count_idle(pool, 1);
	metrics_add(w->metrics, METRIC_SOCKETS_OPEN, 1);
	stream_tcp_set_keepalive(stream, LT_POOL_KEEPALIVE_S, LT_POOL_USER_TIMEOUT_MS);
	stream_listen(stream, &lt_socket_idle_events, s);
	stream_read_start(stream);
	tunnel_set_online(&pool->tunnel);
	tunnel_serve_waiters(&pool->tunnel);
}

static void lt_pool_on_paused(void *ctx)
{
	struct lt_pool *pool = ctx;

	metrics_add(pool->tunnel.worker->metrics, METRIC_ACCEPT_PAUSES, 1);
	worker_lacks_descriptors(pool->tunnel.worker);
}

static const struct listener_events lt_pool_listener_events = {
	.accepted = lt_pool_on_accepted,
	.paused = lt_pool_on_paused,
};

static int lt_pool_bind(struct worker *w, uint16_t port, struct listener **listener_out)
{
	struct addr any;
	int err = addr_parse(NULL, port, &any);

	if (!err)
		err = listener_open(w->loop, &any, false, listener_out);
	if (err == ERR_SYSTEM) { /* a kernel without IPv6 */
		err = addr_parse("0.0.0.0", port, &any);
		if (!err)
			err = listener_open(w->loop, &any, false, listener_out);
	}
	return err;
}

static int lt_pool_bind_in_range(
	struct worker *w, uint16_t preferred, struct listener **listener_out)
{
	unsigned tries = ports_free_count(w->shared->ports);
	int err = ERR_BUSY;

	if (tries > LT_POOL_PORT_TRIES)
		tries = LT_POOL_PORT_TRIES;
	for (unsigned i = 0; i < tries; i++) {
		uint16_t port = ports_take(w->shared->ports, i ? 0 : preferred);

		if (!port)
			break;
		err = lt_pool_bind(w, port, listener_out);
		if (!err)
			return 0;
		ports_put(w->shared->ports, port);
		if (err != ERR_BUSY && err != ERR_DENIED)
			return err;
	}
	return err;
}

static int lt_pool_listen(struct worker *w, uint16_t preferred, struct listener **listener_out)
{
	if (w->shared->ports)
		return lt_pool_bind_in_range(w, preferred, listener_out);
	if (preferred && lt_pool_bind(w, preferred, listener_out) == 0)
		return 0;
	return lt_pool_bind(w, 0, listener_out);
}

static void lt_pool_use_listener(struct lt_pool *pool, struct listener *listener)
{
	pool->listener = listener;
	pool->port = listener_port(listener);
	listener_start(listener, &lt_pool_listener_events, pool,
		pool->tunnel.worker->timeouts[WORKER_ACCEPT_RETRY]);
}

static void lt_pool_stop_listening(struct lt_pool *pool)
{
	if (!pool->listener)
		return;
	listener_close(&pool->listener);
	if (pool->tunnel.worker->shared->ports)
		ports_put(pool->tunnel.worker->shared->ports, pool->port);
}

static int lt_pool_open(struct worker *w, const struct create_wish *wish, struct slice name,
	struct tunnel **tunnel_out)
{
	struct listener *listener;
	int err = lt_pool_listen(w, directory_last_port(w->shared->directory, name), &listener);
	char holder[AUTH_HOLDER_MAX];
	struct lt_pool *pool;

	if (err)
		return err;
	pool = MEM_NEW(struct lt_pool);
	list_init(&pool->idle);
	list_init(&pool->busy);
	lt_surplus_init(&pool->surplus, w);
	tunnel_init(&pool->tunnel, w, &lt_pool_ops, name, wish->who);
	lt_pool_use_listener(pool, listener);
	peer_log(w, auth_holder(wish->grant, wish->source, holder), "tunnel created",
		LOG_STR("tunnel", name), LOG_INT("port", pool->port),
		LOG_STR("visitor", wish->client));
	*tunnel_out = &pool->tunnel;
	return 0;
}

bool lt_pool_is(const struct tunnel *t)
{
	return t->ops == &lt_pool_ops;
}

uint16_t lt_pool_port(const struct tunnel *t)
{
	return lt_pool_of(t)->port;
}

static void lt_pool_drop_sockets(struct lt_pool *pool)
{
	while (!list_is_empty(&pool->idle))
		lt_socket_drop(CONTAINER_OF(pool->idle.next, struct lt_socket, node));
	while (!list_is_empty(&pool->busy)) {
		struct lt_socket *s = CONTAINER_OF(pool->busy.next, struct lt_socket, node);
		unsigned before = pool->busy_count;

		s->up.revoked(s->up.holder);
		CHECK(pool->busy_count < before);
	}
	lt_surplus_drop_all(&pool->surplus);
}

static void lt_pool_take_over(struct tunnel *t, const struct create_wish *wish)
{
	struct lt_pool *pool = lt_pool_of(t);
	struct listener *next;

	if (t->state == TUNNEL_ONLINE) {
		if (lt_pool_listen(t->worker, 0, &next) == 0) {
			lt_pool_stop_listening(pool);
			lt_pool_use_listener(pool, next);
		}
		lt_pool_drop_sockets(pool);
		metrics_add(t->worker->metrics, METRIC_TUNNELS_TAKEN_OVER, 1);
	}
	tunnel_restart_grace(t);
}

const struct create_kind *lt_pool_kind(void)
{
	static const struct create_kind kind = {lt_pool_open, lt_pool_is, lt_pool_take_over};

	return &kind;
}

static bool lt_pool_is_delivered(const struct upstream *up)
{
	return stream_tcp_is_delivered(up->stream);
}

static unsigned lt_pool_socket_count(const struct tunnel *t)
{
	return lt_pool_sockets(lt_pool_of(t));
}

static void lt_pool_close(struct tunnel *t)
{
	struct lt_pool *pool = lt_pool_of(t);

	lt_pool_stop_listening(pool);
	lt_pool_drop_sockets(pool);
}

static void lt_pool_free(struct tunnel *t)
{
	struct lt_pool *pool = lt_pool_of(t);

	CHECK(!pool->listener && !lt_pool_sockets(pool) && !pool->surplus.count);
	mem_free(pool);
}

static const struct tunnel_ops lt_pool_ops = {
	.take = lt_pool_take,
	.put = lt_pool_put,
	.is_delivered = lt_pool_is_delivered,
	.socket_count = lt_pool_socket_count,
	.close = lt_pool_close,
	.free = lt_pool_free,
	.port = lt_pool_port,
};
