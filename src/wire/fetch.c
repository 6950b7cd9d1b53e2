/*
 * The way to the relay (wire/reach.h), a request, its answer's head and body. What is needed of
 * the head is copied, so that the body's bytes need not stay.
 */
#include "wire/fetch.h"

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "proto/http1_body.h"
#include "proto/http1_write.h"
#include "proto/http_date.h"
#include "wire/reach.h"
#include "wire/uplink_http.h"

#define FETCH_HEAD_ROOM 1024u
#define FETCH_CODE_MAX 64u

struct fetch {
	struct loop *loop; /* borrowed */
	struct fetch_request request; /* its texts are borrowed */
	fetch_done_fn done;
	void *ctx; /* borrowed */
	struct reach *reach; /* owned, while it runs */
	struct stream *stream; /* owned */
	struct timeout_queue *limits; /* owned; NULL before the stream is there */
	struct timeout limit;
	uint64_t started_us;
	struct buf in; /* the head under way */
	struct uplink_answer answer;
	bool has_head;
	struct http1_body framing;
	struct fetch_result result;
	char code[FETCH_CODE_MAX + 1];
	struct buf body;
};

static void fetch_free(struct fetch *f)
{
	reach_cancel(&f->reach);
	stream_close(&f->stream);
	timeout_queue_free(&f->limits);
	buf_release(&f->in);
	/* It may be a key. */
	if (f->body.base)
		mem_wipe(f->body.base, f->body.cap);
	buf_release(&f->body);
	mem_free(f);
}

static void fetch_tell(struct fetch *f)
{
	timeout_disarm(&f->limit);
	stream_close(&f->stream);
	f->done(f->ctx, &f->result);
	fetch_free(f);
}

static void fetch_fail(struct fetch *f, int err, const char *what)
{
	struct buf detail = {0};

	uplink_http_write_authority(&detail, &f->request.way);
	buf_printf(&detail, ": %s", what);
	f->result = (struct fetch_result) {
		.hop = UPLINK_HTTP, .err = err, .detail = buf_slice(&detail)};
	fetch_tell(f);
	buf_release(&detail);
}

static void fetch_on_limit(struct timeout *timeout)
{
	struct fetch *f = CONTAINER_OF(timeout, struct fetch, limit);
	struct buf what = {0};

	buf_printf(&what, "no whole answer in %.3g s%c", (double)f->request.way.timeout_ms / 1000,
		'\0');
	fetch_fail(f, ERR_TIMEOUT, buf_slice(&what).ptr);
	buf_release(&what);
}

/* ---- the answer ---- */

static void fetch_succeed(struct fetch *f)
{
	f->result.hop = UPLINK_DONE;
	f->result.code = slice_from_str(f->code);
	f->result.body = buf_slice(&f->body);
	fetch_tell(f);
}

/* False: it has ended with an error. */
static bool fetch_keep(struct fetch *f, struct slice data)
{
	if (data.len > f->request.answer_max - buf_len(&f->body)) {
		fetch_fail(f, ERR_LIMIT, "its answer is longer than it should be");
		return false;
	}
	/* In one piece of memory, which is wiped. */
	if (!f->body.base)
		buf_reserve(&f->body, f->request.answer_max);
	buf_append_slice(&f->body, data);
	return true;
}

static void fetch_take_body(struct fetch *f, struct slice in)
{
	struct slice data;

	for (;;) {
		switch (http1_body_next(&f->framing, &in, &data)) {
		case HTTP1_BODY_DATA:
			if (!fetch_keep(f, data))
				return;
			break;
		case HTTP1_BODY_MORE:
			return;
		case HTTP1_BODY_TRAILERS:
		case HTTP1_BODY_END:
			fetch_succeed(f);
			return;
		case HTTP1_BODY_BAD:
			fetch_fail(f, ERR_SYNTAX, http_fault_text(f->framing.fault));
			return;
		}
	}
}

static void fetch_take_head(struct fetch *f)
{
	const struct http_head *head = &f->answer.head;
	struct uplink_result told = {0};
	enum http_fault fault = http1_body_of_response(
		head, http_method_of(slice_from_str(f->request.method)), &f->framing);

	if (head->status == 101 || fault != HTTP_FAULT_NONE) {
		fetch_fail(f, ERR_SYNTAX,
			fault != HTTP_FAULT_NONE ? http_fault_text(fault)
						 : "it switches to another protocol");
		return;
	}
	uplink_answer_tell(&f->answer, &told);
	f->has_head = true;
	f->result.status = told.status;
	f->result.retry_after_s = told.retry_after_s;
	slice_to_str(told.code, f->code, sizeof(f->code));
	if (http_date_parse(http_head_value(head, HTTP_FIELD_DATE), &f->result.date_s) != 0)
		f->result.date_s = 0;
	fetch_take_body(f, uplink_answer_rest(&f->answer, buf_slice(&f->in)));
}

