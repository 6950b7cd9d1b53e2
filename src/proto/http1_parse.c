/*
 * The head parser. It works line by line: a line is judged once it is whole, so a message gets the
 * same verdict however it is cut into pieces. The limits are the exception, they also hold for a
 * line whose end is not in sight. Plain fields are judged while their end is looked for; for any
 * other line the end is found first. Called by whoever reads bytes; it uses nothing behind the
 * empty line.
 */
#include "proto/http1_parse.h"

#include <endian.h>

#include "base/attr.h"
#include "proto/http_char.h"

#define HTTP1_METHOD_MAX 32
#define HTTP1_VERSION_LEN 8 /* "HTTP/1.1" */
#define HTTP1_LINE_END 2
/* Of a request line besides the target: the method, two blanks, the version, CR LF. */
#define HTTP1_LINE_ROOM (HTTP1_METHOD_MAX + 1 + 1 + HTTP1_VERSION_LEN + HTTP1_LINE_END)

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE, HTTP1_TRAILERS };

struct http1_reading {
	struct http1_parser *parser;
	const struct http1_limits *limits;
	struct http_head *head;
	enum http1_kind kind;
	bool started; /* the request or status line was read */
	bool resumed; /* earlier lines were read in earlier calls */
};

/* Only what is read before it is written needs a value: not the 10 KiB of fields. */
static void http1_clear_head(struct http_head *head)
{
	head->method_id = HTTP_METHOD_OTHER;
	head->line = head->method = head->target = head->reason = (struct slice) {NULL, 0};
	head->status = 0;
	head->minor = 0;
	head->field_count = 0;
	head->size = 0;
	memset(head->first, 0, sizeof(head->first));
}

static enum http_fault http1_read_version(
	struct slice text, enum http_fault malformed, uint8_t *minor)
{
	if (memcmp(text.ptr, "HTTP/", 5) != 0 || text.ptr[5] < '0' || text.ptr[5] > '9' ||
		text.ptr[6] != '.' || text.ptr[7] < '0' || text.ptr[7] > '9')
		return malformed;
	if (text.ptr[5] != '1')
		return HTTP_FAULT_VERSION;
	/* A higher minor version is read as the highest one known (RFC 9110, 2.5). */
	*minor = text.ptr[7] != '0';
	return HTTP_FAULT_NONE;
}

/* What is written is always HTTP/1.1. */
static void http1_note_line(struct http_head *head, struct slice line, struct slice version)
{
	if (version.ptr[HTTP1_VERSION_LEN - 1] == '1')
		head->line = slice_of(line.ptr, line.len + HTTP1_LINE_END);
}

static enum http_fault http1_read_request_line(struct http1_reading *r, struct slice line)
{
	struct http_head *head = r->head;
	size_t method = http_char_span(line, HTTP_CHAR_TOKEN), span;
	struct slice target;

	if (!method || method > HTTP1_METHOD_MAX || method == line.len || line.ptr[method] != ' ')
		return HTTP_FAULT_REQUEST_LINE;
	target = slice_from(line, method + 1);
	span = http_char_target_span(target);
	if (span < target.len && target.ptr[span] != ' ')
		return target.ptr[span] == '\r' ? HTTP_FAULT_LINE_END : HTTP_FAULT_TARGET_INVALID;
	if (!span || target.len - span != 1 + HTTP1_VERSION_LEN)
		return HTTP_FAULT_REQUEST_LINE;
	if (span > r->limits->target)
		return HTTP_FAULT_TARGET_TOO_LONG;
	head->method = slice_first(line, method);
	head->method_id = http_method_of(head->method);
	head->target = slice_first(target, span);
	http1_note_line(head, line, slice_from(target, span + 1));
	return http1_read_version(
		slice_from(target, span + 1), HTTP_FAULT_REQUEST_LINE, &head->minor);
}

static enum http_fault http1_read_status_line(struct http1_reading *r, struct slice line)
{
	struct http_head *head = r->head;
	const struct slice whole = line;
	const char *digit = line.ptr + HTTP1_VERSION_LEN + 1;
	enum http_fault fault;
	unsigned status = 0;

