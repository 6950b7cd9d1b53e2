/*
 * Decides how long a body is, and takes it apart. Whatever could be read in two ways is refused
 * here, before a byte of it is passed on. Called with parsed heads; it keeps no bytes.
 */
#include "proto/http1_body.h"

#include "base/num.h"
#include "proto/http_char.h"

#define HTTP1_CHUNK_DIGITS_MAX 16
#define HTTP1_CHUNK_EXTENSION_MAX 4096

/*
 * Repeated lengths are refused even when they agree, and so are lists of them: a recipient may
 * let them in (RFC 9110, 8.6), but then the next one must choose the same. What does not fit a
 * signed number is refused too, because somebody behind will use one.
 */
static enum http_fault http1_read_length(const struct http_head *head, uint64_t *length_out)
{
	struct slice value = http_head_value(head, HTTP_FIELD_CONTENT_LENGTH);

	if (http_head_count(head, HTTP_FIELD_CONTENT_LENGTH) != 1 ||
		num_parse_u64(value, length_out) < 0 || *length_out > INT64_MAX)
		return HTTP_FAULT_LENGTH_INVALID;
	return HTTP_FAULT_NONE;
}

/* Fills in the kind and the length as the fields alone have it. */
static enum http_fault http1_read_framing(const struct http_head *head, struct http1_body *body)
{
	*body = (struct http1_body) {.kind = HTTP1_BODY_NONE};
	if (head->first[HTTP_FIELD_TRANSFER_ENCODING]) {
		if (head->first[HTTP_FIELD_CONTENT_LENGTH])
			return HTTP_FAULT_LENGTH_AND_CODING;
		if (head->minor == 0)
			return HTTP_FAULT_CODING_IN_1_0;
		if (http_head_count(head, HTTP_FIELD_TRANSFER_ENCODING) != 1 ||
			!slice_eq_fold(http_head_value(head, HTTP_FIELD_TRANSFER_ENCODING),
				SLICE("chunked")))
			return HTTP_FAULT_CODING_UNKNOWN;
		body->kind = HTTP1_BODY_CHUNKED;
	} else if (head->first[HTTP_FIELD_CONTENT_LENGTH]) {
		body->kind = HTTP1_BODY_LENGTH;
		return http1_read_length(head, &body->left);
	}
	return HTTP_FAULT_NONE;
}

enum http_fault http1_body_of_request(const struct http_head *head, struct http1_body *body_out)
{
	enum http_fault fault = http1_read_framing(head, body_out);

	/* Behind a CONNECT some expect the content, and others the bytes of the tunnel. */
	if (!fault && head->method_id == HTTP_CONNECT &&
		(body_out->kind == HTTP1_BODY_CHUNKED || body_out->left))
		fault = HTTP_FAULT_UPGRADE_INVALID;
	/* No piece will ever come that could end it. */
	if (body_out->kind == HTTP1_BODY_LENGTH && !body_out->left)
		body_out->kind = HTTP1_BODY_NONE;
	body_out->fault = fault;
	return fault;
}

enum http_fault http1_body_of_response(
	const struct http_head *head, enum http_method method, struct http1_body *body_out)
{
	bool is_bare = head->status < 200 || head->status == 204;
	enum http_fault fault = http1_read_framing(head, body_out);

	/*
	 * A status that has no content, yet announces some, leaves it open whether bytes follow. A
	 * length of zero agrees with the status, and servers do send it. A 2xx to CONNECT would end
	 * the HTTP of this connection; CONNECT is never passed on, so nobody may answer it so.
	 */
	if (!fault && is_bare && (body_out->kind == HTTP1_BODY_CHUNKED || body_out->left))
		fault = HTTP_FAULT_STATUS_INVALID;
	if (!fault && method == HTTP_CONNECT && head->status >= 200 && head->status < 300)
		fault = HTTP_FAULT_STATUS_INVALID;
	if (is_bare || head->status == 304 || method == HTTP_HEAD)
		*body_out = (struct http1_body) {.kind = HTTP1_BODY_NONE};
	else if (body_out->kind == HTTP1_BODY_NONE)
		body_out->kind = HTTP1_BODY_CLOSE;
	body_out->fault = fault;
	return fault;
}

