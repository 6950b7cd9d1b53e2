/* Heads: what comes out of them, and every limit at its value and one above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/http1_parse.h"

static struct http_head head;

static enum http_fault parse(
	struct slice in, struct http1_limits limits, enum parse_result *result_out)
{
	struct http1_parser parser = {0};

	*result_out = http1_parse_request(&parser, in, &limits, &head);
	return parser.fault;
}

static void check(struct slice in, struct http1_limits limits, enum parse_result wanted,
	enum http_fault fault)
{
	enum parse_result result;

	assert_int_equal(parse(in, limits, &result), fault);
	assert_int_equal(result, wanted);
}

static void the_parts_of_a_request_come_out(void **state)
{
	struct slice in =
		SLICE("\r\nPATCH /a?b HTTP/1.1\r\nhost: A.test \r\nX-Y:\tz z\t\r\nCookie: 1\r\n"
		      "cookie: 2\r\n\r\nrest");

	check(in, (struct http1_limits) {100, 1000, 10}, PARSE_DONE, HTTP_FAULT_NONE);
	assert_int_equal(head.method_id, HTTP_PATCH);
	assert_true(slice_eq(head.method, SLICE("PATCH")));
	assert_true(slice_eq(head.target, SLICE("/a?b")));
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.field_count, 4);
	assert_int_equal(head.size, in.len - 4);
	assert_true(slice_eq(head.fields[1].name, SLICE("X-Y")));
	assert_true(slice_eq(head.fields[1].value, SLICE("z z")));
	assert_int_equal(head.fields[1].id, HTTP_FIELD_OTHER);
	assert_true(slice_eq(http_head_value(&head, HTTP_FIELD_HOST), SLICE("A.test")));
	assert_true(slice_eq(http_head_value(&head, HTTP_FIELD_COOKIE), SLICE("1")));
	assert_int_equal(http_head_count(&head, HTTP_FIELD_COOKIE), 2);
}

/* Beside blanks of other character sets, and what would steer a terminal. */
static void bytes_beyond_ascii_in_a_target_stay_as_they_are(void **state)
{
	static const char *const targets[] = {"/p\xc3\xa4th?q=\xc3\xb6", "/\x80\x85\x9b\xa0\xff",
		"/\xc0\xaf\xed\xa0\x80", "http://A.test/\xff"};
	struct buf in = {0};

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		buf_clear(&in);
		buf_printf(&in, "GET %s HTTP/1.1\r\nHost: A.test\r\n\r\n", targets[i]);
		check(buf_slice(&in), (struct http1_limits) {100, 1000, 10}, PARSE_DONE,
			HTTP_FAULT_NONE);
		assert_true(slice_eq(head.target, slice_from_str(targets[i])));
	}
	buf_release(&in);
}

static void the_parts_of_a_response_come_out(void **state)
{
	struct http1_parser parser = {0};
	struct http1_limits limits = {1, 1000, 10};
	struct slice in = SLICE("HTTP/1.0 404 Not  here\r\nDate: x\r\n\r\n");

	assert_int_equal(http1_parse_response(&parser, in, &limits, &head), PARSE_DONE);
	assert_int_equal(head.status, 404);
	assert_int_equal(head.minor, 0);
	assert_true(slice_eq(head.reason, SLICE("Not  here")));
	assert_true(slice_eq(http_head_value(&head, HTTP_FIELD_DATE), SLICE("x")));
	assert_null(head.method.ptr);
}

/* Who writes fields anew may copy those that stand as they would be written. */
static void a_field_is_plain_when_it_stands_as_it_would_be_written(void **state)
{
	struct slice in = SLICE("GET / HTTP/1.1\r\nHost: a\r\nA:b\r\nB:  c\r\nC: d \r\nD:\te\r\n"
				"E:f \r\nF: \r\nG:\r\nH: i j\r\n\r\n");

	check(in, (struct http1_limits) {100, 1000, 10}, PARSE_DONE, HTTP_FAULT_NONE);
	assert_int_equal(head.field_count, 9);
	for (unsigned i = 0; i < head.field_count; i++)
		assert_int_equal(head.fields[i].plain, i == 0 || i == 6 || i == 8);
}

