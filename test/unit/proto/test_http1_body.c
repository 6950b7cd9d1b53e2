/* Bodies: how long they are, and their pieces. Odd bytes stand in test_http1_smuggling.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"

static struct http_head head;

static void read_response(const char *text)
{
	struct http1_parser parser = {0};
	struct http1_limits limits = {100, 1000, 10};

	assert_int_equal(
		http1_parse_response(&parser, slice_from_str(text), &limits, &head), PARSE_DONE);
}

/* An exchange that waits for the pieces of an empty body would wait until the visitor leaves. */
static void a_request_of_length_zero_is_one_without_a_body(void **state)
{
	struct slice text = SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	struct http1_parser parser = {0};
	struct http1_limits limits = {100, 1000, 10};
	struct http1_body body;

	assert_int_equal(http1_parse_request(&parser, text, &limits, &head), PARSE_DONE);
	assert_int_equal(http1_body_of_request(&head, &body), HTTP_FAULT_NONE);
	assert_int_equal(body.kind, HTTP1_BODY_NONE);
}

static void a_response_ends_as_its_status_method_and_fields_say(void **state)
{
	static const struct {
		const char *text;
		enum http_method method;
		enum http_fault fault;
		enum http1_body_kind kind;
		uint64_t left;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\n\r\n", HTTP_GET, HTTP_FAULT_NONE, HTTP1_BODY_CLOSE, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", HTTP_GET,
			HTTP_FAULT_NONE, HTTP1_BODY_LENGTH, INT64_MAX},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", HTTP_POST,
			HTTP_FAULT_NONE, HTTP1_BODY_CHUNKED, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_HEAD, HTTP_FAULT_NONE,
			HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_HEAD,
			HTTP_FAULT_NONE, HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 200 OK\r\n\r\n", HTTP_HEAD, HTTP_FAULT_NONE, HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", HTTP_HEAD,
			HTTP_FAULT_LENGTH_INVALID, HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 101 Up\r\n\r\n", HTTP_GET, HTTP_FAULT_NONE, HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 101 Up\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GET,
			HTTP_FAULT_STATUS_INVALID, HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", HTTP_GET, HTTP_FAULT_NONE,
			HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\n", HTTP_GET,
			HTTP_FAULT_STATUS_INVALID, HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 205 Reset\r\n\r\n", HTTP_GET, HTTP_FAULT_NONE, HTTP1_BODY_CLOSE, 0},
		{"HTTP/1.1 304 Same\r\nContent-Length: 7\r\n\r\n", HTTP_GET, HTTP_FAULT_NONE,
			HTTP1_BODY_NONE, 0},
		{"HTTP/1.1 200 OK\r\n\r\n", HTTP_CONNECT, HTTP_FAULT_STATUS_INVALID,
			HTTP1_BODY_CLOSE, 0},
		{"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", HTTP_CONNECT, HTTP_FAULT_NONE,
			HTTP1_BODY_LENGTH, 0},
	};
	struct http1_body body;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_response(rows[i].text);
		assert_int_equal(
			http1_body_of_response(&head, rows[i].method, &body), rows[i].fault);
		assert_int_equal(body.fault, rows[i].fault);
		assert_int_equal(body.kind, rows[i].kind);
		assert_int_equal(body.left, rows[i].left);
	}
}

static void content_comes_in_pieces_and_nothing_behind_it_is_touched(void **state)
{
	struct http1_body body = {.kind = HTTP1_BODY_LENGTH, .left = 3};
	struct slice in = SLICE("ab"), data;

	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_DATA);
	assert_true(slice_eq(data, SLICE("ab")));
	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_MORE);
	in = SLICE("cGET");
	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_DATA);
	assert_true(slice_eq(data, SLICE("c")));
	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_END);
	assert_true(slice_eq(in, SLICE("GET")));
}

static void a_body_of_no_bytes_ends_at_once(void **state)
{
	struct http1_body none = {.kind = HTTP1_BODY_NONE}, zero = {.kind = HTTP1_BODY_LENGTH};
	struct slice in = SLICE("GET"), data;

	assert_int_equal(http1_body_next(&none, &in, &data), HTTP1_BODY_END);
	assert_int_equal(http1_body_next(&zero, &in, &data), HTTP1_BODY_END);
	assert_int_equal(in.len, 3);
}

static void chunks_end_where_the_trailers_begin(void **state)
{
	struct http1_body body = {.kind = HTTP1_BODY_CHUNKED};
	struct slice in = SLICE("2\r\nab\r\n1;x\r\nc\r\n0\r\nA: b\r\n\r\nGET"), data;

	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_DATA);
	assert_true(slice_eq(data, SLICE("ab")));
	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_DATA);
	assert_true(slice_eq(data, SLICE("c")));
	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_TRAILERS);
	assert_true(slice_eq(in, SLICE("A: b\r\n\r\nGET")));
}

static enum http1_body_event read_extension(size_t len, struct http1_body *body)
{
	static char text[5000];
	struct slice in = {text, len + 4}, data;

	memset(text, 'a', sizeof(text));
	memcpy(text, "1;", 2);
	memcpy(text + 2 + len, "\r\n", 2);
	*body = (struct http1_body) {.kind = HTTP1_BODY_CHUNKED};
	return http1_body_next(body, &in, &data);
}

static void an_extension_is_limited(void **state)
{
	struct http1_body body;

	assert_int_equal(read_extension(4096, &body), HTTP1_BODY_MORE);
	assert_int_equal(read_extension(4097, &body), HTTP1_BODY_BAD);
	assert_int_equal(body.fault, HTTP_FAULT_CHUNK_EXTENSION);
}

static void a_body_until_the_end_takes_everything(void **state)
{
	struct http1_body body = {.kind = HTTP1_BODY_CLOSE};
	struct slice in = SLICE("ab"), data;

	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_DATA);
	assert_int_equal(data.len, 2);
	assert_int_equal(http1_body_next(&body, &in, &data), HTTP1_BODY_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_of_length_zero_is_one_without_a_body),
		cmocka_unit_test(a_response_ends_as_its_status_method_and_fields_say),
		cmocka_unit_test(content_comes_in_pieces_and_nothing_behind_it_is_touched),
		cmocka_unit_test(a_body_of_no_bytes_ends_at_once),
		cmocka_unit_test(chunks_end_where_the_trailers_begin),
		cmocka_unit_test(an_extension_is_limited),
		cmocka_unit_test(a_body_until_the_end_takes_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
