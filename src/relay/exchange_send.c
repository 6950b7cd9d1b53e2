/* Sending. The head is kept until the end: for another try, and for the log. */
#include "relay/exchange_send.h"

#include "proto/http1_write.h"
#include "relay/exchange_end.h"
#include "relay/exchange_pace.h"
#include "relay/exchange_priv.h"
#include "relay/gather.h"

#define EXCHANGE_RETRIES_MAX 2
#define EXCHANGE_RESTS_MAX 100

static enum visitor_error exchange_send_wait_error(const struct exchange *x)
{
	return x->tunnel->state == TUNNEL_ONLINE ? VISITOR_ERROR_NO_FREE_SOCKET
						 : VISITOR_ERROR_TUNNEL_OFFLINE;
}

/* An idle limit names itself (D9), and a visitor is not blamed for an agent that takes no body. */
static enum visitor_error exchange_send_late_error(const struct exchange *x)
{
	if (x->response_started || (x->up_full && !x->request_whole))
		return VISITOR_ERROR_IDLE_TIMEOUT;
	return x->request_whole ? VISITOR_ERROR_RESPONSE_TIMEOUT : VISITOR_ERROR_BODY_TIMEOUT;
}

/*
 * The clock of the response starts when the request is whole (D9). A visitor that stops in the
 * middle of its upload holds a socket of the tunnel, and gets less time than a stream that both
 * sides keep open.
 */
void exchange_send_arm(struct exchange *x)
{
	enum worker_timeout clock = WORKER_UPLOAD;

	if (x->request_whole)
		clock = WORKER_RESPONSE;
	else if (x->up_full || x->response_started)
		clock = WORKER_IDLE;
	timeout_arm(x->worker->timeouts[clock], &x->timeout);
}

static void exchange_send_on_revoked(void *holder)
{
	struct exchange *x = holder;

	if (x->state == EXCHANGE_PIPED)
		exchange_end_piped(x, ACCESS_AGENT);
	else if (x->state != EXCHANGE_SENT || x->response_seen || !exchange_send_again(x))
		exchange_end_error(
			x, VISITOR_ERROR_AGENT_LOST, ACCESS_AGENT, (struct slice) {NULL, 0});
}

/* A request that may not be sent twice should not meet a socket that went stale unnoticed. */
static bool exchange_send_is_careful(const struct exchange *x)
{
	return !http_method_is_idempotent(x->method) || x->work->body.kind != HTTP1_BODY_NONE;
}

/* The request is out. An upgrade goes on in both directions. */
static void exchange_send_half_close(struct exchange *x)
{
	if (x->up->one_shot && !x->upgrade)
		stream_shutdown(x->up->stream);
}

static struct upstream *exchange_send_find(struct exchange *x)
{
	const bool direct = !x->client_text;
	const struct tunnel_taker taker = {
		.revoked = exchange_send_on_revoked,
		.holder = x,
		.visitor = x->client,
		.visitor_port = direct ? x->visitor.peer_port : 0,
		.public_address = x->visitor.local,
		.public_port = x->visitor.local_port,
		.scheme =
			x->visitor.tls || x->worker->conf->secure ? SLICE("https") : SLICE("http"),
		.request_id = slice_of(x->request_id, x->request_id_len),
		.careful = exchange_send_is_careful(x),
	};

	return tunnel_take(x->tunnel, &taker);
}

static bool exchange_send_take(struct exchange *x)
{
	struct slice parts[2];

	x->up = exchange_send_find(x);
	if (!x->up)
		return false;
	parts[0] = x->up->prefix;
	parts[1] = x->head;
	x->state = EXCHANGE_SENT;
	x->was_sent = true;
	stream_listen(x->up->stream, x->up_events, x);
	stream_set_bulk(x->up->stream, false);
	if (x->tunnel->meter)
		exchange_pace_step(x);
	stream_read_start(x->up->stream);
	x->up_full = !(parts[0].len ? stream_write(x->up->stream, parts, 2)
				    : stream_write(x->up->stream, parts + 1, 1));
	if (x->request_whole)
		exchange_send_half_close(x);
	x->holding = x->up->head_alone && !x->request_whole;
	if (x->holding)
		timeout_arm(x->worker->timeouts[WORKER_HEAD_REST], &x->work->rest_timeout);
	exchange_send_arm(x);
	return true;
}

