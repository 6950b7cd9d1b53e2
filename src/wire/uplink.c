/*
 * One attempt: the way to the relay (wire/reach.h), then the upgrade, and WebSocket over it where
 * that was asked for. Whatever ends the attempt behind the way goes through uplink_tell.
 */
#include "wire/uplink.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/ws_accept.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "wire/reach.h"
#include "wire/uplink_http.h"
#include "wire/ws_stream.h"

#define UPLINK_HEAD_ROOM 1024u
#define UPLINK_WORDS_MAX 64u /* of the other side, in a sentence for people */

struct uplink {
	struct loop *loop; /* borrowed */
	struct uplink_request request; /* its texts are borrowed */
	uplink_done_fn done;
	void *ctx; /* borrowed */
	struct reach *reach; /* owned, while it runs */
	struct stream *stream; /* owned */
	struct timeout_queue *limits; /* owned; NULL before the stream is there */
	struct timeout limit;
	uint64_t started_us, asked_us;
	uint64_t hop_us[UPLINK_DONE];
	char key[WS_ACCEPT_KEY_LEN + 1];
	struct buf in; /* of the answer under way */
	struct uplink_answer answer;
	bool answered; /* the head is there */
};

static void uplink_free(struct uplink *u)
{
	reach_cancel(&u->reach);
	stream_close(&u->stream);
	timeout_queue_free(&u->limits);
	buf_release(&u->in);
	mem_free(u);
}

static void uplink_tell(struct uplink *u, struct uplink_result *result)
{
	memcpy(result->hop_us, u->hop_us, sizeof(u->hop_us));
	if (u->answered)
		uplink_answer_tell(&u->answer, result);
	timeout_disarm(&u->limit);
	u->done(u->ctx, result);
	uplink_free(u);
}

/* Detail is a buffer of the caller's, released here. */
static void uplink_fail(struct uplink *u, int err, struct buf *detail)
{
	struct uplink_result result = {.hop = UPLINK_HTTP, .err = err, .detail = buf_slice(detail)};

	stream_close(&u->stream);
	uplink_tell(u, &result);
	buf_release(detail);
}

static void uplink_fail_peer(struct uplink *u, int err, const char *what)
{
	struct buf detail = {0};

	uplink_http_write_authority(&detail, &u->request);
	buf_printf(&detail, ": %s", what);
	uplink_fail(u, err, &detail);
}

static void uplink_on_limit(struct timeout *timeout)
{
	struct uplink *u = CONTAINER_OF(timeout, struct uplink, limit);
	struct buf detail = {0};

	uplink_http_write_authority(&detail, &u->request);
	buf_printf(&detail, ": no answer to the request in %.3g s",
		(double)u->request.timeout_ms / 1000);
	uplink_fail(u, ERR_TIMEOUT, &detail);
}

/* ---- HTTP ---- */

/* What goes out may hold a key. */
static void uplink_send(struct uplink *u, struct buf *out)
{
	struct slice bytes = buf_slice(out);

	stream_write(u->stream, &bytes, 1);
	mem_wipe(out->base, out->cap);
	buf_release(out);
	stream_read_start(u->stream);
}

static void uplink_ask_relay(struct uplink *u)
{
	struct buf out = {0};

	u->asked_us = loop_clock_us();
	/* In one piece of memory, which uplink_send wipes: there may be a key in it. */
	buf_reserve(&out, u->request.fields.len + UPLINK_HEAD_ROOM);
	if (u->request.framing == UPLINK_WEBSOCKET)
		ws_accept_make_key(u->key);
	uplink_http_write_request(&out, &u->request, u->key);
	uplink_send(u, &out);
}

static void uplink_succeed(struct uplink *u)
{
	struct uplink_result result = {.hop = UPLINK_DONE, .link = u->stream};
	struct slice rest = uplink_answer_rest(&u->answer, buf_slice(&u->in));

	u->hop_us[UPLINK_HTTP] = loop_clock_us() - u->asked_us;
	u->stream = NULL;
	if (u->request.framing == UPLINK_WEBSOCKET) {
		struct stream *lower = result.link;

		result.link = ws_stream_new(u->loop, &lower, WS_CLIENT);
		ws_stream_feed(result.link, rest);
	} else {
		result.received = rest;
	}
	uplink_tell(u, &result);
}