static enum http1_body_event http1_body_fail(struct http1_body *body, enum http_fault fault)
{
	body->fault = fault;
	return HTTP1_BODY_BAD;
}

/* Hands over what there is of the content that is still to come. */
static void http1_take_content(struct http1_body *body, struct slice *in, struct slice *data_out)
{
	size_t len = body->left < in->len ? (size_t)body->left : in->len;

	*data_out = slice_first(*in, len);
	*in = slice_from(*in, len);
	body->left -= len;
}

/*
 * One byte of the chunk size, or the one that ends it. No sign, no "0x", no blanks: RFC 9112, 7.1
 * has none, and readers that skip them disagree on which.
 */
static enum http_fault http1_step_size(struct http1_body *body, char c)
{
	uint64_t digit;

	if (num_parse_hex(slice_of(&c, 1), &digit) == 0) {
		if (body->chunk == HTTP1_CHUNK_SIZE_FIRST)
			body->left = body->extension = 0;
		if (++body->extension > HTTP1_CHUNK_DIGITS_MAX || body->left > INT64_MAX >> 4)
			return HTTP_FAULT_CHUNK_SIZE;
		body->left = body->left << 4 | digit;
		body->chunk = HTTP1_CHUNK_SIZE;
		return HTTP_FAULT_NONE;
	}
	if (body->chunk == HTTP1_CHUNK_SIZE_FIRST || (c != '\r' && c != ';'))
		return HTTP_FAULT_CHUNK_SIZE;
	body->extension = 0;
	body->chunk = c == ';' ? HTTP1_CHUNK_EXTENSION : HTTP1_CHUNK_SIZE_LF;
	return HTTP_FAULT_NONE;
}

/* Where an extension may end: at the next one, or with the line. */
static enum http_fault http1_step_extension_end(struct http1_body *body, char c)
{
	if (c != ';' && c != '\r')
		return HTTP_FAULT_CHUNK_EXTENSION;
	body->chunk = c == ';' ? HTTP1_CHUNK_EXTENSION : HTTP1_CHUNK_SIZE_LF;
	return HTTP_FAULT_NONE;
}

/* Extensions are dropped, but they must be well-formed: a quoted one can hide a line's end. */
static enum http_fault http1_step_extension(struct http1_body *body, char c)
{
	bool is_token = http_char_is(c, HTTP_CHAR_TOKEN);

	if (c != '\r' && ++body->extension > HTTP1_CHUNK_EXTENSION_MAX)
		return HTTP_FAULT_CHUNK_EXTENSION;
	switch (body->chunk) {
	case HTTP1_CHUNK_EXTENSION:
		body->chunk = HTTP1_CHUNK_EXTENSION_NAME;
		return is_token ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_EXTENSION;
	case HTTP1_CHUNK_EXTENSION_NAME:
		if (is_token)
			return HTTP_FAULT_NONE;
		if (c != '=')
			return http1_step_extension_end(body, c);
		body->chunk = HTTP1_CHUNK_EXTENSION_EQUALS;
		return HTTP_FAULT_NONE;
	case HTTP1_CHUNK_EXTENSION_EQUALS:
		body->chunk = c == '"' ? HTTP1_CHUNK_EXTENSION_QUOTED : HTTP1_CHUNK_EXTENSION_VALUE;
		return is_token || c == '"' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_EXTENSION;
	case HTTP1_CHUNK_EXTENSION_VALUE:
		return is_token ? HTTP_FAULT_NONE : http1_step_extension_end(body, c);
	case HTTP1_CHUNK_EXTENSION_QUOTED:
		if (c == '"')
			body->chunk = HTTP1_CHUNK_EXTENSION_END;
		else if (c == '\\')
			body->chunk = HTTP1_CHUNK_EXTENSION_ESCAPED;
		return http_char_is(c, HTTP_CHAR_VALUE) ? HTTP_FAULT_NONE
							: HTTP_FAULT_CHUNK_EXTENSION;
	case HTTP1_CHUNK_EXTENSION_ESCAPED:
		body->chunk = HTTP1_CHUNK_EXTENSION_QUOTED;
		return http_char_is(c, HTTP_CHAR_VALUE) ? HTTP_FAULT_NONE
							: HTTP_FAULT_CHUNK_EXTENSION;
	case HTTP1_CHUNK_EXTENSION_END:
	case HTTP1_CHUNK_SIZE_FIRST:
	case HTTP1_CHUNK_SIZE:
	case HTTP1_CHUNK_SIZE_LF:
	case HTTP1_CHUNK_DATA:
	case HTTP1_CHUNK_DATA_CR:
	case HTTP1_CHUNK_DATA_LF:
	case HTTP1_CHUNK_LAST:
		break;
	}
	return http1_step_extension_end(body, c);
}

