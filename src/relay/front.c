/*
 * The reading side of visitors' connections. Bytes are used straight from the loop's read buffer;
 * only what cannot be used yet (half a head, a pipelined request) is copied into the inbox, so
 * that an idle connection owns little more than its struct.
 */
#include "relay/front.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/stream.h"
#include "io/stream_parcel.h"
#include "io/stream_tcp.h"
#include "io/stream_tls.h"
#include "relay/admin.h"
#include "relay/exchange.h"
#include "relay/front_body.h"
#include "relay/front_close.h"
#include "relay/front_priv.h"
#include "relay/front_refuse.h"
#include "relay/front_request.h"
#include "relay/front_rest.h"
#include "relay/front_tls.h"
#include "relay/front_turn.h"
#include "relay/front_wait.h"
#include "relay/worker.h"

#define FRONT_INBOX_MAX 16384u /* with more that cannot be used yet, reading stops */

/* A connection on its way to another worker. */
struct front_parcel {
	struct loop_task task;
	struct worker *to; /* borrowed */
	struct stream_parcel stream; /* owned */
	struct buf inbox; /* owned: the request that caused the move, and what came behind it */
	struct front_origin from;
	struct front_known known;
};

static const struct stream_events front_stream_events;
static const struct exchange_events front_exchange_events;
static void front_on_parcel(struct loop_task *task);

/* ---- moving ---- */

static void front_send_away(struct front *f, unsigned home, struct slice rest)
{
	struct stream_parcel stream;
	struct front_parcel *p;
	int err = f->full ? ERR_BUSY : stream_detach(&f->stream, &stream);

	/* Something is still on its way out: its end brings us here again. */
	if (err == ERR_BUSY) {
		f->full = true;
		return;
	}
	if (!err) {
		p = MEM_NEW(struct front_parcel);
		p->to = f->worker->shared->workers[home];
		p->stream = stream;
		buf_append_slice(&p->inbox, rest);
		p->from = f->from;
		p->known.authenticated = f->known.authenticated;
		p->known.nameless = f->known.nameless;
		metrics_add(f->worker->metrics, METRIC_MOVED, 1);
		loop_task_init(&p->task, front_on_parcel);
		loop_post(p->to->loop, &p->task);
		f->moved = true;
	}
	if (err == ERR_NO_FDS)
		front_refuse_move(f);
	else
		front_close_now(f, false);
}

/* ---- working through the input ---- */

