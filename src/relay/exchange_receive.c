/*
 * Receiving. The local service is suspected like any peer: its answer is parsed, its framing
 * decided once, and the visitor gets what was understood. Whatever comes behind the answer costs
 * the socket (a lying service cannot put words into the next answer).
 */
#include "relay/exchange_receive.h"

#include "base/check.h"
#include "base/mem.h"
#include "io/pump.h"
#include "proto/http1_write.h"
#include "proto/http_hop.h"
#include "relay/exchange_end.h"
#include "relay/exchange_head.h"
#include "relay/exchange_pace.h"
#include "relay/exchange_priv.h"
#include "relay/exchange_send.h"
#include "relay/gather.h"

#define EXCHANGE_INTERIM_MAX 32 /* 1xx heads before the final one */

static const struct slice exchange_receive_none = {NULL, 0};

/* Closing looks like half-closing: nothing that is written shows that nobody reads it any more. */
void exchange_receive_watch_left(struct exchange *x)
{
	if (!x->visitor_half_closed || !x->response_started)
		return;
	if (x->visitor_full)
		timeout_disarm(&x->work->left_timeout);
	else
		timeout_arm(x->worker->timeouts[WORKER_HALF_PAUSED], &x->work->left_timeout);
}

static void exchange_receive_flush(struct exchange *x, struct gather *g)
{
	gather_flush(g);
	x->bytes_out += g->bytes;
	g->bytes = 0;
	if (g->full)
		x->visitor_full = true;
}

/* What came before the fault goes out, however the answer was cut into pieces. */
static bool exchange_receive_bad(struct exchange *x, struct gather *g, enum http_fault fault)
{
	metrics_add(x->worker->metrics, METRIC_PARSE_FAULTS, 1);
	exchange_receive_flush(x, g);
	exchange_end_error(x, VISITOR_ERROR_BAD_RESPONSE, ACCESS_AGENT,
		slice_from_str(http_fault_text(fault)));
	return false;
}

/* ---- upgrade ---- */

static void exchange_receive_on_moved(void *ctx)
{
	struct exchange *x = ctx;

	timeout_arm(x->worker->timeouts[WORKER_IDLE], &x->timeout);
	exchange_pace(x);
}

static void exchange_receive_on_pump_done(void *ctx, enum pump_end end)
{
	struct exchange *x = ctx;

	switch (end) {
	case PUMP_END_BOTH:
		exchange_end_piped(x, ACCESS_COMPLETE);
		break;
	case PUMP_END_A:
		exchange_end_piped(x, ACCESS_VISITOR);
		break;
	case PUMP_END_B:
		exchange_end_piped(x, ACCESS_AGENT);
		break;
	}
}

static const struct pump_events exchange_receive_pump_events = {
	.moved = exchange_receive_on_moved,
	.done = exchange_receive_on_pump_done,
};

/* The 101 was passed on: from here on bytes go both ways, those already received first (D26). */
static void exchange_receive_pipe(struct exchange *x, struct slice rest)
{
	struct buf received;

	buf_init(&received);
	x->state = EXCHANGE_PIPED;
	timeout_disarm(&x->work->left_timeout);
	metrics_add(x->worker->metrics, METRIC_UPGRADES, 1);
	metrics_add(x->worker->metrics, METRIC_UPGRADES_OPEN, 1);
	x->visitor.events->upgraded(x->visitor.ctx, &received);
	x->pump = pump_new(x->visitor.stream, &x->up->stream, &exchange_receive_pump_events, x);
	pump_feed(x->pump, PUMP_A, buf_slice(&received));
	pump_feed(x->pump, PUMP_B, rest);
	buf_release(&received);
	if (x->visitor_half_closed)
		pump_end_side(x->pump, PUMP_A);
	exchange_receive_on_moved(x);
	pump_start(x->pump);
}

/* ---- heads ---- */

/* The head just parsed, rewritten into the worker's scratch buffer behind what is there. */
static void exchange_receive_write_head(
	struct exchange *x, struct gather *g, const struct exchange_head_response *r)
{
	struct buf *out = &x->worker->out;

	gather_flush(g);
	buf_clear(out);
	exchange_head_write_response(out, r);
	gather_add_raw(g, buf_slice(out));
}

static bool exchange_receive_interim(struct exchange *x, struct gather *g)
{
	struct exchange_head_response r = {.head = &x->worker->response_head};

	if (++x->work->interim_count > EXCHANGE_INTERIM_MAX)
		return exchange_receive_bad(x, g, HTTP_FAULT_STATUS_INVALID);
	http1_parser_reset(&x->work->parser);
	if (x->minor == 0)
		return true;
	exchange_receive_write_head(x, g, &r);
	return true;
}