static void check_line(enum parse_result (*parse_head)(struct http1_parser *, struct slice,
			       const struct http1_limits *, struct http_head *),
	const char *line, bool is_kept)
{
	static const struct http1_limits limits = {100, 1000, 10};
	struct http1_parser parser = {0};
	struct buf in = {0};

	buf_append_str(&in, line);
	buf_append_str(&in, "Host: a\r\n\r\n");
	assert_int_equal(parse_head(&parser, buf_slice(&in), &limits, &head), PARSE_DONE);
	assert_true(slice_eq(head.line, is_kept ? slice_from_str(line) : SLICE("")));
	buf_release(&in);
}

static void the_first_line_is_kept_when_it_stands_as_it_would_be_written(void **state)
{
	check_line(http1_parse_request, "GET /a?b HTTP/1.1\r\n", true);
	check_line(http1_parse_request, "GET /a HTTP/1.0\r\n", false);
	check_line(http1_parse_request, "GET /a HTTP/1.9\r\n", false);
	check_line(http1_parse_response, "HTTP/1.1 200 Fine  then\r\n", true);
	check_line(http1_parse_response, "HTTP/1.0 200 OK\r\n", false);
	check_line(http1_parse_response, "HTTP/1.2 200 OK\r\n", false);
	check_line(http1_parse_response, "HTTP/1.1 200 \r\n", false);
	check_line(http1_parse_response, "HTTP/1.1 200\r\n", false);
}

static void a_head_is_emptied_before_the_next_message(void **state)
{
	check(SLICE("GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\n\r\n"),
		(struct http1_limits) {100, 1000, 10}, PARSE_DONE, HTTP_FAULT_NONE);
	check(SLICE("GET / HTTP/1.0\r\nA: b\r\n\r\n"), (struct http1_limits) {100, 1000, 10},
		PARSE_DONE, HTTP_FAULT_NONE);
	assert_int_equal(head.field_count, 1);
	assert_null(http_head_get(&head, HTTP_FIELD_HOST));
	assert_null(http_head_get(&head, HTTP_FIELD_UPGRADE));
}

static void the_bytes_may_move_between_calls(void **state)
{
	struct slice in = SLICE("GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\n\r\n");
	struct http1_limits limits = {100, 1000, 10};
	struct http1_parser parser = {0};
	char *bytes = NULL;

	for (size_t len = 0; len <= in.len; len++) {
		char *copy = mem_dup(in.ptr, len);
		enum parse_result result =
			http1_parse_request(&parser, slice_of(copy, len), &limits, &head);

		assert_int_equal(result, len < in.len ? PARSE_MORE : PARSE_DONE);
		if (bytes)
			memset(bytes, 'x', len - 1);
		mem_free(bytes);
		bytes = copy;
	}
	assert_true(slice_eq(head.method, SLICE("GET")));
	assert_true(slice_eq(head.target, SLICE("/a")));
	assert_true(slice_eq(head.fields[0].name, SLICE("Host")));
	assert_true(slice_eq(http_head_value(&head, HTTP_FIELD_UPGRADE), SLICE("b")));
	mem_free(bytes);
}

static void two_torn_messages_may_share_a_head(void **state)
{
	static const char *const texts[] = {
		"GET /a HTTP/1.1\r\nHost: a.test\r\nX-One: 1\r\n\r\n",
		"POST /bb HTTP/1.1\r\nContent-Length: 3\r\nHost: bb.test\r\n\r\n",
	};
	static const char *const targets[] = {"/a", "/bb"}, *const hosts[] = {"a.test", "bb.test"};
	struct http1_parser parsers[2] = {{0}, {0}};
	struct http1_limits limits = {100, 1000, 10};
	int done = 0;

	for (size_t len = 1; done < 2; len++) {
		for (size_t i = 0; i < 2; i++) {
			if (len > strlen(texts[i]))
				continue;
			if (http1_parse_request(&parsers[i], slice_of(texts[i], len), &limits,
				    &head) != PARSE_DONE)
				continue;
			done++;
			assert_true(slice_eq(head.target, slice_from_str(targets[i])));
			assert_true(slice_eq(
				http_head_value(&head, HTTP_FIELD_HOST), slice_from_str(hosts[i])));
			assert_int_equal(head.field_count, 2);
		}
	}
}

