/*
 * The answer is read as strictly as the relay will read it, but only to know where it ends: its
 * bytes are passed on as they came, all that one read brought in one write. What stands behind the
 * end is nobody's answer, and costs the connection. Only where the service is told another name
 * than the visitor's, that name is replaced in Location and left out of Set-Cookie.
 */
#include "agent/local_http_answer.h"

#include "agent/local_http_cookie.h"
#include "agent/local_http_head.h"
#include "agent/local_http_hint.h"
#include "agent/local_http_send.h"
#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "agent/local_visitor.h"
#include "base/check.h"
#include "base/err.h"
#include "proto/http_hop.h"

#define LOCAL_INTERIM_MAX 32u /* 1xx heads before the final one */

#define LOCAL_TLS_ALERT 0x15 /* types of TLS records */
#define LOCAL_TLS_HANDSHAKE 0x16
#define LOCAL_TLS_MAJOR 0x03

static bool local_http_answer_refuse(struct local_visitor *v, const char *what, const char *why)
{
	struct buf text = {0};

	buf_printf(&text, "gave an answer that is %s: %s", what, why);
	buf_append_char(&text, '\0');
	local_visitor_fail_target(v, "local-reset", buf_slice(&text).ptr);
	buf_release(&text);
	return false;
}

static bool local_http_answer_refuse_head(struct local_visitor *v)
{
	enum http_fault fault = v->parser.fault;
	bool is_large = fault == HTTP_FAULT_HEAD_TOO_LARGE || fault == HTTP_FAULT_TOO_MANY_FIELDS;

	return local_http_answer_refuse(
		v, is_large ? "too large for the relay" : "not HTTP", http_fault_text(fault));
}

static bool local_http_answer_is_tls(struct slice in)
{
	return in.len > 1 && (in.ptr[0] == LOCAL_TLS_ALERT || in.ptr[0] == LOCAL_TLS_HANDSHAKE) &&
		in.ptr[1] == LOCAL_TLS_MAJOR;
}

/* ---- reading: each step takes what it understood off *in; false when there is no next one ---- */

static bool local_http_answer_interim(struct local_visitor *v)
{
	http1_parser_reset(&v->parser);
	if (++v->interim_count > LOCAL_INTERIM_MAX)
		return local_http_answer_refuse(v, "not HTTP", "it never comes to its end");
	return true;
}

/* From http to https is meant: with the visitor's own scheme it would lead here again. */
static bool local_http_answer_is_step_up(const struct local_visitor *v, struct slice url)
{
	return !v->tunnel->tls && slice_eq_fold(slice_first(url, 8), SLICE("https://")) &&
		slice_starts(buf_slice(&v->origin), SLICE("http://"));
}

/* `what` lies in the answer, behind all that was replaced in it before. */
static void local_http_answer_replace(struct local *l, struct slice what, struct slice with)
{
	buf_append(&l->renamed, l->unwritten, (size_t)(what.ptr - l->unwritten));
	buf_append_slice(&l->renamed, with);
	l->unwritten = what.ptr + what.len;
}

/* A redirect to what the service takes for its own address leads a visitor nowhere. */
static void local_http_answer_rename_location(struct local_visitor *v, struct slice url)
{
	struct slice rest;

	if (local_http_head_names(url, buf_slice(&v->tunnel->host), &rest) &&
		!local_http_answer_is_step_up(v, url))
		local_http_answer_replace(
			v->local, slice_first(url, url.len - rest.len), buf_slice(&v->origin));
}

/* A cookie for a name of that kind is dropped by the visitor's browser. */
static void local_http_answer_rename_cookie(struct local_visitor *v, struct slice value)
{
	const struct target *target = &v->tunnel->spec.target;
	struct slice origin = buf_slice(&v->origin), drop;
	const struct local_http_cookie_hosts hosts = {
		.own = {buf_slice(&v->tunnel->host), slice_from_str(target->host)},
		.visitor = slice_from(origin, slice_find(origin, ':') + strlen("://")),
	};
	size_t at = 0;

	while (local_http_cookie_next(value, &hosts, &at, &drop))
		local_http_answer_replace(v->local, drop, slice_of(NULL, 0));
}

static void local_http_answer_rename(struct local_visitor *v, const struct http_head *head)
{
	for (unsigned i = 0; i < head->field_count; i++) {
		const struct http_field *field = &head->fields[i];

		if (field->id != HTTP_FIELD_OTHER)
			continue;
		if (slice_eq_fold(field->name, SLICE("location")))
			local_http_answer_rename_location(v, field->value);
		else if (slice_eq_fold(field->name, SLICE("set-cookie")))
			local_http_answer_rename_cookie(v, field->value);
	}
}