/* One byte that belongs to no content. */
static enum http_fault http1_step_chunk(struct http1_body *body, char c)
{
	switch (body->chunk) {
	case HTTP1_CHUNK_SIZE_FIRST:
	case HTTP1_CHUNK_SIZE:
		return http1_step_size(body, c);
	case HTTP1_CHUNK_SIZE_LF:
		body->chunk = body->left ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_LAST;
		return c == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_LINE_END;
	case HTTP1_CHUNK_DATA_CR:
		body->chunk = HTTP1_CHUNK_DATA_LF;
		return c == '\r' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_END;
	case HTTP1_CHUNK_DATA_LF:
		body->chunk = HTTP1_CHUNK_SIZE_FIRST;
		return c == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_END;
	case HTTP1_CHUNK_EXTENSION:
	case HTTP1_CHUNK_EXTENSION_NAME:
	case HTTP1_CHUNK_EXTENSION_EQUALS:
	case HTTP1_CHUNK_EXTENSION_VALUE:
	case HTTP1_CHUNK_EXTENSION_QUOTED:
	case HTTP1_CHUNK_EXTENSION_ESCAPED:
	case HTTP1_CHUNK_EXTENSION_END:
	case HTTP1_CHUNK_DATA:
	case HTTP1_CHUNK_LAST:
		break;
	}
	return http1_step_extension(body, c);
}

static enum http1_body_event http1_next_chunked(
	struct http1_body *body, struct slice *in, struct slice *data_out)
{
	enum http_fault fault;

	while (body->chunk != HTTP1_CHUNK_LAST && in->len) {
		if (body->chunk == HTTP1_CHUNK_DATA) {
			http1_take_content(body, in, data_out);
			if (!body->left)
				body->chunk = HTTP1_CHUNK_DATA_CR;
			return HTTP1_BODY_DATA;
		}
		fault = http1_step_chunk(body, in->ptr[0]);
		if (fault)
			return http1_body_fail(body, fault);
		*in = slice_from(*in, 1);
	}
	return body->chunk == HTTP1_CHUNK_LAST ? HTTP1_BODY_TRAILERS : HTTP1_BODY_MORE;
}

enum http1_body_event http1_body_next(
	struct http1_body *body, struct slice *in, struct slice *data_out)
{
	*data_out = (struct slice) {NULL, 0};
	switch (body->kind) {
	case HTTP1_BODY_NONE:
		return HTTP1_BODY_END;
	case HTTP1_BODY_LENGTH:
		if (!body->left)
			return HTTP1_BODY_END;
		if (!in->len)
			return HTTP1_BODY_MORE;
		http1_take_content(body, in, data_out);
		return HTTP1_BODY_DATA;
	case HTTP1_BODY_CHUNKED:
		return http1_next_chunked(body, in, data_out);
	case HTTP1_BODY_CLOSE:
		if (!in->len)
			return HTTP1_BODY_MORE;
		*data_out = *in;
		*in = slice_from(*in, in->len);
		return HTTP1_BODY_DATA;
	}
	return HTTP1_BODY_END;
}
