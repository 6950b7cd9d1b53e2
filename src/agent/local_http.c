/*
 * The request's head is read once, where it lies in the bytes that brought it, and copied once: for
 * another try and for the report. It is written anew only where names in it are replaced.
 */
#include "agent/local_http.h"

#include "agent/local_http_answer.h"
#include "agent/local_http_head.h"
#include "agent/local_http_send.h"
#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "agent/local_visitor.h"
#include "proto/http_hop.h"

static const struct http1_limits local_http_limits = {
	LOCAL_HEAD_MAX, LOCAL_HEAD_MAX, HTTP_FIELDS_MAX};

/* Of a scheme and Host as the visitor has sent it; nothing where one of them is not known. */
static void local_http_note_origin(struct local_visitor *v, struct slice host)
{
	if (!host.len)
		buf_clear(&v->origin);
	if (!buf_len(&v->origin))
		return;
	buf_append_slice(&v->origin, SLICE("://"));
	buf_append_slice(&v->origin, host);
}

/* Where the report finds method and path: one blank stands between them. */
static void local_http_note_words(
	struct local_visitor *v, const struct http_head *head, size_t method_at)
{
	v->method_at = (uint32_t)method_at;
	v->method_len = (uint32_t)head->method.len;
	v->path_len = (uint32_t)head->target.len;
}

static void local_http_copy_head(
	struct local_visitor *v, const struct http_head *head, struct slice in)
{
	const struct local_http_names names = {
		buf_slice(&v->tunnel->host), buf_slice(&v->tunnel->origin)};

	if (names.host.len) {
		local_http_note_origin(v, http_head_value(head, HTTP_FIELD_HOST));
		local_http_head_write(&v->head, head, &names);
		local_http_note_words(v, head, 0);
	} else {
		buf_append_slice(&v->head, slice_first(in, head->size));
		local_http_note_words(v, head, (size_t)(head->method.ptr - in.ptr));
	}
}

static void local_http_refuse(struct local_visitor *v, enum http_fault fault)
{
	struct buf text = {0};

	buf_printf(&text, "the relay sent a request that is not well-formed: %s",
		http_fault_text(fault));
	local_visitor_fail(v, SLICE("local-reset"), buf_slice(&text));
	buf_release(&text);
}

/* in: all that came behind the line. False when the head is not whole yet. */
static bool local_http_read_head(struct local_visitor *v, struct slice in)
{
	struct http_head *head = &v->local->head;
	enum http_fault fault;

	switch (http1_parse_request(&v->parser, in, &local_http_limits, head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		local_http_refuse(v, v->parser.fault);
		return true;
	case PARSE_DONE:
		break;
	}
	http1_parser_reset(&v->parser);
	fault = http1_body_of_request(head, &v->request);
	if (fault != HTTP_FAULT_NONE) {
		local_http_refuse(v, fault);
		return true;
	}
	v->method = head->method_id;
	v->upgrade = http_hop_wants_upgrade(head);
	local_http_copy_head(v, head, in);
	v->bytes_in += head->size;
	local_visitor_opened(v);
	local_http_send_start(v, slice_from(in, head->size));
	return true;
}

static void local_http_on_head_data(struct local_visitor *v, struct slice data)
{
	struct buf whole;

	if (!buf_len(&v->in)) {
		if (!local_http_read_head(v, data))
			buf_append_slice(&v->in, data);
		return;
	}
	buf_append_slice(&v->in, data);
	whole = v->in;
	v->in = (struct buf) {0};
	if (local_http_read_head(v, buf_slice(&whole)))
		buf_release(&whole);
	else
		v->in = whole;
}

static void local_http_on_data(void *ctx, struct slice data)
{
	struct local_visitor *v = ctx;

	if (v->state == LOCAL_HEAD)
		local_http_on_head_data(v, data);
	else
		local_http_send_more(v, data);
}

/* The visitor takes more of the answer. */
static void local_http_on_drained(void *ctx)
{
	struct local_visitor *v = ctx;

	if (!v->held)
		return;
	v->held = false;
	stream_read_start(v->conn->stream);
}

/* The relay ends a stream behind a whole request, or resets it. */
static void local_http_on_ended(void *ctx)
{
	struct local_visitor *v = ctx;

	v->ended = true;
	if (v->state == LOCAL_HEAD || !local_http_send_is_whole(v))
		local_visitor_gone(v);
}

static void local_http_on_failed(void *ctx, int err)
{
	local_visitor_gone(ctx);
}

static const struct stream_events local_http_events = {
	.data = local_http_on_data,
	.drained = local_http_on_drained,
	.ended = local_http_on_ended,
	.failed = local_http_on_failed,
};

void local_http_begin(struct local_visitor *v, struct slice received)
{
	v->state = LOCAL_HEAD;
	v->service = &local_http_answer_events;
	stream_listen(v->stream, &local_http_events, v);
	if (received.len)
		local_http_on_head_data(v, received);
}