static void fetch_on_data(void *ctx, struct slice data)
{
	struct fetch *f = ctx;

	if (f->has_head) {
		fetch_take_body(f, data);
		return;
	}
	buf_append_slice(&f->in, data);
	switch (uplink_answer_read(&f->answer, buf_slice(&f->in))) {
	case PARSE_DONE:
		fetch_take_head(f);
		break;
	case PARSE_BAD:
		fetch_fail(f, ERR_SYNTAX, http_fault_text(f->answer.parser.fault));
		break;
	case PARSE_MORE:
		break;
	}
}

static void fetch_on_drained(void *ctx)
{
	/* A request of this size does not wait. */
}

static void fetch_on_ended(void *ctx)
{
	struct fetch *f = ctx;

	if (f->has_head && f->framing.kind == HTTP1_BODY_CLOSE)
		fetch_succeed(f);
	else
		fetch_fail(f, ERR_ENDED,
			buf_len(&f->in) ? "closed the connection in the middle of its answer"
					: "closed the connection without an answer");
}

static void fetch_on_failed(void *ctx, int err)
{
	fetch_fail(ctx, err, err_text(err));
}

static const struct stream_events fetch_stream_events = {
	.data = fetch_on_data,
	.drained = fetch_on_drained,
	.ended = fetch_on_ended,
	.failed = fetch_on_failed,
};

/* ---- the request ---- */

static void fetch_write(const struct fetch *f, struct buf *out)
{
	const struct fetch_request *q = &f->request;
	struct buf host = {0};

	buf_reserve(out, q->way.fields.len + q->body.len + FETCH_HEAD_ROOM);
	uplink_http_write_host_value(&host, &q->way);
	http1_write_request_line(out, slice_from_str(q->method), slice_from_str(q->target));
	http1_write_field(out, SLICE("Host"), buf_slice(&host));
	http1_write_field(out, SLICE("User-Agent"), SLICE("adit/" ADIT_VERSION));
	http1_write_field(out, SLICE("Accept"), SLICE("application/json"));
	http1_write_field(out, SLICE("Connection"), SLICE("close"));
	if (q->body.ptr) {
		http1_write_field(out, SLICE("Content-Type"), SLICE("application/json"));
		buf_printf(out, "Content-Length: %zu\r\n", q->body.len);
	}
	buf_append_slice(out, q->way.fields);
	http1_write_head_end(out);
	buf_append_slice(out, q->body);
	buf_release(&host);
}

static void fetch_ask(struct fetch *f)
{
	struct buf out = {0};
	struct slice bytes;

	fetch_write(f, &out);
	bytes = buf_slice(&out);
	stream_write(f->stream, &bytes, 1);
	mem_wipe(out.base, out.cap);
	buf_release(&out);
	stream_read_start(f->stream);
}

static void fetch_on_reached(void *ctx, const struct uplink_result *result)
{
	struct fetch *f = ctx;

	f->reach = NULL;
	if (result->err) {
		f->result = (struct fetch_result) {
			.hop = result->hop, .err = result->err, .detail = result->detail};
		fetch_tell(f);
		return;
	}
	f->stream = result->link;
	stream_listen(f->stream, &fetch_stream_events, f);
	f->limits = timeout_queue_new(f->loop, reach_time_left(&f->request.way, f->started_us));
	timeout_arm(f->limits, &f->limit);
	fetch_ask(f);
}

struct fetch *fetch_start(
	struct loop *loop, const struct fetch_request *request, fetch_done_fn done, void *ctx)
{
	struct fetch *f = MEM_NEW(struct fetch);

	f->loop = loop;
	f->request = *request;
	f->done = done;
	f->ctx = ctx;
	f->started_us = loop_clock_us();
	timeout_init(&f->limit, fetch_on_limit);
	f->reach = reach_start(loop, &request->way, fetch_on_reached, f);
	return f;
}

void fetch_cancel(struct fetch **f_ptr)
{
	struct fetch *f = *f_ptr;

	*f_ptr = NULL;
	if (f)
		fetch_free(f);
}
