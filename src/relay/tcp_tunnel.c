/*
 * The port stays bound as long as the tunnel exists. Connections that come while no session has a
 * link are accepted and held, unread, some of them for some time; then they are reset, as are
 * those whose service could not be reached.
 */
#include "relay/tcp_tunnel.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/pump.h"
#include "io/stream.h"
#include "io/stream_tcp.h"
#include "relay/create.h"
#include "relay/gate_rules.h"
#include "relay/meter.h"
#include "relay/ports.h"
#include "relay/session_tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

#define TCP_TUNNEL_HELD_MAX 64u /* visitors that wait for an agent to reconnect */
#define TCP_TUNNEL_KEEPALIVE_S 30
#define TCP_TUNNEL_USER_TIMEOUT_MS 30000

struct tcp_tunnel {
	struct session_tunnel base;
	struct listener *listener; /* owned */
	uint16_t port;
};

struct tcp_visitor {
	struct list node; /* in the worker's list */
	struct tcp_tunnel *tunnel; /* a reference */
	struct stream *stream; /* owned until the pump has it */
	struct upstream *up; /* held while it is taken */
	struct pump *pump; /* owned */
	struct tunnel_waiter waiter;
	struct meter_visit visit;
	struct timeout timeout;
	struct loop_task grave;
	uint64_t start_us;
	uint16_t peer_port;
	uint16_t local_port;
	char request_id[WORKER_REQUEST_ID_LEN];
	char peer[ADDR_TEXT_MAX];
	char local[ADDR_TEXT_MAX];
};

static const struct tunnel_ops tcp_tunnel_ops;

static struct tcp_tunnel *tcp_tunnel_of(const struct tunnel *t)
{
	CHECK(t->ops == &tcp_tunnel_ops);
	return CONTAINER_OF(t, struct tcp_tunnel, base.tunnel);
}

static struct tunnel *tcp_tunnel_base(struct tcp_tunnel *t)
{
	return &t->base.tunnel;
}

bool tcp_tunnel_is(const struct tunnel *t)
{
	return t->ops == &tcp_tunnel_ops;
}

uint16_t tcp_tunnel_port(const struct tunnel *t)
{
	return tcp_tunnel_of(t)->port;
}

/* ---- the end of a visitor ---- */

static void tcp_visitor_on_grave(struct loop_task *task)
{
	struct tcp_visitor *v = CONTAINER_OF(task, struct tcp_visitor, grave);
	struct tunnel *t = tcp_tunnel_base(v->tunnel);
	struct relay_shared *shared = t->worker->shared;

	mem_free(v);
	tunnel_unref(&t);
	if (atomic_fetch_sub(&shared->connections, 1) == 1)
		shared->on_quiet(shared);
}

static void tcp_visitor_record(struct tcp_visitor *v, enum access_end ended, const char *error)
{
	struct worker *w = v->tunnel->base.tunnel.worker;
	const struct access_record record = {
		.visitor = slice_from_str(v->peer),
		.tunnel = tunnel_name(&v->tunnel->base.tunnel),
		.method = SLICE("TCP"),
		.request_id = slice_of(v->request_id, sizeof(v->request_id)),
		.error_code = slice_from_str(error),
		.ended = ended,
		.bytes_in = v->pump ? pump_bytes(v->pump, PUMP_A) : 0,
		.bytes_out = v->pump ? pump_bytes(v->pump, PUMP_B) : 0,
		.first_byte_us = UINT64_MAX,
		.duration_us = loop_clock_us() - v->start_us,
	};

	meter_tell(tcp_tunnel_base(v->tunnel), &v->visit, record.bytes_in, record.bytes_out);
	meter_leave(tcp_tunnel_base(v->tunnel), &v->visit);
	metrics_add(w->metrics, METRIC_RECEIVED_BYTES, record.bytes_in);
	metrics_add(w->metrics, METRIC_SENT_BYTES, record.bytes_out);
	if (error)
		metrics_add(w->metrics, metrics_error(record.error_code), 1);
	worker_log_access(w, &record);
}

/* Whatever is still there of either side is reset. */
static void tcp_visitor_end(struct tcp_visitor *v, enum access_end ended, const char *error)
{
	struct tunnel *t = tcp_tunnel_base(v->tunnel);
	struct worker *w = t->worker;

	if (!error && v->up && v->up->failure.message)
		error = visitor_error_get(v->up->failure.error)->code;
	tcp_visitor_record(v, ended, error);
	tunnel_unwait(t, &v->waiter);
	timeout_disarm(&v->timeout);
	pump_free(&v->pump);
	stream_abort(&v->stream);
	upstream_put(&v->up, false);
	list_remove(&v->node);
	metrics_sub(w->metrics, METRIC_TCP_OPEN, 1);
	loop_defer(w->loop, &v->grave);
}