static bool exchange_receive_upgrade(struct exchange *x, struct gather *g)
{
	struct exchange_head_response r = {.head = &x->worker->response_head, .upgrade = true};

	if (!x->upgrade)
		return exchange_receive_bad(x, g, HTTP_FAULT_STATUS_INVALID);
	exchange_receive_write_head(x, g, &r);
	x->response_started = true;
	return true;
}

/* How the body is framed for the visitor, and whether its connection can go on after it. */
static void exchange_receive_choose_framing(struct exchange *x, const struct http_head *head)
{
	bool unsized = x->work->response_body.kind == HTTP1_BODY_CHUNKED ||
		x->work->response_body.kind == HTTP1_BODY_CLOSE;

	x->chunked_response = unsized && x->minor > 0;
	x->close_delimited = unsized && x->minor == 0;
	x->up_reusable =
		http_hop_keeps_alive(head) && x->work->response_body.kind != HTTP1_BODY_CLOSE;
	if (x->close_delimited || !x->request_whole || x->upgrade ||
		atomic_load_explicit(&x->worker->shared->draining, memory_order_relaxed))
		x->keep_alive = false;
}

static bool exchange_receive_final(struct exchange *x, struct gather *g)
{
	struct http_head *head = &x->worker->response_head;
	struct exchange_head_response r = {.head = head};

	exchange_receive_choose_framing(x, head);
	r.chunked = x->chunked_response;
	r.close = !x->keep_alive;
	r.keep_alive = x->keep_alive && x->minor == 0;
	exchange_receive_write_head(x, g, &r);
	g->chunked = x->chunked_response;
	x->status = head->status;
	x->response_started = true;
	x->part = RESPONSE_BODY;
	timeout_disarm(&x->work->left_timeout);
	return true;
}

