/* A small reader of messages around the codec; it stops at the end of the first message. */
#include "support/http1_walk.h"

#include "base/mem.h"

void http1_walk_init(struct http1_walk *w, bool is_response, const struct http1_limits *limits)
{
	memset(w, 0, sizeof(*w));
	w->is_response = is_response;
	w->method = HTTP_GET;
	w->limits = *limits;
	buf_init(&w->text);
	buf_init(&w->content);
	/* What a reset must not depend on. */
	memset(&w->head, 0xa5, sizeof(w->head));
}

void http1_walk_deinit(struct http1_walk *w)
{
	buf_release(&w->text);
	buf_release(&w->content);
	mem_free(w->bytes);
	w->bytes = NULL;
}

static void http1_walk_take(struct http1_walk *w, size_t len)
{
	memmove(w->bytes, w->bytes + len, w->len - len);
	w->len -= len;
	w->size += len;
}

static bool http1_walk_finish(struct http1_walk *w, enum http_fault fault)
{
	w->fault = fault;
	w->state = HTTP1_WALK_END;
	return false;
}

static void http1_walk_note_fields(struct http1_walk *w)
{
	for (size_t i = 0; i < w->head.field_count; i++) {
		buf_append_slice(&w->text, w->head.fields[i].name);
		buf_append_str(&w->text, ": ");
		buf_append_slice(&w->text, w->head.fields[i].value);
		buf_append_char(&w->text, '\n');
	}
}

static void http1_walk_note_head(struct http1_walk *w)
{
	const struct http_head *head = &w->head;

	if (w->is_response)
		buf_printf(&w->text, "%u %.*s", head->status, SLICE_ARG(head->reason));
	else
		buf_printf(&w->text, "%.*s %.*s", SLICE_ARG(head->method), SLICE_ARG(head->target));
	buf_printf(&w->text, " 1.%u size %zu\n", head->minor, head->size);
	http1_walk_note_fields(w);
}

static bool http1_walk_step_head(struct http1_walk *w)
{
	struct slice in = slice_of(w->bytes, w->len);
	enum http_fault fault;
	enum parse_result result;

	result = w->is_response ? http1_parse_response(&w->parser, in, &w->limits, &w->head)
				: http1_parse_request(&w->parser, in, &w->limits, &w->head);
	if (result == PARSE_MORE)
		return false;
	if (result == PARSE_BAD)
		return http1_walk_finish(w, w->parser.fault);
	http1_walk_note_head(w);
	fault = w->is_response ? http1_body_of_response(&w->head, w->method, &w->body)
			       : http1_body_of_request(&w->head, &w->body);
	if (fault)
		return http1_walk_finish(w, fault);
	buf_printf(&w->text, "framing %d %llu\n", w->body.kind, (unsigned long long)w->body.left);
	http1_walk_take(w, w->head.size);
	w->state = HTTP1_WALK_BODY;
	return true;
}

static bool http1_walk_step_body(struct http1_walk *w)
{
	struct slice in = slice_of(w->bytes, w->len), data;
	enum http1_body_event event = http1_body_next(&w->body, &in, &data);

	buf_append_slice(&w->content, data);
	http1_walk_take(w, w->len - in.len);
	switch (event) {
	case HTTP1_BODY_MORE:
		return false;
	case HTTP1_BODY_DATA:
		return true;
	case HTTP1_BODY_TRAILERS:
		http1_parser_reset(&w->parser);
		w->state = HTTP1_WALK_TRAILERS;
		return true;
	case HTTP1_BODY_END:
		return http1_walk_finish(w, HTTP_FAULT_NONE);
	case HTTP1_BODY_BAD:
		return http1_walk_finish(w, w->body.fault);
	}
	return false;
}

static bool http1_walk_step_trailers(struct http1_walk *w)
{
	struct slice in = slice_of(w->bytes, w->len);

	switch (http1_parse_trailers(&w->parser, in, &w->limits, &w->head)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		return http1_walk_finish(w, w->parser.fault);
	case PARSE_DONE:
		break;
	}
	buf_append_str(&w->text, "trailers\n");
	http1_walk_note_fields(w);
	http1_walk_take(w, w->head.size);
	return http1_walk_finish(w, HTTP_FAULT_NONE);
}

static bool http1_walk_step(struct http1_walk *w)
{
	switch (w->state) {
	case HTTP1_WALK_HEAD:
		return http1_walk_step_head(w);
	case HTTP1_WALK_BODY:
		return http1_walk_step_body(w);
	case HTTP1_WALK_TRAILERS:
		return http1_walk_step_trailers(w);
	case HTTP1_WALK_END:
		break;
	}
	return false;
}

bool http1_walk_feed(struct http1_walk *w, struct slice piece)
{
	char *bytes;

	if (w->state == HTTP1_WALK_END)
		return false;
	bytes = mem_alloc(w->len + piece.len);
	if (w->len)
		memcpy(bytes, w->bytes, w->len);
	if (piece.len)
		memcpy(bytes + w->len, piece.ptr, piece.len);
	mem_free(w->bytes);
	w->bytes = bytes;
	w->len += piece.len;
	while (http1_walk_step(w))
		;
	return w->state != HTTP1_WALK_END;
}

void http1_walk_close(struct http1_walk *w)
{
	if (w->state == HTTP1_WALK_BODY && w->body.kind == HTTP1_BODY_CLOSE)
		http1_walk_finish(w, HTTP_FAULT_NONE);
}

bool http1_walk_same(const struct http1_walk *a, const struct http1_walk *b)
{
	return a->state == b->state && a->fault == b->fault && a->size == b->size &&
		slice_eq(buf_slice(&a->text), buf_slice(&b->text)) &&
		slice_eq(buf_slice(&a->content), buf_slice(&b->content));
}