/* Once is enough: who runs the service knows what to do. */
static bool local_http_answer_needs_hint(const struct local_visitor *v, struct slice body)
{
	const struct local_tunnel *t = v->tunnel;

	return !t->is_hinted && !buf_len(&t->host) && local_http_hint_refuses_host(v->status, body);
}

static void local_http_answer_hint(struct local_visitor *v)
{
	const struct report r = {.kind = REPORT_WARNING,
		.tunnel = slice_from_str(v->tunnel->spec.label),
		.code = SLICE("host-refused"),
		.message = SLICE("The service does not expect the tunnel's name in Host or "
				 "Origin: --host-header rewrite sends its own.")};

	v->tunnel->is_hinted = true;
	v->local->events.report(v->local->events.report_ctx, &r);
}

static bool local_http_answer_no_head(struct local_visitor *v, struct slice in)
{
	if (local_http_answer_needs_hint(v, in))
		local_http_answer_hint(v);
	if (local_http_answer_is_tls(in))
		return local_http_answer_refuse(
			v, "not HTTP", "the service speaks TLS: use https://");
	return local_http_answer_refuse_head(v);
}

static bool local_http_answer_final(
	struct local_visitor *v, const struct http_head *head, struct slice body)
{
	v->status = head->status;
	v->keeps_alive = http_hop_keeps_alive(head);
	v->state = LOCAL_BODY;
	if (buf_len(&v->origin))
		local_http_answer_rename(v, head);
	if (local_http_answer_needs_hint(v, body))
		local_http_answer_hint(v);
	return true;
}