static void a_second_host_is_refused_at_its_line_however_the_head_is_cut(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nHost: a\r\n";
	struct http1_limits limits = {100, 1000, 10};

	for (size_t cut = 0; cut < strlen(text); cut++) {
		struct http1_parser parser = {0};

		assert_int_equal(http1_parse_request(&parser, slice_of(text, cut), &limits, &head),
			PARSE_MORE);
		assert_int_equal(http1_parse_request(&parser, slice_from_str(text), &limits, &head),
			PARSE_BAD);
		assert_int_equal(parser.fault, HTTP_FAULT_HOST_REPEATED);
	}
}

static void a_refused_parser_stays_refused_until_its_reset(void **state)
{
	struct http1_limits limits = {100, 1000, 10};
	struct http1_parser parser = {0};
	struct slice good = SLICE("GET / HTTP/1.0\r\n\r\n");

	assert_int_equal(http1_parse_request(&parser, SLICE("@"), &limits, &head), PARSE_BAD);
	assert_int_equal(http1_parse_request(&parser, good, &limits, &head), PARSE_BAD);
	http1_parser_reset(&parser);
	assert_int_equal(http1_parse_request(&parser, good, &limits, &head), PARSE_DONE);
}

static void a_target_is_limited(void **state)
{
	struct slice in = SLICE("GET /234567890 HTTP/1.0\r\n\r\n");

	check(in, (struct http1_limits) {10, 1000, 10}, PARSE_DONE, HTTP_FAULT_NONE);
	check(in, (struct http1_limits) {9, 1000, 10}, PARSE_BAD, HTTP_FAULT_TARGET_TOO_LONG);
}

static void a_method_is_limited(void **state)
{
	struct slice in = SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.0\r\n\r\n");

	check(slice_from(in, 1), (struct http1_limits) {10, 1000, 10}, PARSE_DONE, HTTP_FAULT_NONE);
	check(in, (struct http1_limits) {10, 1000, 10}, PARSE_BAD, HTTP_FAULT_REQUEST_LINE);
}

/* 44 bytes of a request line are not the target: a method of 32, blanks, version, CR LF. */
static void a_request_line_is_limited_before_its_end_is_seen(void **state)
{
	char text[100];

	memset(text, 'a', sizeof(text));
	check(slice_of(text, 54), (struct http1_limits) {10, 1000, 10}, PARSE_MORE,
		HTTP_FAULT_NONE);
	check(slice_of(text, 55), (struct http1_limits) {10, 1000, 10}, PARSE_BAD,
		HTTP_FAULT_TARGET_TOO_LONG);
	text[60] = '\n';
	check(slice_of(text, 61), (struct http1_limits) {10, 1000, 10}, PARSE_BAD,
		HTTP_FAULT_TARGET_TOO_LONG);
	check(slice_of(text, 50), (struct http1_limits) {10, 50, 10}, PARSE_MORE, HTTP_FAULT_NONE);
	check(slice_of(text, 51), (struct http1_limits) {10, 50, 10}, PARSE_BAD,
		HTTP_FAULT_HEAD_TOO_LARGE);
}

static void a_head_is_limited(void **state)
{
	struct slice in = SLICE("\r\nGET / HTTP/1.0\r\nA: b\r\n\r\nrest");
	uint32_t size = (uint32_t)in.len - 4;

	check(in, (struct http1_limits) {100, size, 10}, PARSE_DONE, HTTP_FAULT_NONE);
	for (uint32_t limit = 3; limit < size; limit++)
		check(in, (struct http1_limits) {100, limit, 10}, PARSE_BAD,
			HTTP_FAULT_HEAD_TOO_LARGE);
}

static void a_field_is_limited_by_the_head_before_its_end_is_seen(void **state)
{
	struct slice in = SLICE("GET / HTTP/1.0\r\nA: bcdefghij");

	check(in, (struct http1_limits) {100, (uint32_t)in.len, 10}, PARSE_MORE, HTTP_FAULT_NONE);
	check(in, (struct http1_limits) {100, (uint32_t)in.len - 1, 10}, PARSE_BAD,
		HTTP_FAULT_HEAD_TOO_LARGE);
}

static void fields_are_limited(void **state)
{
	struct slice in = SLICE("GET / HTTP/1.0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n");

	check(in, (struct http1_limits) {100, 1000, 3}, PARSE_DONE, HTTP_FAULT_NONE);
	check(in, (struct http1_limits) {100, 1000, 2}, PARSE_BAD, HTTP_FAULT_TOO_MANY_FIELDS);
}