/* Parses what there is of a head and acts on it; false when that is all for now. */
static bool front_step_head(struct front *f, struct slice *in)
{
	struct worker *w = f->worker;
	unsigned home;

	if (f->full || f->put_off ||
		(f->body && front_body_read(f->body, *in, &w->limits) == PARSE_MORE))
		return false;
	switch (http1_parse_request(&f->parser, *in, &w->limits, &w->request_head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		front_refuse_bad(f, f->parser.fault, NULL);
		return false;
	case PARSE_DONE:
		break;
	}
	http1_parser_reset(&f->parser);
	if (!front_turn_take(f))
		return false;
	switch (front_request_handle(f, in, &front_exchange_events, &home)) {
	case FRONT_ON:
		/* What was gathered or asked for this request says nothing about the next one. */
		front_body_free(&f->body);
		front_stop_asking(f);
		f->known = (struct front_known) {0};
		return true;
	case FRONT_WAIT:
		return false;
	case FRONT_MOVE:
		front_send_away(f, home, *in);
		return false;
	case FRONT_LATER:
		front_turn_put_off(f);
		return false;
	}
	UNREACHABLE();
}

static bool front_step_body(struct front *f, struct slice *in)
{
	size_t before = in->len;

	if (!exchange_push(f->exchange, in))
		return false;
	if (!exchange_has_request(f->exchange))
		return in->len && in->len < before;
	f->state = FRONT_BUSY;
	return true;
}

static bool front_step(struct front *f, struct slice *in)
{
	if (!in->len)
		return false;
	switch (f->state) {
	case FRONT_HEAD:
		return front_step_head(f, in);
	case FRONT_BODY:
		return front_step_body(f, in);
	case FRONT_ASKING:
	case FRONT_BUSY:
	case FRONT_WAITING:
	case FRONT_PIPED:
	case FRONT_CLOSING:
	case FRONT_GONE:
		return false;
	}
	UNREACHABLE();
}

/* Whether more input would be used at once, instead of filling the inbox. */
static bool front_uses_input(const struct front *f)
{
	switch (f->state) {
	case FRONT_HEAD:
		return !f->full && !f->put_off;
	case FRONT_BODY:
		return exchange_takes_body(f->exchange);
	case FRONT_ASKING:
	case FRONT_BUSY:
	case FRONT_WAITING:
	case FRONT_PIPED:
	case FRONT_CLOSING:
	case FRONT_GONE:
		return false;
	}
	UNREACHABLE();
}

/* The visitor half-closed: requests it sent before are still answered, and that is all. */
static void front_settle_ended(struct front *f, bool pending)
{
	/* What is left although body is taken, the beginning of trailers, never gets whole. */
	if (f->exchange && f->state != FRONT_PIPED)
		exchange_visitor_ended(f->exchange, pending && !exchange_takes_body(f->exchange));
	else if (f->state == FRONT_HEAD && !f->full && !f->put_off)
		front_close_now(f, false);
}

/*
 * After the input was worked through: which clock runs, and whether more may be read. Reading
 * goes on as long as the inbox is small: it is how we hear that a visitor has left.
 */
static void front_settle(struct front *f)
{
	bool pending = buf_len(&f->inbox) > 0;

	if (f->state == FRONT_HEAD)
		front_rest_arm(f);
	if (f->ended) {
		front_settle_ended(f, pending);
		return;
	}
	if (front_rest_is_draining(f) && front_rest_is_at_rest(f)) {
		front_close_now(f, false);
		return;
	}
	if (buf_len(&f->inbox) >= FRONT_INBOX_MAX && !front_uses_input(f))
		stream_read_stop(f->stream);
	else
		stream_read_start(f->stream);
}

/* Works through the inbox and the data behind it. The connection may be gone afterwards. */
static void front_process(struct front *f, struct slice data)
{
	bool parked = buf_len(&f->inbox) > 0;
	struct slice in = data;
	size_t before;

	if (parked) {
		buf_append_secret(&f->inbox, data);
		in = buf_slice(&f->inbox);
	}
	before = in.len;
	while (front_step(f, &in))
		continue;
	if (f->state == FRONT_CLOSING || f->state == FRONT_GONE) {
		buf_wipe(&f->inbox);
		return;
	}
	if (parked)
		buf_consume(&f->inbox, before - in.len);
	else
		buf_append_slice(&f->inbox, in);
	front_settle(f);
}

static void front_process_inbox(struct front *f)
{
	front_process(f, (struct slice) {NULL, 0});
}

static void front_on_next(struct loop_task *task)
{
	struct front *f = CONTAINER_OF(task, struct front, next);

	f->put_off = false;
	front_process_inbox(f);
}

/* ---- the visitor's stream ---- */

static void front_on_data(void *ctx, struct slice data)
{
	struct front *f = ctx;

	if (f->state == FRONT_CLOSING)
		front_close_on_data(f, data);
	else
		front_process(f, data);
	/* A copy of it waits elsewhere, and may be a password. */
	if (f->state == FRONT_ASKING || f->body || f->moved)
		front_wipe(data);
}

static void front_on_drained(void *ctx)
{
	struct front *f = ctx;

	f->full = false;
	if (f->exchange)
		exchange_visitor_drained(f->exchange);
	else if (f->state == FRONT_CLOSING)
		front_close_on_drained(f);
	else
		front_process_inbox(f);
}

static void front_on_ended(void *ctx)
{
	struct front *f = ctx;

	f->ended = true;
	if (f->state == FRONT_CLOSING && !f->full)
		front_close_now(f, false);
	else if (f->state != FRONT_CLOSING)
		front_process_inbox(f);
}

static void front_on_failed(void *ctx, int err)
{
	front_close_now(ctx, false);
}

static const struct stream_events front_stream_events = {
	.data = front_on_data,
	.drained = front_on_drained,
	.ended = front_on_ended,
	.failed = front_on_failed,
};

/* ---- the exchange ---- */

static void front_on_again(void *ctx)
{
	struct front *f = ctx;

	f->state = FRONT_HEAD;
	front_process_inbox(f);
}

static void front_on_resume(void *ctx)
{
	struct front *f = ctx;

	if (f->state == FRONT_BODY)
		front_process_inbox(f);
}

static void front_on_done(void *ctx, bool keep_alive, bool cut)
{
	struct front *f = ctx;

	if (f->exchange)
		f->full = exchange_filled_visitor(f->exchange);
	exchange_free(&f->exchange);
	if (front_rest_is_draining(f))
		keep_alive = false;
	if (!f->stream || cut) {
		front_close_now(f, cut);
		return;
	}
	if (!keep_alive && f->says_close && !f->full &&
		(f->state == FRONT_BUSY || f->state == FRONT_WAITING)) {
		front_close_now(f, false);
		return;
	}
	if (!keep_alive) {
		front_close_gently(f);
		return;
	}
	f->state = FRONT_HEAD;
	front_process_inbox(f);
}

static void front_on_upgraded(void *ctx, struct buf *received_out)
{
	struct front *f = ctx;

	f->state = FRONT_PIPED;
	*received_out = f->inbox;
	buf_init(&f->inbox);
}

static const struct exchange_events front_exchange_events = {
	.resume = front_on_resume,
	.done = front_on_done,
	.upgraded = front_on_upgraded,
};

/* ---- the connection itself ---- */

static void front_on_timeout(struct timeout *timeout)
{
	struct front *f = CONTAINER_OF(timeout, struct front, timeout);
	struct visitor_fault fault = {.error = VISITOR_ERROR_HEAD_TIMEOUT};

	if (f->state == FRONT_HEAD && f->known.head_started)
		front_answer_error(f, &fault, NULL, false);
	else
		front_close_now(f, false);
}

static void front_on_grave(struct loop_task *task)
{
	struct front *f = CONTAINER_OF(task, struct front, grave);
	struct worker *w = f->worker;
	bool moved = f->moved;

	list_remove(&f->node);
	front_tls_end(f);
	metrics_sub(w->metrics, METRIC_VISITORS_OPEN, 1);
	buf_wipe(&f->inbox);
	front_body_free(&f->body);
	front_wait_end(f);
	mem_free(f);
	if (!moved)
		worker_uncount_visitor(w->shared);
}

static struct front *front_new(struct worker *w, struct stream *stream)
{
	struct front *f = MEM_NEW(struct front);

	f->worker = w;
	f->stream = stream;
	f->again = front_on_again;
	list_init(&f->node);
	list_init(&f->handshake);
	list_append(&w->fronts, &f->node);
	metrics_add(w->metrics, METRIC_VISITORS_OPEN, 1);
	timeout_init(&f->timeout, front_on_timeout);
	loop_task_init(&f->grave, front_on_grave);
	loop_task_init(&f->next, front_on_next);
	stream_listen(stream, &front_stream_events, f);
	return f;
}

static void front_arrive(struct front_parcel *p, struct stream *stream)
{
	struct front *f = front_new(p->to, stream);

	f->from = p->from;
	f->known = p->known;
	if (p->from.door == FRONT_DOOR_TLS)
		front_tls_adopt(f);
	f->inbox = p->inbox;
	front_process_inbox(f);
}

static void front_on_parcel(struct loop_task *task)
{
	struct front_parcel *p = CONTAINER_OF(task, struct front_parcel, task);
	struct stream *stream;

	if (!atomic_load(&p->to->shared->stopping) &&
		stream_parcel_adopt(&p->stream, p->to->loop, &stream) == 0) {
		front_arrive(p, stream);
	} else {
		stream_parcel_deinit(&p->stream);
		buf_wipe(&p->inbox);
		worker_uncount_visitor(p->to->shared);
	}
	mem_free(p);
}

/* Both ends of the connection, for those who want to know at the other end of a tunnel. */
static void front_note_place(struct front *f, const struct addr *peer, const struct addr *local)
{
	slice_to_str(SLICE(ADMIN_ADDRESS_LOCAL), f->from.peer, sizeof(f->from.peer));
	if (!peer)
		return;
	addr_print(peer, f->from.peer);
	f->from.peer_port = addr_port(peer);
	if (!local)
		return;
	addr_print(local, f->from.local);
	f->from.local_port = addr_port(local);
}

void front_accept(
	struct worker *w, struct stream *stream, const struct addr *peer, enum front_door door)
{
	struct addr local;
	bool has_local;
	struct front *f;

	if (door != FRONT_DOOR_SOCKET && worker_is_crowded(w)) {
		metrics_add(w->metrics, METRIC_SHED, 1);
		stream_close(&stream);
		return;
	}
	atomic_fetch_add(&w->shared->connections, 1);
	has_local = addr_of_socket(stream_tcp_fd(stream), &local) == 0;
	f = front_new(w, door == FRONT_DOOR_TLS ? front_tls_wrap(w, stream) : stream);
	f->from.door = door;
	metrics_add(w->metrics, METRIC_VISITORS, 1);
	front_note_place(f, peer, has_local ? &local : NULL);
	if (door == FRONT_DOOR_TLS)
		front_tls_begin(f);
	front_settle(f);
}

void front_drain(struct worker *w)
{
	LIST_EACH_SAFE (node, &w->fronts) {
		struct front *f = CONTAINER_OF(node, struct front, node);

		if (front_rest_is_at_rest(f))
			front_close_now(f, false);
	}
}

void front_close_all(struct worker *w)
{
	LIST_EACH_SAFE (node, &w->fronts) {
		front_close_now(CONTAINER_OF(node, struct front, node), false);
	}
}