static bool exchange_receive_head(struct exchange *x, struct slice *in, struct gather *g)
{
	struct worker *w = x->worker;
	struct http_head *head = &w->response_head;
	enum http_fault fault;

	switch (http1_parse_response(&x->work->parser, *in, &w->limits, head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		return exchange_receive_bad(x, g, x->work->parser.fault);
	case PARSE_DONE:
		break;
	}
	fault = http1_body_of_response(head, x->method, &x->work->response_body);
	if (fault != HTTP_FAULT_NONE)
		return exchange_receive_bad(x, g, fault);
	*in = slice_from(*in, head->size);
	http_hop_mark(head);
	x->state = EXCHANGE_RESPONDING;
	if (head->status == 101)
		return exchange_receive_upgrade(x, g);
	if (head->status < 200)
		return exchange_receive_interim(x, g);
	return exchange_receive_final(x, g);
}

/* ---- body ---- */

static void exchange_receive_finish(struct exchange *x, struct slice rest, struct gather *g)
{
	exchange_receive_flush(x, g);
	if (rest.len)
		x->up_reusable = false;
	exchange_end_complete(x);
}

static bool exchange_receive_trailers(struct exchange *x, struct slice *in, struct gather *g)
{
	struct worker *w = x->worker;

	switch (http1_parse_trailers(&x->work->parser, *in, &w->limits, &w->response_head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		return exchange_receive_bad(x, g, x->work->parser.fault);
	case PARSE_DONE:
		break;
	}
	*in = slice_from(*in, w->response_head.size);
	if (x->chunked_response) {
		gather_flush(g);
		buf_clear(&w->out);
		buf_append_slice(&w->out, SLICE("0\r\n"));
		http1_write_fields(&w->out, &w->response_head);
		http1_write_head_end(&w->out);
		gather_add_raw(g, buf_slice(&w->out));
	}
	exchange_receive_finish(x, *in, g);
	return false;
}

static bool exchange_receive_body(struct exchange *x, struct slice *in, struct gather *g)
{
	struct slice data;

	switch (http1_body_next(&x->work->response_body, in, &data)) {
	case HTTP1_BODY_MORE:
		return false;
	case HTTP1_BODY_DATA:
		gather_add_content(g, data);
		return true;
	case HTTP1_BODY_TRAILERS:
		http1_parser_reset(&x->work->parser);
		x->part = RESPONSE_TRAILERS;
		return true;
	case HTTP1_BODY_END:
		exchange_receive_finish(x, *in, g);
		return false;
	case HTTP1_BODY_BAD:
		return exchange_receive_bad(x, g, x->work->response_body.fault);
	}
	UNREACHABLE();
}

/* One step; false when nothing more can be done with the input. */
static bool exchange_receive_step(struct exchange *x, struct slice *in, struct gather *g)
{
	switch (x->part) {
	case RESPONSE_HEAD:
		return in->len && exchange_receive_head(x, in, g);
	case RESPONSE_BODY:
		return exchange_receive_body(x, in, g);
	case RESPONSE_TRAILERS:
		return exchange_receive_trailers(x, in, g);
	}
	UNREACHABLE();
}

static bool exchange_receive_agreed(const struct exchange *x)
{
	return x->upgrade && x->response_started && x->part == RESPONSE_HEAD;
}

/* Uses up what it can of the input. */
static void exchange_receive_walk(struct exchange *x, struct slice *in)
{
	struct gather g;

	gather_init(&g, *x->visitor.stream, x->chunked_response);
	while (exchange_receive_step(x, in, &g)) {
		if (exchange_receive_agreed(x)) {
			exchange_receive_flush(x, &g);
			x->status = 101;
			exchange_receive_pipe(x, *in);
			*in = exchange_receive_none;
			return;
		}
	}
	if (x->state == EXCHANGE_OVER)
		return;
	exchange_receive_flush(x, &g);
	exchange_receive_watch_left(x);
	if (g.full)
		stream_read_stop(x->up->stream);
}

static void exchange_receive_on_data(void *ctx, struct slice data)
{
	struct exchange *x = ctx;
	bool parked = buf_len(&x->work->inbox) > 0, moves = x->part != RESPONSE_TRAILERS;
	struct slice in = data;
	size_t used;

	if (!x->first_byte_us)
		x->first_byte_us = loop_event_us(x->worker->loop);
	x->response_seen = true;
	if (parked) {
		buf_append_slice(&x->work->inbox, data);
		in = buf_slice(&x->work->inbox);
	}
	used = in.len;
	stream_tune_reads(x->up->stream, *x->visitor.stream, data.len);
	exchange_receive_walk(x, &in);
	if (x->state == EXCHANGE_PIPED) {
		exchange_end_head(x);
		return;
	}
	if (x->state == EXCHANGE_OVER) {
		buf_release(&x->work->inbox);
		return;
	}
	if (moves && x->response_started)
		timeout_arm(x->worker->timeouts[WORKER_IDLE], &x->timeout);
	used -= in.len;
	if (parked)
		buf_consume(&x->work->inbox, used);
	else if (in.len)
		buf_append_slice(&x->work->inbox, in);
	exchange_pace(x);
}

/* ---- the ends of the upstream ---- */

static void exchange_receive_on_drained(void *ctx)
{
	struct exchange *x = ctx;

	x->up_full = false;
	if (x->request_whole || meter_visit_waits(&x->visit))
		return;
	exchange_send_arm(x);
	x->visitor.events->resume(x->visitor.ctx);
}

/* The agent said why: its words are kept until the visitor has them. */
static void exchange_receive_told(struct exchange *x)
{
	struct upstream_failure failure = x->up->failure;

	x->up->failure.message = NULL;
	exchange_end_error(x, failure.error, ACCESS_AGENT, slice_from_str(failure.message));
	mem_free(failure.message);
}

static void exchange_receive_lost(struct exchange *x)
{
	if (x->up->failure.message)
		exchange_receive_told(x);
	else if (x->state != EXCHANGE_SENT || !exchange_send_again(x))
		exchange_end_error(
			x, VISITOR_ERROR_AGENT_LOST, ACCESS_AGENT, exchange_receive_none);
}

static void exchange_receive_on_ended(void *ctx)
{
	struct exchange *x = ctx;
	struct gather g;

	if (x->part != RESPONSE_BODY || x->work->response_body.kind != HTTP1_BODY_CLOSE) {
		exchange_receive_lost(x);
		return;
	}
	gather_init(&g, *x->visitor.stream, false);
	if (x->chunked_response)
		gather_add_raw(&g, SLICE("0\r\n\r\n"));
	exchange_receive_finish(x, exchange_receive_none, &g);
}

static void exchange_receive_on_failed(void *ctx, int err)
{
	exchange_receive_lost(ctx);
}

const struct stream_events exchange_receive_events = {
	.data = exchange_receive_on_data,
	.drained = exchange_receive_on_drained,
	.ended = exchange_receive_on_ended,
	.failed = exchange_receive_on_failed,
};