/* The agent hears why as well. */
static void tcp_visitor_give_up(struct tcp_visitor *v, enum visitor_error error)
{
	if (v->up)
		upstream_tell(v->up, error);
	tcp_visitor_end(v, ACCESS_RELAY, visitor_error_get(error)->code);
}

/* ---- a visitor's bytes ---- */

/* What it carried already may have to be paid for first. */
static void tcp_visitor_pace(struct tcp_visitor *v)
{
	struct tunnel *t = tcp_tunnel_base(v->tunnel);

	if (!t->meter ||
		!meter_tell(t, &v->visit, pump_bytes(v->pump, PUMP_A), pump_bytes(v->pump, PUMP_B)))
		return;
	timeout_disarm(&v->timeout);
	pump_pause(v->pump);
}

static void tcp_visitor_on_moved(void *ctx)
{
	struct tcp_visitor *v = ctx;

	timeout_arm(v->tunnel->base.tunnel.worker->timeouts[WORKER_IDLE], &v->timeout);
	tcp_visitor_pace(v);
}

/* It has waited for the tunnel's bandwidth, unless the month was over meanwhile. */
static void tcp_visitor_on_go_on(struct meter_visit *visit)
{
	struct tcp_visitor *v = CONTAINER_OF(visit, struct tcp_visitor, visit);

	if (meter_is_spent(tcp_tunnel_base(v->tunnel)->meter)) {
		tcp_visitor_give_up(v, VISITOR_ERROR_QUOTA_EXCEEDED);
		return;
	}
	tcp_visitor_on_moved(v);
	pump_go_on(v->pump);
}

static void tcp_visitor_on_pump_done(void *ctx, enum pump_end end)
{
	switch (end) {
	case PUMP_END_BOTH:
		tcp_visitor_end(ctx, ACCESS_COMPLETE, NULL);
		break;
	case PUMP_END_A:
		tcp_visitor_end(ctx, ACCESS_VISITOR, NULL);
		break;
	case PUMP_END_B:
		tcp_visitor_end(ctx, ACCESS_AGENT, NULL);
		break;
	}
}

static const struct pump_events tcp_visitor_pump_events = {
	.moved = tcp_visitor_on_moved,
	.done = tcp_visitor_on_pump_done,
};

static void tcp_visitor_on_revoked(void *holder)
{
	tcp_visitor_end(holder, ACCESS_AGENT, NULL);
}

/* False when no session has a link, or room. */
static bool tcp_visitor_begin(struct tcp_visitor *v)
{
	const struct tunnel_taker taker = {
		.revoked = tcp_visitor_on_revoked,
		.holder = v,
		.visitor = slice_from_str(v->peer),
		.visitor_port = v->peer_port,
		.public_address = slice_from_str(v->local),
		.public_port = v->local_port,
		.scheme = SLICE("tcp"),
		.request_id = slice_of(v->request_id, sizeof(v->request_id)),
	};

	v->up = tunnel_take(tcp_tunnel_base(v->tunnel), &taker);
	if (!v->up)
		return false;
	stream_write(v->up->stream, &v->up->prefix, 1);
	v->pump = pump_new(&v->stream, &v->up->stream, &tcp_visitor_pump_events, v);
	tcp_visitor_on_moved(v);
	pump_start(v->pump);
	return true;
}

/* ---- waiting ---- */

static void tcp_visitor_on_ready(struct tunnel_waiter *waiter)
{
	struct tcp_visitor *v = CONTAINER_OF(waiter, struct tcp_visitor, waiter);

	if (tcp_visitor_begin(v))
		tunnel_unwait(tcp_tunnel_base(v->tunnel), waiter);
}

static void tcp_visitor_on_closed(struct tunnel_waiter *waiter)
{
	tcp_visitor_end(CONTAINER_OF(waiter, struct tcp_visitor, waiter), ACCESS_RELAY,
		visitor_error_get(VISITOR_ERROR_TUNNEL_OFFLINE)->code);
}