static void uplink_fail_answer(struct uplink *u, const char *fault)
{
	const struct http_head *head = &u->answer.head;
	struct slice code =
		slice_first(http_head_value(head, HTTP_FIELD_X_ADIT_ERROR), UPLINK_WORDS_MAX);
	struct slice reason = slice_first(head->reason, UPLINK_WORDS_MAX);
	struct buf detail = {0};

	uplink_http_write_authority(&detail, &u->request);
	buf_printf(&detail, " answered %u", head->status);
	if (code.len)
		buf_printf(&detail, " (%.*s)", SLICE_ARG(code));
	else if (reason.len)
		buf_printf(&detail, " %.*s", SLICE_ARG(reason));
	buf_printf(&detail, ": %s", fault);
	uplink_fail(u, ERR_DENIED, &detail);
}

static void uplink_take_answer(struct uplink *u)
{
	const char *fault;

	u->answered = true;
	stream_read_stop(u->stream);
	fault = uplink_answer_fault(&u->answer, &u->request, u->key);
	if (fault)
		uplink_fail_answer(u, fault);
	else
		uplink_succeed(u);
}

static void uplink_fail_syntax(struct uplink *u)
{
	struct buf detail = {0};

	uplink_http_write_authority(&detail, &u->request);
	buf_printf(&detail, ": its answer is not HTTP as it should be: %s",
		http_fault_text(u->answer.parser.fault));
	uplink_fail(u, ERR_SYNTAX, &detail);
}

static void uplink_on_data(void *ctx, struct slice data)
{
	struct uplink *u = ctx;

	buf_append_slice(&u->in, data);
	switch (uplink_answer_read(&u->answer, buf_slice(&u->in))) {
	case PARSE_DONE:
		uplink_take_answer(u);
		break;
	case PARSE_BAD:
		uplink_fail_syntax(u);
		break;
	case PARSE_MORE:
		break;
	}
}

static void uplink_on_drained(void *ctx)
{
}

static void uplink_on_ended(void *ctx)
{
	struct uplink *u = ctx;

	uplink_fail_peer(u, ERR_ENDED,
		buf_len(&u->in) ? "closed the connection in the middle of its answer"
				: "closed the connection without an answer");
}

static void uplink_on_failed(void *ctx, int err)
{
	uplink_fail_peer(ctx, err, err_text(err));
}

static const struct stream_events uplink_stream_events = {
	.data = uplink_on_data,
	.drained = uplink_on_drained,
	.ended = uplink_on_ended,
	.failed = uplink_on_failed,
};

/* ---- its life ---- */

static void uplink_on_reached(void *ctx, const struct uplink_result *result)
{
	struct uplink *u = ctx;

	u->reach = NULL;
	if (result->err) {
		u->done(u->ctx, result);
		uplink_free(u);
		return;
	}
	memcpy(u->hop_us, result->hop_us, sizeof(u->hop_us));
	u->stream = result->link;
	stream_listen(u->stream, &uplink_stream_events, u);
	u->limits = timeout_queue_new(u->loop, reach_time_left(&u->request, u->started_us));
	timeout_arm(u->limits, &u->limit);
	uplink_ask_relay(u);
}

struct uplink *uplink_start(
	struct loop *loop, const struct uplink_request *request, uplink_done_fn done, void *ctx)
{
	struct uplink *u = MEM_NEW(struct uplink);

	u->loop = loop;
	u->request = *request;
	u->done = done;
	u->ctx = ctx;
	u->started_us = loop_clock_us();
	timeout_init(&u->limit, uplink_on_limit);
	u->reach = reach_start(loop, request, uplink_on_reached, u);
	return u;
}

void uplink_cancel(struct uplink **u_ptr)
{
	struct uplink *u = *u_ptr;

	*u_ptr = NULL;
	if (u)
		uplink_free(u);
}

const char *uplink_hop_text(enum uplink_hop hop)
{
	switch (hop) {
	case UPLINK_DNS:
		return "DNS";
	case UPLINK_TCP:
		return "TCP";
	case UPLINK_PROXY:
		return "proxy";
	case UPLINK_TLS:
		return "TLS";
	case UPLINK_HTTP:
		return "HTTP";
	case UPLINK_DONE:
		return "done";
	}
	UNREACHABLE();
}