static bool local_http_answer_head(struct local_visitor *v, struct slice *in)
{
	struct http_head *head = &v->local->head;
	enum http_fault fault;

	if (!in->len)
		return false;
	switch (http1_parse_response(&v->parser, *in, &v->local->answer, head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		return local_http_answer_no_head(v, *in);
	case PARSE_DONE:
		break;
	}
	fault = http1_body_of_response(head, v->method, &v->body);
	if (fault != HTTP_FAULT_NONE)
		return local_http_answer_refuse(v, "not HTTP", http_fault_text(fault));
	*in = slice_from(*in, head->size);
	if (head->status >= 200)
		return local_http_answer_final(v, head, *in);
	if (head->status != 101)
		return local_http_answer_interim(v);
	if (!v->upgrade)
		return local_http_answer_refuse(v, "not wanted", "it switches protocols unasked");
	v->status = head->status;
	v->state = LOCAL_PIPED;
	return false;
}

static bool local_http_answer_body(struct local_visitor *v, struct slice *in)
{
	struct slice data;

	switch (http1_body_next(&v->body, in, &data)) {
	case HTTP1_BODY_MORE:
		return false;
	case HTTP1_BODY_DATA:
		return true;
	case HTTP1_BODY_TRAILERS:
		http1_parser_reset(&v->parser);
		v->state = LOCAL_TRAILERS;
		return true;
	case HTTP1_BODY_END:
		v->state = LOCAL_ANSWERED;
		return false;
	case HTTP1_BODY_BAD:
		return local_http_answer_refuse(v, "not HTTP", http_fault_text(v->body.fault));
	}
	UNREACHABLE();
}

static bool local_http_answer_trailers(struct local_visitor *v, struct slice *in)
{
	struct http_head *head = &v->local->head;

	switch (http1_parse_trailers(&v->parser, *in, &v->local->answer, head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		return local_http_answer_refuse_head(v);
	case PARSE_DONE:
		break;
	}
	*in = slice_from(*in, head->size);
	v->state = LOCAL_ANSWERED;
	return false;
}

static bool local_http_answer_step(struct local_visitor *v, struct slice *in)
{
	switch (v->state) {
	case LOCAL_SENT:
		return local_http_answer_head(v, in);
	case LOCAL_BODY:
		return local_http_answer_body(v, in);
	case LOCAL_TRAILERS:
		return local_http_answer_trailers(v, in);
	case LOCAL_LINE:
	case LOCAL_HEAD:
	case LOCAL_CONNECTING:
	case LOCAL_ANSWERED:
	case LOCAL_PIPED:
	case LOCAL_OVER:
		break;
	}
	UNREACHABLE();
}

/* ---- passing on ---- */

/* A copy: what lies where the stream has it is written as it is, or not at all. */
static bool local_http_answer_pass_renamed(struct local_visitor *v, struct slice data)
{
	struct buf *out = &v->local->renamed;
	struct slice part;
	bool took;

	buf_append_slice(out, slice_from(data, (size_t)(v->local->unwritten - data.ptr)));
	part = buf_slice(out);
	v->bytes_out += part.len;
	took = stream_write(v->stream, &part, 1);
	buf_release(out);
	return took;
}

static bool local_http_answer_pass(struct local_visitor *v, struct slice data)
{
	if (buf_len(&v->local->renamed))
		return local_http_answer_pass_renamed(v, data);
	v->bytes_out += data.len;
	return !data.len || stream_write(v->stream, &data, 1);
}

/* The answer is whole: the visitor gets its end in the same turn, so that it is one frame. */
static void local_http_answer_finish(struct local_visitor *v, struct slice rest)
{
	bool keep = v->keeps_alive && v->body.kind != HTTP1_BODY_CLOSE && !rest.len && !v->paused &&
		local_http_send_is_whole(v) && v->tunnel->spec.proxy_protocol == 0;

	stream_shutdown(v->stream);
	if (keep)
		local_pool_put(v->tunnel, &v->conn);
	local_visitor_done(v);
}

/* Passes on what was understood of `all`, and keeps the rest. */
static void local_http_answer_use(struct local_visitor *v, struct slice all, struct slice rest)
{
	bool took;

	if (v->state == LOCAL_PIPED) { /* in one write: it may be where the stream has it, once */
		local_visitor_pipe(v, all);
		return;
	}
	took = local_http_answer_pass(v, slice_first(all, all.len - rest.len));
	if (v->state == LOCAL_ANSWERED) {
		local_http_answer_finish(v, rest);
	} else if (!took && !v->held) {
		v->held = true;
		stream_read_stop(v->conn->stream);
	}
}

static void local_http_answer_on_data(void *ctx, struct slice data)
{
	struct local_visitor *v = ctx;
	bool parked = buf_len(&v->answer) > 0;
	struct slice all = data, rest;

	if (!v->first_byte_us)
		v->first_byte_us = loop_event_us(v->local->loop);
	stream_tune_reads(v->conn->stream, v->stream, data.len);
	if (parked) {
		buf_append_slice(&v->answer, data);
		all = buf_slice(&v->answer);
	}
	rest = all;
	v->local->unwritten = all.ptr;
	while (local_http_answer_step(v, &rest))
		;
	if (v->state == LOCAL_OVER) {
		buf_release(&v->local->renamed);
		return;
	}
	local_http_answer_use(v, all, rest);
	if (v->state == LOCAL_OVER || v->state == LOCAL_PIPED)
		buf_clear(&v->answer);
	else if (parked)
		buf_consume(&v->answer, all.len - rest.len);
	else
		buf_append_slice(&v->answer, rest);
}

/* ---- the ends ---- */

static void local_http_answer_lost(struct local_visitor *v, const char *how)
{
	struct buf text = {0};

	if (local_http_send_again(v))
		return;
	buf_printf(
		&text, "%s before its answer %s", how, !v->first_byte_us ? "began" : "was whole");
	buf_append_char(&text, '\0');
	local_visitor_fail_target(v, "local-reset", buf_slice(&text).ptr);
	buf_release(&text);
}

static void local_http_answer_on_ended(void *ctx)
{
	struct local_visitor *v = ctx;

	if (v->state == LOCAL_BODY && v->body.kind == HTTP1_BODY_CLOSE)
		local_http_answer_finish(v, slice_of(NULL, 0));
	else
		local_http_answer_lost(v, "closed the connection");
}

static void local_http_answer_on_failed(void *ctx, int err)
{
	local_http_answer_lost(
		ctx, err == ERR_RESET ? "has reset the connection" : "has lost the connection");
}

static void local_http_answer_on_drained(void *ctx)
{
	local_http_send_drained(ctx);
}

static bool local_http_answer_on_place(void *ctx, struct slice *room)
{
	struct local_visitor *v = ctx;

	return stream_place(v->stream, room);
}

const struct stream_events local_http_answer_events = {
	.data = local_http_answer_on_data,
	.drained = local_http_answer_on_drained,
	.ended = local_http_answer_on_ended,
	.failed = local_http_answer_on_failed,
	.place = local_http_answer_on_place,
};