static void tcp_visitor_on_timeout(struct timeout *timeout)
{
	struct tcp_visitor *v = CONTAINER_OF(timeout, struct tcp_visitor, timeout);
	enum visitor_error error =
		v->pump ? VISITOR_ERROR_IDLE_TIMEOUT : VISITOR_ERROR_TUNNEL_OFFLINE;

	tcp_visitor_give_up(v, error);
}

static void tcp_visitor_on_held_data(void *ctx, struct slice data)
{
	/* Nothing is read while it waits. */
}

static void tcp_visitor_on_held_drained(void *ctx)
{
}

static void tcp_visitor_on_held_ended(void *ctx)
{
}

static void tcp_visitor_on_held_failed(void *ctx, int err)
{
	tcp_visitor_end(ctx, ACCESS_VISITOR, NULL);
}

static const struct stream_events tcp_visitor_held_events = {
	.data = tcp_visitor_on_held_data,
	.drained = tcp_visitor_on_held_drained,
	.ended = tcp_visitor_on_held_ended,
	.failed = tcp_visitor_on_held_failed,
};

static void tcp_visitor_wait(struct tcp_visitor *v)
{
	struct tunnel *t = tcp_tunnel_base(v->tunnel);

	stream_listen(v->stream, &tcp_visitor_held_events, v);
	if (t->waiter_count >= TCP_TUNNEL_HELD_MAX || !tunnel_wait(t, &v->waiter)) {
		tcp_visitor_end(
			v, ACCESS_RELAY, visitor_error_get(VISITOR_ERROR_TOO_MANY_WAITING)->code);
		return;
	}
	timeout_arm(t->worker->timeouts[tunnel_wait_clock(t, false)], &v->timeout);
}

/* ---- the port ---- */

static struct tcp_visitor *tcp_visitor_new(
	struct tcp_tunnel *tcp, struct stream *stream, const struct addr *peer)
{
	struct tcp_visitor *v = MEM_NEW(struct tcp_visitor);
	struct tunnel *t = tcp_tunnel_base(tcp);
	struct addr local;

	v->tunnel = tcp;
	tunnel_ref(t);
	v->stream = stream;
	v->start_us = loop_clock_us();
	v->waiter.ready = tcp_visitor_on_ready;
	v->waiter.closed = tcp_visitor_on_closed;
	list_init(&v->waiter.node);
	list_init(&v->node);
	list_append(&t->worker->tcp_visitors, &v->node);
	timeout_init(&v->timeout, tcp_visitor_on_timeout);
	meter_visit_init(&v->visit, tcp_visitor_on_go_on);
	loop_task_init(&v->grave, tcp_visitor_on_grave);
	worker_next_request_id(t->worker, v->request_id);
	addr_print(peer, v->peer);
	v->peer_port = addr_port(peer);
	v->local_port = tcp->port;
	if (addr_of_socket(stream_tcp_fd(stream), &local) == 0)
		addr_print(&local, v->local);
	return v;
}

/* A connection counts like a request. */
static bool tcp_tunnel_admits(struct tunnel *t, struct slice address)
{
	enum visitor_error error = VISITOR_ERROR_VISITOR_LIMIT;
	uint64_t retry_s;

	if (t->gate && t->gate->rules && !gate_rules_let(t->gate->rules, address))
		error = VISITOR_ERROR_ADDRESS_REFUSED;
	else if (!t->meter || (meter_admit(t->meter, &error, &retry_s) && meter_has_room(t->meter)))
		return true;
	metrics_add(t->worker->metrics,
		metrics_error(slice_from_str(visitor_error_get(error)->code)), 1);
	return false;
}

static void tcp_tunnel_on_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	struct tcp_tunnel *tcp = ctx;
	struct worker *w = tcp_tunnel_base(tcp)->worker;
	char address[ADDR_TEXT_MAX];
	struct tcp_visitor *v;

	if (atomic_load(&w->shared->draining) ||
		(w->conf->max_connections &&
			atomic_load(&w->shared->connections) >= w->conf->max_connections)) {
		metrics_add(w->metrics, METRIC_SHED, 1);
		stream_abort(&stream);
		return;
	}
	addr_print(peer, address);
	if (!tcp_tunnel_admits(tcp_tunnel_base(tcp), slice_from_str(address))) {
		stream_abort(&stream);
		return;
	}
	stream_tcp_set_keepalive(stream, TCP_TUNNEL_KEEPALIVE_S, TCP_TUNNEL_USER_TIMEOUT_MS);
	atomic_fetch_add(&w->shared->connections, 1);
	metrics_add(w->metrics, METRIC_TCP, 1);
	metrics_add(w->metrics, METRIC_TCP_OPEN, 1);
	v = tcp_visitor_new(tcp, stream, peer);
	meter_enter(tcp_tunnel_base(tcp), &v->visit);
	if (!tcp_visitor_begin(v))
		tcp_visitor_wait(v);
}