	if (line.len < HTTP1_VERSION_LEN + 4 || digit[-1] != ' ')
		return HTTP_FAULT_STATUS_LINE;
	fault = http1_read_version(line, HTTP_FAULT_STATUS_LINE, &head->minor);
	if (fault)
		return fault;
	for (int i = 0; i < 3; i++) {
		if (digit[i] < '0' || digit[i] > '9')
			return HTTP_FAULT_STATUS_LINE;
		status = status * 10 + (unsigned)(digit[i] - '0');
	}
	/* The blank before an empty reason is left out by enough servers to let that in. */
	line = slice_from(line, HTTP1_VERSION_LEN + 4);
	if (line.len && line.ptr[0] != ' ')
		return HTTP_FAULT_STATUS_LINE;
	if (!http_char_is_value(line))
		return slice_find(line, '\r') < line.len ? HTTP_FAULT_LINE_END
							 : HTTP_FAULT_STATUS_LINE;
	if (status < 100 || status > 599)
		return HTTP_FAULT_STATUS_INVALID;
	head->status = (uint16_t)status;
	head->reason = slice_from(line, 1);
	if (head->reason.len)
		http1_note_line(head, whole, whole);
	return HTTP_FAULT_NONE;
}

/*
 * What governs framing, routing, authentication, caching or the reading of the content has no
 * business behind it (RFC 9110, 6.5.1): a recipient that merges trailers would act on it.
 */
static bool http1_is_trailer_forbidden(struct slice name)
{
	static const struct slice names[] = {
		{"authorization", 13},
		{"cache-control", 13},
		{"connection", 10},
		{"content-encoding", 16},
		{"content-length", 14},
		{"content-range", 13},
		{"content-type", 12},
		{"cookie", 6},
		{"expect", 6},
		{"forwarded", 9},
		{"host", 4},
		{"keep-alive", 10},
		{"location", 8},
		{"max-forwards", 12},
		{"proxy-authenticate", 18},
		{"proxy-authorization", 19},
		{"proxy-connection", 16},
		{"range", 5},
		{"set-cookie", 10},
		{"te", 2},
		{"trailer", 7},
		{"transfer-encoding", 17},
		{"upgrade", 7},
		{"vary", 4},
		{"www-authenticate", 16},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (slice_eq_fold(names[i], name))
			return true;
	}
	return slice_eq_fold(slice_first(name, 12), SLICE("x-forwarded-"));
}

static bool http1_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice http1_trim(struct slice s)
{
	const char *begin = s.ptr, *end = s.ptr + s.len;

	while (begin < end && http1_is_blank(*begin))
		begin++;
	while (begin < end && http1_is_blank(end[-1]))
		end--;
	return slice_of(begin, (size_t)(end - begin));
}

/*
 * Tabs around a value are blanks (RFC 9110, 5.5), but Node.js takes one behind "chunked" for a part
 * of the coding's name, and then reads until the connection closes. Nobody sends them there.
 */
static enum http_fault http1_check_tabs(struct slice raw, enum http_field_id id)
{
	if (id != HTTP_FIELD_CONTENT_LENGTH && id != HTTP_FIELD_TRANSFER_ENCODING)
		return HTTP_FAULT_NONE;
	if (slice_find(raw, '\t') == raw.len)
		return HTTP_FAULT_NONE;
	return id == HTTP_FIELD_CONTENT_LENGTH ? HTTP_FAULT_LENGTH_INVALID
					       : HTTP_FAULT_CODING_UNKNOWN;
}

/* Where the colon is, or the length: eight bytes at a time, and no call for so few. */
static size_t http1_find_colon(struct slice line)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t word;
	size_t at = 0;

	for (; line.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, line.ptr + at, sizeof(word));
		word = le64toh(word) ^ (ones * ':');
		word = (word - ones) & ~word & (ones * 0x80);
		if (word)
			return at + (size_t)__builtin_ctzll(word) / 8;
	}
	while (at < line.len && line.ptr[at] != ':')
		at++;
	return at;
}

/* The length of the field's name, or 0 when there is none. Names that are known are tokens. */
static size_t http1_read_name(struct slice line, enum http_field_id *id_out)
{
	size_t len = http1_find_colon(line);
	struct slice name = slice_first(line, len);

	if (len == line.len)
		return 0;
	*id_out = http_field_id_of(name);
	return *id_out || http_char_span(name, HTTP_CHAR_TOKEN) == len ? len : 0;
}

/* Whether a value ends in CR LF right behind it, and begins one blank behind its name. */
static bool http1_is_plain(struct slice line, size_t name, size_t value)
{
	return name + 2 + value == line.len && line.ptr[name + 1] == ' ';
}

/* The place for one more field, or NULL when there are too many. */
static struct http_field *http1_next_field(const struct http1_reading *r)
{
	struct http_head *head = r->head;

	if (head->field_count >= r->limits->fields || head->field_count >= HTTP_FIELDS_MAX)
		return NULL;
	return &head->fields[head->field_count];
}