static void fields_never_outgrow_the_head(void **state)
{
	static char text[8 + 16 + 3 * (HTTP_FIELDS_MAX + 2) * 4];
	size_t len = 16;

	memcpy(text, "GET / HTTP/1.0\r\n", 16);
	for (int i = 0; i < HTTP_FIELDS_MAX; i++, len += 4)
		memcpy(text + len, "A:\r\n", 4);
	memcpy(text + len, "\r\n", 2);
	check(slice_of(text, len + 2), (struct http1_limits) {100, 100000, UINT16_MAX}, PARSE_DONE,
		HTTP_FAULT_NONE);
	assert_int_equal(head.field_count, HTTP_FIELDS_MAX);
	memcpy(text + len, "A:\r\n\r\n", 6);
	check(slice_of(text, len + 6), (struct http1_limits) {100, 100000, UINT16_MAX}, PARSE_BAD,
		HTTP_FAULT_TOO_MANY_FIELDS);
}

static void trailers_come_out_and_may_be_none(void **state)
{
	struct http1_limits limits = {1, 100, 2};
	struct http1_parser parser = {0};

	assert_int_equal(http1_parse_trailers(&parser, SLICE("\r"), &limits, &head), PARSE_MORE);
	assert_int_equal(http1_parse_trailers(&parser, SLICE("\r\n"), &limits, &head), PARSE_DONE);
	assert_int_equal(head.field_count, 0);
	assert_int_equal(head.size, 2);
	http1_parser_reset(&parser);
	assert_int_equal(
		http1_parse_trailers(&parser, SLICE("A: b\r\nC: d\r\n\r\n"), &limits, &head),
		PARSE_DONE);
	assert_int_equal(head.field_count, 2);
	http1_parser_reset(&parser);
	assert_int_equal(
		http1_parse_trailers(&parser, SLICE("A: b\r\nC: d\r\nE: f\r\n"), &limits, &head),
		PARSE_BAD);
	assert_int_equal(parser.fault, HTTP_FAULT_TOO_MANY_FIELDS);
}

static void trailers_that_would_be_acted_on_are_refused(void **state)
{
	static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Host",
		"Trailer", "Connection", "Authorization", "Cookie", "Set-Cookie",
		"Content-Encoding", "Content-Type", "Content-Range", "Expect", "Cache-Control",
		"TE", "Upgrade", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
		"X-Forwarded-For", "x-forwarded-whatever", "Forwarded", "WWW-Authenticate",
		"LOCATION", "Range"};
	struct http1_limits limits = {1, 100, 2};
	struct http1_parser parser;
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(text, sizeof(text), "%s: 1\r\n\r\n", names[i]);
		http1_parser_reset(&parser);
		assert_int_equal(
			http1_parse_trailers(&parser, slice_from_str(text), &limits, &head),
			PARSE_BAD);
		assert_int_equal(parser.fault, HTTP_FAULT_TRAILER_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parts_of_a_request_come_out),
		cmocka_unit_test(bytes_beyond_ascii_in_a_target_stay_as_they_are),
		cmocka_unit_test(the_parts_of_a_response_come_out),
		cmocka_unit_test(a_field_is_plain_when_it_stands_as_it_would_be_written),
		cmocka_unit_test(the_first_line_is_kept_when_it_stands_as_it_would_be_written),
		cmocka_unit_test(a_head_is_emptied_before_the_next_message),
		cmocka_unit_test(the_bytes_may_move_between_calls),
		cmocka_unit_test(two_torn_messages_may_share_a_head),
		cmocka_unit_test(a_second_host_is_refused_at_its_line_however_the_head_is_cut),
		cmocka_unit_test(a_refused_parser_stays_refused_until_its_reset),
		cmocka_unit_test(a_target_is_limited),
		cmocka_unit_test(a_method_is_limited),
		cmocka_unit_test(a_request_line_is_limited_before_its_end_is_seen),
		cmocka_unit_test(a_head_is_limited),
		cmocka_unit_test(a_field_is_limited_by_the_head_before_its_end_is_seen),
		cmocka_unit_test(fields_are_limited),
		cmocka_unit_test(fields_never_outgrow_the_head),
		cmocka_unit_test(trailers_come_out_and_may_be_none),
		cmocka_unit_test(trailers_that_would_be_acted_on_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