static void tcp_tunnel_on_paused(void *ctx)
{
	struct tcp_tunnel *tcp = ctx;

	metrics_add(tcp_tunnel_base(tcp)->worker->metrics, METRIC_ACCEPT_PAUSES, 1);
}

static const struct listener_events tcp_tunnel_listener_events = {
	.accepted = tcp_tunnel_on_accepted,
	.paused = tcp_tunnel_on_paused,
};

/* The address of the public port is that of TCP tunnels too. */
static int tcp_tunnel_bind(struct worker *w, uint16_t port, struct listener **listener_out)
{
	struct addr addr;
	int err = addr_parse(w->conf->address, port, &addr);

	return err ? err : listener_open(w->loop, &addr, false, listener_out);
}

/* The port that was asked for, unless it was taken out of the range already. */
static int tcp_tunnel_take_port(struct worker *w, const struct session_tunnel_wish *wish)
{
	uint16_t got;

	if (wish->has_port)
		return 0;
	got = ports_take(w->shared->tcp_ports, wish->port);
	if (got && got != wish->port)
		ports_put(w->shared->tcp_ports, got);
	return got == wish->port ? 0 : ERR_BUSY;
}

static int tcp_tunnel_on_open(struct worker *w, const struct create_wish *wish, struct slice name,
	struct tunnel **tunnel_out)
{
	struct session_tunnel_wish *port_wish = wish->ctx;
	struct listener *listener;
	struct tcp_tunnel *tcp;
	int err = tcp_tunnel_take_port(w, port_wish);

	if (err)
		return err;
	err = tcp_tunnel_bind(w, port_wish->port, &listener);
	if (err) {
		if (!port_wish->has_port)
			ports_put(w->shared->tcp_ports, port_wish->port);
		return err;
	}
	port_wish->has_port = false;
	tcp = MEM_NEW(struct tcp_tunnel);
	list_init(&tcp->base.members);
	tcp->port = port_wish->port;
	tcp->listener = listener;
	tunnel_init(&tcp->base.tunnel, w, &tcp_tunnel_ops, name, wish->who);
	session_tunnel_join(&tcp->base, port_wish);
	listener_start(
		listener, &tcp_tunnel_listener_events, tcp, w->timeouts[WORKER_ACCEPT_RETRY]);
	*tunnel_out = &tcp->base.tunnel;
	return 0;
}

static bool tcp_tunnel_on_take_over(struct tunnel *t, const struct create_wish *wish)
{
	session_tunnel_take_over(&tcp_tunnel_of(t)->base, wish->ctx);
	return true;
}

const struct create_kind *tcp_tunnel_kind(void)
{
	static const struct create_kind kind = {tcp_tunnel_on_open, tcp_tunnel_on_take_over};

	return &kind;
}

/* Connections that have a stream go on; those that wait are told by the tunnel. */
static void tcp_tunnel_close(struct tunnel *t)
{
	struct tcp_tunnel *tcp = tcp_tunnel_of(t);

	session_tunnel_close(t);
	listener_close(&tcp->listener);
	ports_put(t->worker->shared->tcp_ports, tcp->port);
}

static void tcp_tunnel_free(struct tunnel *t)
{
	struct tcp_tunnel *tcp = tcp_tunnel_of(t);

	CHECK(list_is_empty(&tcp->base.members) && !tcp->listener);
	mem_free(tcp);
}

/* The name says the port already. */
static uint16_t tcp_tunnel_no_port(const struct tunnel *t)
{
	return 0;
}

static const struct tunnel_ops tcp_tunnel_ops = {
	.holds = true,
	.take = session_tunnel_take,
	.put = session_tunnel_put,
	.tell = session_tunnel_tell,
	.is_delivered = session_tunnel_is_delivered,
	.socket_count = session_tunnel_link_count,
	.close = tcp_tunnel_close,
	.free = tcp_tunnel_free,
	.port = tcp_tunnel_no_port,
};

void tcp_tunnel_close_visitors(struct worker *w)
{
	struct list *node;

	while ((node = w->tcp_visitors.next) != &w->tcp_visitors)
		tcp_visitor_end(CONTAINER_OF(node, struct tcp_visitor, node), ACCESS_RELAY, NULL);
}