static void http1_count_field(struct http_head *head, struct http_field *field)
{
	field->hop = false;
	head->field_count++;
	if (!head->first[field->id])
		head->first[field->id] = head->field_count;
}

static enum http_fault http1_read_field(struct http1_reading *r, struct slice line)
{
	struct http_head *head = r->head;
	enum http_field_id id = HTTP_FIELD_OTHER;
	size_t name = http1_read_name(line, &id);
	struct http_field *field;

	if (UNLIKELY(!name)) {
		if (head->field_count && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
			return HTTP_FAULT_OBS_FOLD;
		return HTTP_FAULT_FIELD_NAME;
	}
	field = http1_next_field(r);
	if (!field)
		return HTTP_FAULT_TOO_MANY_FIELDS;
	field->id = id;
	field->name = slice_first(line, name);
	field->value = http1_trim(slice_from(line, name + 1));
	field->plain = http1_is_plain(line, name, field->value.len);
	if (UNLIKELY(!http_char_is_value(field->value)))
		return memchr(field->value.ptr, '\r', field->value.len) ? HTTP_FAULT_LINE_END
									: HTTP_FAULT_FIELD_VALUE;
	if (r->kind == HTTP1_TRAILERS && http1_is_trailer_forbidden(field->name))
		return HTTP_FAULT_TRAILER_INVALID;
	http1_count_field(head, field);
	if (id == HTTP_FIELD_HOST && r->kind == HTTP1_REQUEST) {
		if (r->parser->has_host)
			return HTTP_FAULT_HOST_REPEATED;
		r->parser->has_host = true;
	}
	return http1_check_tabs(slice_from(line, name + 1), id);
}

/*
 * A field as nearly all are: name, colon, one blank, a value without blanks around it or control
 * characters in it, CR LF. Its end is found while its bytes are judged, in one pass. The length of
 * the line, or 0: then whatever stands there is left to http1_read_field.
 */
static size_t http1_read_plain(struct http1_reading *r, struct slice in)
{
	enum http_field_id id = HTTP_FIELD_OTHER;
	size_t name = http1_read_name(in, &id), value = name + 2, end;
	struct http_field *field;

	if (!name || in.len < value + 1 || in.ptr[name + 1] != ' ' || in.ptr[value] == ' ' ||
		(id == HTTP_FIELD_HOST && r->parser->has_host))
		return 0;
	end = value + http_char_plain_span(slice_from(in, value));
	field = http1_next_field(r);
	if (in.len - end < HTTP1_LINE_END || in.ptr[end] != '\r' || in.ptr[end + 1] != '\n' ||
		in.ptr[end - 1] == ' ' || !field)
		return 0;
	field->id = id;
	field->name = slice_first(in, name);
	field->value = slice_of(in.ptr + value, end - value);
	field->plain = true;
	http1_count_field(r->head, field);
	if (id == HTTP_FIELD_HOST)
		r->parser->has_host = r->kind == HTTP1_REQUEST;
	return end + HTTP1_LINE_END;
}

/* Whether bytes up to the given offset are too many; whichever limit is met first is the fault. */
static enum http_fault http1_check_size(const struct http1_reading *r, size_t end)
{
	size_t line_limit;

	if (!r->started && r->kind == HTTP1_REQUEST) {
		line_limit = (size_t)r->parser->line + r->limits->target + HTTP1_LINE_ROOM;
		if (end > line_limit && line_limit <= r->limits->head)
			return HTTP_FAULT_TARGET_TOO_LONG;
	}
	return end > r->limits->head ? HTTP_FAULT_HEAD_TOO_LARGE : HTTP_FAULT_NONE;
}

/* What no request or status line begins with is refused at once: TLS, or another protocol. */
static enum http_fault http1_check_first(const struct http1_reading *r, char c)
{
	if (r->kind == HTTP1_REQUEST)
		return http_char_is(c, HTTP_CHAR_TOKEN) ? HTTP_FAULT_NONE : HTTP_FAULT_REQUEST_LINE;
	return c == 'H' ? HTTP_FAULT_NONE : HTTP_FAULT_STATUS_LINE;
}

static enum http_fault http1_read_line(struct http1_reading *r, struct slice line)
{
	if (r->started)
		return http1_read_field(r, line);
	r->started = true;
	return r->kind == HTTP1_REQUEST ? http1_read_request_line(r, line)
					: http1_read_status_line(r, line);
}

static enum parse_result http1_fail(struct http1_parser *p, enum http_fault fault)
{
	p->fault = fault;
	return PARSE_BAD;
}

static enum parse_result http1_finish(struct http1_reading *r)
{
	r->head->size = r->parser->line;
	if (r->resumed)
		return PARSE_DONE;
	if (r->kind == HTTP1_REQUEST && r->head->minor == 1 && !r->head->first[HTTP_FIELD_HOST])
		return http1_fail(r->parser, HTTP_FAULT_HOST_MISSING);
	return PARSE_DONE;
}

/* Takes the plain fields at the front, none of them seen before: no byte is looked at again and
 * again, however small the pieces are that a line comes in. */
static void http1_read_plain_lines(struct http1_reading *r, struct slice in)
{
	struct http1_parser *p = r->parser;
	size_t len;

	in = slice_first(in, r->limits->head);
	while (p->line < in.len && in.ptr[p->line] != '\r') {
		len = http1_read_plain(r, slice_from(in, p->line));
		if (!len)
			return;
		p->line += (uint32_t)len;
		p->scanned = p->line;
	}
}

static enum parse_result http1_read_lines(struct http1_reading *r, struct slice in)
{
	struct http1_parser *p = r->parser;
	enum http_fault fault;
	struct slice line;
	const char *lf;
	size_t end;

