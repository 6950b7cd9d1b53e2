/* Refusals and endings of visitors' connections. */
#include "relay/front_close.h"

#include "base/mem.h"
#include "io/stream.h"
#include "proto/http_head.h"
#include "relay/exchange.h"
#include "relay/front_log.h"
#include "relay/front_priv.h"
#include "relay/gate_hash.h"
#include "relay/gate_password.h"
#include "relay/reply.h"
#include "relay/worker.h"

#define FRONT_DISCARD_MAX (1u << 20) /* a visitor that goes on sending is cut */

void front_continue(struct front *f, const struct http_head *head)
{
	if (head->minor > 0 && http_head_get(head, HTTP_FIELD_EXPECT))
		front_write(f, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

void front_ask(struct front *f)
{
	timeout_disarm(&f->timeout);
	f->state = FRONT_ASKING;
}

void front_stop_asking(struct front *f)
{
	gate_visit_free(&f->visit);
	gate_hash_free(&f->hash);
}

void front_close_now(struct front *f, bool reset)
{
	if (f->state == FRONT_GONE)
		return;
	f->state = FRONT_GONE;
	timeout_disarm(&f->timeout);
	loop_cancel(&f->next);
	front_stop_asking(f);
	exchange_free(&f->exchange);
	if (reset)
		stream_abort(&f->stream);
	else
		stream_close(&f->stream);
	loop_defer(f->worker->loop, &f->grave);
}

void front_close_gently(struct front *f)
{
	if (f->state == FRONT_GONE)
		return;
	f->state = FRONT_CLOSING;
	front_stop_asking(f);
	if (f->ended && !f->full) {
		front_close_now(f, false);
		return;
	}
	stream_shutdown(f->stream);
	if (!f->ended)
		stream_read_start(f->stream);
	timeout_arm(f->worker->timeouts[f->full ? WORKER_IDLE : WORKER_LINGER], &f->timeout);
}

void front_close_on_data(struct front *f, struct slice data)
{
	f->discarded += (uint32_t)data.len;
	if (f->discarded > FRONT_DISCARD_MAX)
		front_close_now(f, false);
}

void front_close_on_drained(struct front *f)
{
	if (f->ended)
		front_close_now(f, false);
	else
		timeout_arm(f->worker->timeouts[WORKER_LINGER], &f->timeout);
}

void front_write(struct front *f, struct slice data)
{
	if (!stream_write(f->stream, &data, 1))
		f->full = true;
}

/* What was read is borrowed as const, and ours all the same. */
void front_wipe(struct slice input)
{
	if (input.len)
		mem_wipe((char *)(uintptr_t)input.ptr, input.len);
}

void front_answer_error(struct front *f, const struct visitor_fault *fault,
	const struct http_head *head, bool keep_alive)
{
	struct worker *w = f->worker;
	char id[WORKER_REQUEST_ID_LEN];

	worker_next_request_id(w, id);
	buf_clear(&w->out);
	reply_write_error(
		&w->out, fault, reply_audience_of(head), slice_of(id, sizeof(id)), keep_alive);
	front_log_error(f, visitor_error_get(fault->error), head, slice_of(id, sizeof(id)));
	front_write(f, buf_slice(&w->out));
	if (!keep_alive)
		front_close_gently(f);
}
