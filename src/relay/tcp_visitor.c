/*
 * A visitor and a stream of a session, joined by a pump. One that comes while no session has a link
 * is held, unread, for some time; then it is reset, as is one whose service could not be reached.
 */
#include "relay/tcp_visitor.h"

#include "base/mem.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/pump.h"
#include "io/stream.h"
#include "io/stream_tcp.h"
#include "relay/meter.h"
#include "relay/peer_log.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

#define TCP_VISITOR_HELD_MAX 64u /* of a tunnel, that wait for an agent to reconnect */

struct tcp_visitor {
	struct list node; /* in the worker's list */
	struct tunnel *tunnel; /* ref */
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

/* ---- the end ---- */

static void tcp_visitor_on_grave(struct loop_task *task)
{
	struct tcp_visitor *v = CONTAINER_OF(task, struct tcp_visitor, grave);
	struct tunnel *t = v->tunnel;
	struct relay_shared *shared = t->worker->shared;

	mem_free(v);
	tunnel_unref(&t);
	worker_uncount_visitor(shared);
}

static void tcp_visitor_record(struct tcp_visitor *v, enum access_end ended, const char *error)
{
	struct worker *w = v->tunnel->worker;
	const struct access_record record = {
		.visitor = slice_from_str(v->peer),
		.tunnel = tunnel_name(v->tunnel),
		.method = SLICE("TCP"),
		.request_id = slice_of(v->request_id, sizeof(v->request_id)),
		.error_code = slice_from_str(error),
		.ended = ended,
		.bytes_in = v->pump ? pump_bytes(v->pump, PUMP_A) : 0,
		.bytes_out = v->pump ? pump_bytes(v->pump, PUMP_B) : 0,
		.first_byte_us = UINT64_MAX,
		.duration_us = loop_clock_us() - v->start_us,
	};

	meter_tell(v->tunnel, &v->visit, record.bytes_in, record.bytes_out);
	meter_leave(v->tunnel, &v->visit);
	metrics_add(w->metrics, METRIC_RECEIVED_BYTES, record.bytes_in);
	metrics_add(w->metrics, METRIC_SENT_BYTES, record.bytes_out);
	if (error)
		metrics_add(w->metrics, metrics_error(record.error_code), 1);
	if (v->pump)
		worker_log_access(w, &record);
	else
		peer_log_request(w, record.visitor, &record);
}

/* Whatever is still there of either side is reset. */
static void tcp_visitor_end(struct tcp_visitor *v, enum access_end ended, const char *error)
{
	struct tunnel *t = v->tunnel;
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

/* ---- bytes ---- */

/* What it carried already may have to be paid for first. */
static void tcp_visitor_pace(struct tcp_visitor *v)
{
	struct tunnel *t = v->tunnel;

	if (!t->meter ||
		!meter_tell(t, &v->visit, pump_bytes(v->pump, PUMP_A), pump_bytes(v->pump, PUMP_B)))
		return;
	timeout_disarm(&v->timeout);
	pump_pause(v->pump);
}

static void tcp_visitor_on_moved(void *ctx)
{
	struct tcp_visitor *v = ctx;

	timeout_arm(v->tunnel->worker->timeouts[WORKER_IDLE], &v->timeout);
	tcp_visitor_pace(v);
}

/* It has waited for the tunnel's bandwidth, unless the month was over meanwhile. */
static void tcp_visitor_on_go_on(struct meter_visit *visit)
{
	struct tcp_visitor *v = CONTAINER_OF(visit, struct tcp_visitor, visit);

	if (meter_is_spent(v->tunnel->meter)) {
		tcp_visitor_give_up(v, VISITOR_ERROR_QUOTA_EXCEEDED);
		return;
	}
	pump_set_step(v->pump, meter_step(v->tunnel->meter));
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

	v->up = tunnel_take(v->tunnel, &taker);
	if (!v->up)
		return false;
	stream_write(v->up->stream, &v->up->prefix, 1);
	v->pump = pump_new(&v->stream, &v->up->stream, &tcp_visitor_pump_events, v);
	if (v->tunnel->meter)
		pump_set_step(v->pump, meter_step(v->tunnel->meter));
	tcp_visitor_on_moved(v);
	pump_start(v->pump);
	return true;
}

/* ---- waiting ---- */

static void tcp_visitor_on_ready(struct tunnel_waiter *waiter)
{
	struct tcp_visitor *v = CONTAINER_OF(waiter, struct tcp_visitor, waiter);

	if (tcp_visitor_begin(v))
		tunnel_unwait(v->tunnel, waiter);
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
	struct tunnel *t = v->tunnel;

	stream_listen(v->stream, &tcp_visitor_held_events, v);
	if (t->waiter_count >= TCP_VISITOR_HELD_MAX || !tunnel_wait(t, &v->waiter)) {
		tcp_visitor_end(
			v, ACCESS_RELAY, visitor_error_get(VISITOR_ERROR_TOO_MANY_WAITING)->code);
		return;
	}
	timeout_arm(t->worker->timeouts[tunnel_wait_clock(t, false)], &v->timeout);
}

/* ---- its life ---- */

static struct tcp_visitor *tcp_visitor_new(
	struct tunnel *t, struct stream *stream, const struct addr *peer, uint16_t port)
{
	struct tcp_visitor *v = MEM_NEW(struct tcp_visitor);
	struct addr local;

	v->tunnel = t;
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
	v->local_port = port;
	if (addr_of_socket(stream_tcp_fd(stream), &local) == 0)
		addr_print(&local, v->local);
	return v;
}

void tcp_visitor_serve(
	struct tunnel *t, struct stream *stream, const struct addr *peer, uint16_t port)
{
	struct worker *w = t->worker;
	struct tcp_visitor *v;

	atomic_fetch_add(&w->shared->connections, 1);
	metrics_add(w->metrics, METRIC_TCP, 1);
	metrics_add(w->metrics, METRIC_TCP_OPEN, 1);
	v = tcp_visitor_new(t, stream, peer, port);
	meter_enter(t, &v->visit);
	if (!tcp_visitor_begin(v))
		tcp_visitor_wait(v);
}

void tcp_visitor_close_all(struct worker *w)
{
	struct list *node;

	while ((node = w->tcp_visitors.next) != &w->tcp_visitors)
		tcp_visitor_end(CONTAINER_OF(node, struct tcp_visitor, node), ACCESS_RELAY, NULL);
}
