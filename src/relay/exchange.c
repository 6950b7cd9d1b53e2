/* Putting an exchange together, and what its owner tells it. */
#include "relay/exchange.h"

#include "base/check.h"
#include "base/mem.h"
#include "io/pump.h"
#include "proto/http_host.h"
#include "relay/exchange_end.h"
#include "relay/exchange_head.h"
#include "relay/exchange_pace.h"
#include "relay/exchange_priv.h"
#include "relay/exchange_receive.h"
#include "relay/exchange_send.h"
#include "relay/tunnel_gate.h"

static void exchange_on_done(struct loop_task *task)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, done_task);

	x->visitor.events->done(x->visitor.ctx, x->done_keep_alive, x->done_cut);
}

/* Since it half-closed, or since it had to wait. */
static void exchange_watch_half_closed(struct exchange *x)
{
	if (!x->visitor_half_closed || timeout_is_armed(&x->work->left_timeout))
		return;
	if (x->response_started)
		exchange_receive_watch_left(x);
	else if (x->state == EXCHANGE_WAITING || x->request_whole)
		timeout_arm(x->worker->timeouts[WORKER_HALF_CLOSED], &x->work->left_timeout);
}

static void exchange_go_on(struct exchange *x)
{
	if (x->response_started)
		timeout_arm(x->worker->timeouts[WORKER_IDLE], &x->timeout);
	else
		exchange_send_arm(x);
	exchange_watch_half_closed(x);
	if (!x->visitor_full)
		stream_read_start(x->up->stream);
	if (!x->request_whole)
		x->visitor.events->resume(x->visitor.ctx);
}

/* It has waited for the tunnel's bandwidth, unless the month was over meanwhile. */
static void exchange_on_go_on(struct meter_visit *visit)
{
	struct exchange *x = CONTAINER_OF(visit, struct exchange, visit);
	bool spent = meter_is_spent(x->tunnel->meter);

	if (spent && x->state == EXCHANGE_PIPED) {
		exchange_end_piped_error(x, VISITOR_ERROR_QUOTA_EXCEEDED);
	} else if (spent) {
		exchange_end_error(
			x, VISITOR_ERROR_QUOTA_EXCEEDED, ACCESS_RELAY, (struct slice) {NULL, 0});
	} else if (x->state == EXCHANGE_PIPED) {
		exchange_pace_step(x);
		timeout_arm(x->worker->timeouts[WORKER_IDLE], &x->timeout);
		pump_go_on(x->pump);
	} else if (x->up) {
		exchange_pace_step(x);
		exchange_go_on(x);
	}
}

static void exchange_on_left_timeout(struct timeout *timeout)
{
	exchange_end_left(CONTAINER_OF(timeout, struct exchange_work, left_timeout)->exchange);
}

static struct exchange *exchange_new(
	struct worker *w, struct tunnel *t, const struct exchange_visitor *visitor)
{
	struct exchange *x = pool_take(&w->exchanges);

	x->work = pool_take_raw(&w->exchange_works);
	memset(x->work, 0, offsetof(struct exchange_work, head_room));
	x->work->exchange = x;
	x->worker = w;
	x->tunnel = t;
	tunnel_ref(t);
	x->visitor = *visitor;
	x->up_events = &exchange_receive_events;
	timeout_init(&x->timeout, exchange_send_on_timeout);
	timeout_init(&x->work->left_timeout, exchange_on_left_timeout);
	timeout_init(&x->work->rest_timeout, exchange_send_on_rested);
	loop_task_init(&x->done_task, exchange_on_done);
	list_init(&x->work->waiter.node);
	meter_visit_init(&x->visit, exchange_on_go_on);
	meter_enter(t, &x->visit);
	x->work->waiter.ready = exchange_send_on_ready;
	x->work->waiter.closed = exchange_send_on_closed;
	x->start_us = loop_event_us(w->loop);
	return x;
}

/* A trusted proxy's id goes on to the service: then the log and the error pages have it too. */
static void exchange_note_id(struct exchange *x, const struct http_head *head)
{
	const struct relay_conf *conf = x->worker->conf;
	struct slice given = http_head_value(head, HTTP_FIELD_X_REQUEST_ID);

	if (conf->trust_proxy && conf->forwarded && given.len &&
		given.len <= EXCHANGE_REQUEST_ID_MAX) {
		x->request_id = x->long_id = mem_dup_str(given.ptr, given.len);
		x->request_id_len = (uint8_t)given.len;
		return;
	}
	worker_next_request_id(x->worker, x->id_room);
	x->request_id = x->id_room;
	x->request_id_len = WORKER_REQUEST_ID_LEN;
}

/* Of what a trusted proxy says, both are kept in one piece. */
static void exchange_note_client(struct exchange *x, const struct http_head *head)
{
	struct slice client = identity_client_ip(head, x->visitor.peer, true);
	struct slice source = identity_near_ip(head, x->visitor.peer, true);

	x->client_text = mem_alloc(client.len + source.len);
	memcpy(x->client_text, client.ptr, client.len);
	memcpy(x->client_text + client.len, source.ptr, source.len);
	x->client = slice_of(x->client_text, client.len);
	x->source = slice_of(x->client_text + client.len, source.len);
}