void exchange_send_start(struct exchange *x)
{
	struct slice none = {NULL, 0};

	if (exchange_send_take(x))
		return;
	x->state = EXCHANGE_WAITING;
	if (x->tunnel->state == TUNNEL_CLOSED) {
		exchange_end_error(x, VISITOR_ERROR_TUNNEL_OFFLINE, ACCESS_RELAY, none);
		return;
	}
	x->work->waiter.held_bytes = (uint32_t)x->head.len;
	if (!tunnel_wait(x->tunnel, &x->work->waiter)) {
		exchange_end_error(x, VISITOR_ERROR_TOO_MANY_WAITING, ACCESS_RELAY, none);
		return;
	}
	timeout_arm(x->worker->timeouts[tunnel_wait_clock(x->tunnel, x->upgrade)], &x->timeout);
}

bool exchange_send_again(struct exchange *x)
{
	if (x->response_seen || x->body_sent || (x->up && x->up->failure.message) ||
		x->work->body.kind != HTTP1_BODY_NONE || !http_method_is_idempotent(x->method) ||
		x->upgrade || x->retries >= EXCHANGE_RETRIES_MAX)
		return false;
	x->retries++;
	metrics_add(x->worker->metrics, METRIC_RETRIES, 1);
	exchange_end_release(x, false);
	exchange_send_start(x);
	return true;
}

static void exchange_send_whole(struct exchange *x)
{
	x->request_whole = true;
	if (!x->response_started)
		exchange_send_arm(x);
}

static bool exchange_send_refuse(struct exchange *x, enum visitor_error error, const char *sentence)
{
	x->keep_alive = false;
	exchange_end_error(x, error, ACCESS_VISITOR, slice_from_str(sentence));
	return false;
}

/* The trailer section must lie in one piece; an unfinished one stays in the visitor's inbox. */
static bool exchange_send_trailers(struct exchange *x, struct slice *in)
{
	struct worker *w = x->worker;
	struct slice part;

	switch (http1_parse_trailers(&x->work->trailer_parser, *in, &w->limits, &w->request_head)) {
	case PARSE_MORE:
		return true;
	case PARSE_BAD:
		return exchange_send_refuse(x, visitor_error_of_http(x->work->trailer_parser.fault),
			http_fault_text(x->work->trailer_parser.fault));
	case PARSE_DONE:
		break;
	}
	buf_clear(&w->out);
	buf_append_slice(&w->out, SLICE("0\r\n"));
	http1_write_fields(&w->out, &w->request_head);
	http1_write_head_end(&w->out);
	part = buf_slice(&w->out);
	*in = slice_from(*in, w->request_head.size);
	if (!stream_write(x->up->stream, &part, 1))
		x->up_full = true;
	exchange_send_whole(x);
	exchange_send_half_close(x);
	return true;
}

static bool exchange_send_over_limit(const struct exchange *x, size_t more)
{
	uint64_t max = x->worker->conf->max_body;

	return max && x->work->body_bytes + more > max;
}

static bool exchange_send_piece(struct exchange *x, struct gather *g, struct slice data)
{
	if (exchange_send_over_limit(x, data.len))
		return exchange_send_refuse(x, VISITOR_ERROR_BODY_TOO_LARGE, NULL);
	gather_add_content(g, data);
	x->body_sent = true;
	x->work->body_bytes += data.len;
	x->bytes_in += data.len;
	return true;
}

