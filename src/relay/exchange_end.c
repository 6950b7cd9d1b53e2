/*
 * The end of an exchange. Whoever finds that it is over calls one of these; the owner hears of it
 * from a deferred task, so that no object goes away under the feet of the code that uses it.
 */
#include "relay/exchange_end.h"

#include "base/check.h"
#include "base/mem.h"
#include "io/pump.h"
#include "relay/exchange_pace.h"
#include "relay/exchange_priv.h"
#include "relay/peer_log.h"

void exchange_end_release(struct exchange *x, bool reusable)
{
	if (x->work)
		tunnel_unwait(x->tunnel, &x->work->waiter);
	x->up_full = false;
	x->holding = false;
	upstream_put(&x->up, reusable);
}

static void exchange_end_clocks(struct exchange *x)
{
	if (!x->work)
		return;
	timeout_disarm(&x->work->left_timeout);
	timeout_disarm(&x->work->rest_timeout);
}

void exchange_end_work(struct exchange *x)
{
	if (!x->work)
		return;
	exchange_end_clocks(x);
	buf_release(&x->work->inbox);
	pool_put(&x->worker->exchange_works, x->work);
	x->work = NULL;
}

void exchange_end_head(struct exchange *x)
{
	size_t len = (size_t)x->method_len + 1 + x->path_len;
	char *line = mem_dup(x->head.ptr, len);

	mem_free(x->own_head);
	x->own_head = line;
	x->head = slice_of(line, len);
	exchange_end_work(x);
}

static void exchange_end_record(struct exchange *x)
{
	struct worker *w = x->worker;
	struct slice line = x->head;
	uint64_t now = loop_event_us(w->loop);
	struct access_record record = {
		.visitor = x->client,
		.tunnel = tunnel_name(x->tunnel),
		.method = slice_first(line, x->method_len),
		.path = slice_first(slice_from(line, x->method_len + 1), x->path_len),
		.request_id = slice_of(x->request_id, x->request_id_len),
		.error_code = slice_from_str(x->error),
		.status = x->status,
		.ended = x->ended,
		.bytes_in = x->bytes_in,
		.bytes_out = x->bytes_out,
		.first_byte_us = x->first_byte_us ? x->first_byte_us - x->start_us : UINT64_MAX,
		.duration_us = now - x->start_us,
	};

	meter_tell(x->tunnel, &x->visit, x->bytes_in, x->bytes_out);
	meter_leave(x->tunnel, &x->visit);
	metrics_add(w->metrics, METRIC_RECEIVED_BYTES, x->bytes_in);
	metrics_add(w->metrics, METRIC_SENT_BYTES, x->bytes_out);
	if (x->status)
		metrics_add(w->metrics, metrics_response(x->status), 1);
	if (x->error)
		metrics_add(w->metrics, metrics_error(record.error_code), 1);
	if (x->first_byte_us)
		metrics_observe(w->metrics, METRIC_TIME_FIRST_BYTE, record.first_byte_us);
	metrics_observe(w->metrics, METRIC_TIME_DURATION, record.duration_us);
	if (x->was_sent)
		worker_log_access(w, &record);
	else
		peer_log_request(w, x->source, &record);
}

static void exchange_end(struct exchange *x, enum access_end by, bool keep_alive, bool cut)
{
	CHECK(x->state != EXCHANGE_OVER);
	x->state = EXCHANGE_OVER;
	x->ended = by;
	x->done_keep_alive = keep_alive;
	x->done_cut = cut;
	timeout_disarm(&x->timeout);
	exchange_end_clocks(x);
	exchange_pace_end(x);
	exchange_end_record(x);
	loop_defer(x->worker->loop, &x->done_task);
}

void exchange_end_complete(struct exchange *x)
{
	x->up->finished = x->request_whole && !x->up_full;
	exchange_end_release(x, x->up_reusable && x->up->finished);
	exchange_end(x, ACCESS_COMPLETE, x->keep_alive && x->request_whole, false);
}

static unsigned exchange_end_retry_after(const struct exchange *x, enum visitor_error error)
{
	if (error == VISITOR_ERROR_TUNNEL_OFFLINE)
		return tunnel_grace_left_s(x->tunnel);
	if (visitor_error_get(error)->status == 503)
		return x->worker->conf->retry_after_s;
	return 0;
}

static void exchange_end_answer(struct exchange *x, enum visitor_error error, struct slice detail)
{
	struct visitor_fault fault = {
		.error = error,
		.retry_after_s = exchange_end_retry_after(x, error),
		.detail = detail,
	};
	struct buf *out = &x->worker->out;
	struct slice part;

	buf_clear(out);
	reply_write_error(out, &fault, x->audience, slice_of(x->request_id, x->request_id_len),
		x->keep_alive && x->request_whole);
	part = buf_slice(out);
	x->status = (uint16_t)visitor_error_get(error)->status;
	x->bytes_out += part.len;
	if (!stream_write(*x->visitor.stream, &part, 1))
		x->visitor_full = true;
}

void exchange_end_error(
	struct exchange *x, enum visitor_error error, enum access_end by, struct slice detail)
{
	bool keep_alive = false;

	x->error = visitor_error_get(error)->code;
	if (x->up && (by != ACCESS_AGENT || error == VISITOR_ERROR_BAD_RESPONSE))
		upstream_tell(x->up, error);
	exchange_end_release(x, false);
	if (!x->response_started) {
		exchange_end_answer(x, error, detail);
		keep_alive = x->keep_alive && x->request_whole;
	}
	exchange_end(x, by, keep_alive, x->response_started && x->close_delimited);
}

void exchange_end_left(struct exchange *x)
{
	exchange_end_release(x, false);
	exchange_end(x, ACCESS_VISITOR, false, true);
}

void exchange_end_piped(struct exchange *x, enum access_end by)
{
	x->bytes_in += pump_bytes(x->pump, PUMP_A);
	x->bytes_out += pump_bytes(x->pump, PUMP_B);
	metrics_sub(x->worker->metrics, METRIC_UPGRADES_OPEN, 1);
	pump_free(&x->pump);
	exchange_end_release(x, false);
	exchange_end(x, by, false, false);
}

void exchange_end_piped_error(struct exchange *x, enum visitor_error error)
{
	x->error = visitor_error_get(error)->code;
	upstream_tell(x->up, error);
	exchange_end_piped(x, ACCESS_RELAY);
}