/* What is needed of the request after its head is gone. */
static void exchange_note_request(struct exchange *x, const struct exchange_request *r)
{
	const struct http_head *head = r->head;

	x->method = head->method_id;
	x->method_len = (uint32_t)head->method.len;
	x->path_len = (uint32_t)r->target->path.len;
	x->minor = head->minor;
	x->work->body = r->body;
	x->chunked_request = r->body.kind == HTTP1_BODY_CHUNKED;
	x->request_whole = r->body.kind == HTTP1_BODY_NONE;
	x->upgrade = r->upgrade;
	x->keep_alive = r->keep_alive && !r->upgrade; /* frames may come behind */
	x->audience = reply_audience_of(head);
	x->bytes_in = head->size;
	x->client = x->source = x->visitor.peer;
	if (x->worker->conf->trust_proxy)
		exchange_note_client(x, head);
	exchange_note_id(x, head);
}

static void exchange_keep_head(struct exchange *x, struct slice head)
{
	char *to = x->work->head_room;

	if (head.len > EXCHANGE_HEAD_ROOM)
		to = x->own_head = mem_alloc(head.len);
	memcpy(to, head.ptr, head.len);
	x->head = slice_of(to, head.len);
}

struct exchange *exchange_start(struct worker *w, struct tunnel *t,
	const struct exchange_visitor *visitor, const struct exchange_request *request)
{
	struct exchange *x = exchange_new(w, t, visitor);
	struct exchange_head_request head = {
		.head = request->head,
		.conf = w->conf,
		.path = request->target->path,
		.authority = request->target->authority,
		.peer = visitor->peer,
		.upgrade = request->upgrade,
		.tls = visitor->tls,
		.gated = t->gate && t->gate->password,
	};

	exchange_note_request(x, request);
	head.chunked = x->chunked_request;
	head.request_id = slice_of(x->request_id, x->request_id_len);
	buf_clear(&w->out);
	exchange_head_write_request(&w->out, &head);
	exchange_keep_head(x, buf_slice(&w->out));
	metrics_add(w->metrics, METRIC_REQUESTS, 1);
	exchange_send_start(x);
	return x;
}

void exchange_free(struct exchange **x_ptr)
{
	struct exchange *x = *x_ptr;

	if (!x)
		return;
	*x_ptr = NULL;
	if (x->state == EXCHANGE_PIPED)
		exchange_end_piped(x, ACCESS_RELAY);
	else if (x->state != EXCHANGE_OVER)
		exchange_end_left(x);
	loop_cancel(&x->done_task);
	exchange_end_work(x);
	mem_free(x->own_head);
	mem_free(x->client_text);
	mem_free(x->long_id);
	tunnel_unref(&x->tunnel);
	pool_put(&x->worker->exchanges, x);
}

/* What waited for the visitor's turn is as much as its owner holds; it goes as it would be read.
 * Trailers are taken when they are whole, however long they are. */
static bool exchange_push_steps(struct exchange *x, struct slice *in, size_t step)
{
	while (in->len > step && exchange_takes_body(x) && !x->in_trailers) {
		struct slice piece = slice_first(*in, step);

		if (!exchange_send_body(x, &piece))
			return false;
		*in = slice_from(*in, step - piece.len);
		exchange_pace(x);
		if (piece.len == step)
			return true;
	}
	if (!exchange_send_body(x, in))
		return false;
	exchange_pace(x);
	return true;
}

bool exchange_push(struct exchange *x, struct slice *in)
{
	size_t step = x->tunnel->meter ? meter_step(x->tunnel->meter) : STREAM_READ_SMALL;

	if (x->state == EXCHANGE_OVER)
		return false;
	if (step < STREAM_READ_SMALL)
		return exchange_push_steps(x, in, step);
	if (!exchange_send_body(x, in))
		return false;
	exchange_pace(x);
	return true;
}

bool exchange_takes_body(const struct exchange *x)
{
	return (x->state == EXCHANGE_SENT || x->state == EXCHANGE_RESPONDING) &&
		!x->request_whole && !x->up_full && !x->holding && !meter_visit_waits(&x->visit);
}

bool exchange_has_request(const struct exchange *x)
{
	return x->request_whole;
}

bool exchange_filled_visitor(const struct exchange *x)
{
	return x->visitor_full;
}

void exchange_visitor_drained(struct exchange *x)
{
	x->visitor_full = false;
	if ((x->state != EXCHANGE_RESPONDING && x->state != EXCHANGE_SENT) ||
		meter_visit_waits(&x->visit))
		return;
	if (x->response_started)
		timeout_arm(x->worker->timeouts[WORKER_IDLE], &x->timeout);
	exchange_receive_watch_left(x);
	stream_read_start(x->up->stream);
}

void exchange_visitor_ended(struct exchange *x, bool has_rest)
{
	if (x->state == EXCHANGE_OVER)
		return;
	if (!x->request_whole && !has_rest) {
		exchange_end_left(x);
		return;
	}
	x->visitor_half_closed = true;
	if (meter_visit_waits(&x->visit))
		return;
	exchange_watch_half_closed(x);
}
