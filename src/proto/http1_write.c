/*
 * Writes heads and chunks. It adds no field by itself and checks none: what it is given was
 * parsed, or is our own.
 */
#include "proto/http1_write.h"

#include <time.h>

#include "base/attr.h"
#include "base/num.h"

static const struct {
	unsigned status;
	const char *reason;
} http1_reasons[] = {
	{100, "Continue"},
	{101, "Switching Protocols"},
	{102, "Processing"},
	{103, "Early Hints"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{203, "Non-Authoritative Information"},
	{204, "No Content"},
	{205, "Reset Content"},
	{206, "Partial Content"},
	{207, "Multi-Status"},
	{208, "Already Reported"},
	{226, "IM Used"},
	{300, "Multiple Choices"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{305, "Use Proxy"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{402, "Payment Required"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{407, "Proxy Authentication Required"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{423, "Locked"},
	{424, "Failed Dependency"},
	{425, "Too Early"},
	{426, "Upgrade Required"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{451, "Unavailable For Legal Reasons"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{506, "Variant Also Negotiates"},
	{507, "Insufficient Storage"},
	{508, "Loop Detected"},
	{511, "Network Authentication Required"},
};

void http1_write_request_line(struct buf *out, struct slice method, struct slice target)
{
	size_t len = method.len + 1 + target.len + sizeof(" HTTP/1.1\r\n") - 1;
	char *at = buf_reserve(out, len);

	at = http1_put(at, method);
	*at++ = ' ';
	at = http1_put(at, target);
	http1_put(at, SLICE(" HTTP/1.1\r\n"));
	buf_commit(out, len);
}

void http1_write_status_line(struct buf *out, unsigned status, struct slice reason)
{
	char *start, *at;

	if (!reason.len)
		reason = slice_from_str(http1_reason_of(status));
	start = at = buf_reserve(out, sizeof("HTTP/1.1  \r\n") + NUM_TEXT_MAX + reason.len);
	at = http1_put(at, SLICE("HTTP/1.1 "));
	at += num_print_u64(status, at);
	*at++ = ' ';
	at = http1_put(at, reason);
	at = http1_put(at, SLICE("\r\n"));
	buf_commit(out, (size_t)(at - start));
}

void http1_write_field_u64(struct buf *out, struct slice name, uint64_t value)
{
	char text[NUM_TEXT_MAX];

	http1_write_field(out, name, slice_of(text, num_print_u64(value, text)));
}

void http1_write_date(struct buf *out, uint64_t seconds)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t when = (time_t)seconds;
	struct tm t;

	if (!gmtime_r(&when, &t))
		return;
	buf_printf(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + t.tm_wday * 3,
		t.tm_mday, months + t.tm_mon * 3, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void http1_write_head_end(struct buf *out)
{
	buf_append_slice(out, SLICE("\r\n"));
}

void http1_run_end(struct http1_run *r)
{
	buf_append_slice(r->out, r->text);
	r->text = (struct slice) {NULL, 0};
}

void http1_run_add(struct http1_run *r, const struct http_field *field)
{
	size_t len = field->name.len + 2 + field->value.len + 2;

	if (field->plain && r->text.len && r->text.ptr + r->text.len == field->name.ptr) {
		r->text.len += len;
		return;
	}
	http1_run_end(r);
	if (field->plain)
		r->text = slice_of(field->name.ptr, len);
	else
		http1_write_field(r->out, field->name, field->value);
}

void http1_write_fields(struct buf *out, const struct http_head *head)
{
	struct http1_run run = {.out = out};

	for (size_t i = 0; i < head->field_count; i++) {
		if (!head->fields[i].hop)
			http1_run_add(&run, &head->fields[i]);
	}
	http1_run_end(&run);
}

size_t http1_write_chunk_head(char out[HTTP1_CHUNK_HEAD_MAX], uint64_t size)
{
	char text[NUM_TEXT_MAX];
	char *at = http1_put(out, slice_of(text, num_print_hex(size, text)));

	return (size_t)(http1_put(at, SLICE("\r\n")) - out);
}

const char *http1_reason_of(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(http1_reasons); i++) {
		if (http1_reasons[i].status == status)
			return http1_reasons[i].reason;
	}
	return "";
}