	for (;;) {
		if (r->started && p->scanned == p->line && r->kind != HTTP1_TRAILERS)
			http1_read_plain_lines(r, in);
		lf = memchr(in.ptr + p->scanned, '\n', in.len - p->scanned);
		end = lf ? (size_t)(lf - in.ptr) + 1 : in.len;
		fault = http1_check_size(r, end);
		if (UNLIKELY(fault))
			return http1_fail(p, fault);
		p->scanned = (uint32_t)end;
		if (!lf)
			return PARSE_MORE;
		if (UNLIKELY(end - p->line < HTTP1_LINE_END || lf[-1] != '\r'))
			return http1_fail(p, HTTP_FAULT_LINE_END);
		line = slice_of(in.ptr + p->line, end - p->line - HTTP1_LINE_END);
		p->line = (uint32_t)end;
		if (!line.len)
			return http1_finish(r);
		fault = http1_read_line(r, line);
		if (UNLIKELY(fault))
			return http1_fail(p, fault);
	}
}

/* Reads on from where the parser stands; the head gets the lines that are read now. */
static enum parse_result http1_read_on(struct http1_reading *r, struct slice in)
{
	struct http1_parser *p = r->parser;
	enum parse_result result;
	enum http_fault fault;

	if (in.len <= p->scanned)
		return PARSE_MORE;
	http1_clear_head(r->head);
	r->head->field_count = p->fields;
	r->resumed = p->scanned > 0;
	if (r->kind == HTTP1_REQUEST && !p->line && in.ptr[0] == '\r') {
		if (in.len < HTTP1_LINE_END)
			return PARSE_MORE;
		if (in.ptr[1] != '\n')
			return http1_fail(p, HTTP_FAULT_LINE_END);
		p->line = p->scanned = HTTP1_LINE_END;
	}
	r->started = r->kind == HTTP1_TRAILERS || p->started;
	if (!r->started && in.len > p->line) {
		fault = http1_check_first(r, in.ptr[p->line]);
		if (fault)
			return http1_fail(p, fault);
	}
	result = http1_read_lines(r, in);
	p->fields = r->head->field_count;
	p->started = r->started;
	return result;
}

/*
 * Lines are judged as they come. A head that came in pieces is read once more when it is whole,
 * because what was found in its earlier pieces was not kept: so each byte is read at most twice.
 */
static enum parse_result http1_parse(struct http1_reading *r, struct slice in)
{
	enum parse_result result;

	if (r->parser->fault)
		return PARSE_BAD;
	result = http1_read_on(r, in);
	if (result != PARSE_DONE || !r->resumed)
		return result;
	http1_parser_reset(r->parser);
	return http1_read_on(r, in);
}

enum parse_result http1_parse_request(struct http1_parser *p, struct slice in,
	const struct http1_limits *limits, struct http_head *head)
{
	return http1_parse(
		&(struct http1_reading) {p, limits, head, HTTP1_REQUEST, false, false}, in);
}

enum parse_result http1_parse_response(struct http1_parser *p, struct slice in,
	const struct http1_limits *limits, struct http_head *head)
{
	return http1_parse(
		&(struct http1_reading) {p, limits, head, HTTP1_RESPONSE, false, false}, in);
}

enum parse_result http1_parse_trailers(struct http1_parser *p, struct slice in,
	const struct http1_limits *limits, struct http_head *head)
{
	return http1_parse(
		&(struct http1_reading) {p, limits, head, HTTP1_TRAILERS, false, false}, in);
}