/* Walks the body until the input or the upstream's room is used up, or the content is over. */
static bool exchange_send_pieces(struct exchange *x, struct slice *in, struct gather *g)
{
	struct slice data;

	while (!g->full) {
		switch (http1_body_next(&x->work->body, in, &data)) {
		case HTTP1_BODY_MORE:
			return true;
		case HTTP1_BODY_DATA:
			if (!exchange_send_piece(x, g, data))
				return false;
			break;
		case HTTP1_BODY_TRAILERS:
			x->in_trailers = true;
			return true;
		case HTTP1_BODY_END:
			exchange_send_whole(x);
			return true;
		case HTTP1_BODY_BAD:
			return exchange_send_refuse(x, visitor_error_of_http(x->work->body.fault),
				http_fault_text(x->work->body.fault));
		}
	}
	return true;
}

bool exchange_send_body(struct exchange *x, struct slice *in)
{
	struct gather g;

	if (x->state == EXCHANGE_WAITING || x->request_whole || x->up_full || x->holding ||
		meter_visit_waits(&x->visit))
		return true;
	stream_tune_reads(*x->visitor.stream, x->up->stream, in->len);
	if (!x->in_trailers) {
		gather_init(&g, x->up->stream, x->chunked_request);
		if (!exchange_send_pieces(x, in, &g))
			return false;
		gather_flush(&g);
		x->up_full = g.full;
		if (x->request_whole)
			exchange_send_half_close(x);
	}
	/* A body that moves is not idle, whatever came of an answer. */
	if (!x->request_whole)
		exchange_send_arm(x);
	if (x->in_trailers && !x->request_whole)
		return exchange_send_trailers(x, in);
	return true;
}

static struct exchange *exchange_send_of_waiter(struct tunnel_waiter *waiter)
{
	return CONTAINER_OF(waiter, struct exchange_work, waiter)->exchange;
}

void exchange_send_on_ready(struct tunnel_waiter *waiter)
{
	struct exchange *x = exchange_send_of_waiter(waiter);

	if (!exchange_send_take(x))
		return; /* it had died unnoticed: we keep our place, and our time runs on */
	tunnel_unwait(x->tunnel, waiter);
	if (!x->request_whole)
		x->visitor.events->resume(x->visitor.ctx);
}

void exchange_send_on_closed(struct tunnel_waiter *waiter)
{
	struct exchange *x = exchange_send_of_waiter(waiter);

	exchange_end_error(x, VISITOR_ERROR_TUNNEL_OFFLINE, ACCESS_RELAY, (struct slice) {NULL, 0});
}

void exchange_send_on_rested(struct timeout *timeout)
{
	struct exchange *x = CONTAINER_OF(timeout, struct exchange_work, rest_timeout)->exchange;

	if (!x->tunnel->ops->is_delivered(x->up) && ++x->rests < EXCHANGE_RESTS_MAX) {
		timeout_arm(x->worker->timeouts[WORKER_HEAD_REST], &x->work->rest_timeout);
		return;
	}
	x->holding = false;
	x->visitor.events->resume(x->visitor.ctx);
}

void exchange_send_on_timeout(struct timeout *timeout)
{
	struct exchange *x = CONTAINER_OF(timeout, struct exchange, timeout);
	struct slice none = {NULL, 0};

	switch (x->state) {
	case EXCHANGE_WAITING:
		metrics_add(x->worker->metrics, METRIC_QUEUE_TIMEOUTS, 1);
		exchange_end_error(x, exchange_send_wait_error(x), ACCESS_RELAY, none);
		break;
	case EXCHANGE_SENT:
	case EXCHANGE_RESPONDING:
		exchange_end_error(x, exchange_send_late_error(x), ACCESS_RELAY, none);
		break;
	case EXCHANGE_PIPED:
		exchange_end_piped_error(x, VISITOR_ERROR_IDLE_TIMEOUT);
		break;
	case EXCHANGE_OVER:
		break;
	}
}
