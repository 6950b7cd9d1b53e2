/* Bodies of requests to the relay itself: whole, in pieces, at their limit. */
#include "relay/front_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"

#define HEAD "POST /api/tunnels HTTP/1.1\r\n\r\n" /* stands for any head */
#define HEAD_LEN (sizeof(HEAD) - 1)

static const struct http1_limits limits = {1000, 2000, 20};

/* What came of a body. */
struct outcome {
	enum parse_result result;
	enum http_fault fault;
	size_t end;
	struct buf content;
};

static struct outcome outcome;

/* The input as it is after each step, at another place in memory each time and not longer. */
static enum parse_result read_prefix(struct front_body *b, struct slice in, size_t len)
{
	char *copy = mem_dup(in.ptr, len);
	enum parse_result result = front_body_read(b, slice_of(copy, len), &limits);

	mem_free(copy);
	return result;
}

static void read_body(const struct http1_body *framing, struct slice in, size_t step)
{
	struct front_body *b = front_body_new(framing, HEAD_LEN);
	size_t len = step ? HEAD_LEN : in.len;

	buf_release(&outcome.content);
	outcome = (struct outcome) {.result = PARSE_MORE};
	for (;; len += step) {
		len = len < in.len ? len : in.len;
		outcome.result = read_prefix(b, in, len);
		if (outcome.result != PARSE_MORE || len == in.len)
			break;
	}
	if (outcome.result == PARSE_DONE) {
		/* Once done it stays done, whatever follows. */
		assert_int_equal(read_prefix(b, in, in.len), PARSE_DONE);
		buf_append_slice(&outcome.content, front_body_content(b));
		outcome.end = front_body_end(b);
	}
	outcome.fault = front_body_fault(b);
	assert_true(outcome.result == PARSE_BAD || !outcome.fault);
	front_body_free(&b);
	assert_null(b);
	front_body_free(&b);
}

/* Reads it whole and in small steps, and expects the same each time. */
static void check_done(
	const struct http1_body *framing, struct slice in, struct slice content, size_t end)
{
	for (size_t step = 0; step < 4; step++) {
		read_body(framing, in, step);
		assert_int_equal(outcome.result, PARSE_DONE);
		assert_true(slice_eq(buf_slice(&outcome.content), content));
		assert_int_equal(outcome.end, end);
	}
}

static void check_other(const struct http1_body *framing, struct slice in, enum parse_result result,
	enum http_fault fault)
{
	for (size_t step = 0; step < 4; step++) {
		read_body(framing, in, step);
		assert_int_equal(outcome.result, result);
		assert_int_equal(outcome.fault, fault);
	}
}

static struct http1_body of_length(uint64_t length)
{
	return (struct http1_body) {.kind = HTTP1_BODY_LENGTH, .left = length};
}

static const struct http1_body chunked = {.kind = HTTP1_BODY_CHUNKED};

static int tear_down(void **state)
{
	buf_release(&outcome.content);
	return 0;
}

static void a_body_of_known_length_ends_there(void **state)
{
	struct http1_body five = of_length(5), none = of_length(0);

	check_done(&five, SLICE(HEAD "hello"), SLICE("hello"), HEAD_LEN + 5);
	check_done(&five, SLICE(HEAD "helloGET / HTTP/1.1\r\n"), SLICE("hello"), HEAD_LEN + 5);
	check_done(&none, SLICE(HEAD), SLICE(""), HEAD_LEN);
	check_done(&none, SLICE(HEAD "GET"), SLICE(""), HEAD_LEN);
	check_other(&five, SLICE(HEAD "hell"), PARSE_MORE, HTTP_FAULT_NONE);
	check_other(&five, SLICE(HEAD), PARSE_MORE, HTTP_FAULT_NONE);
}

static void a_chunked_body_is_put_together(void **state)
{
	struct slice in = SLICE(HEAD "5\r\nhello\r\n1;a=b\r\n,\r\n006\r\n world\r\n0\r\n\r\nGET /");

	check_done(&chunked, in, SLICE("hello, world"), in.len - 5);
	check_done(&chunked, SLICE(HEAD "0\r\n\r\n"), SLICE(""), HEAD_LEN + 5);
	for (size_t len = HEAD_LEN; len < in.len - 5; len++) {
		read_body(&chunked, slice_first(in, len), 1);
		assert_int_equal(outcome.result, PARSE_MORE);
	}
}

static void trailers_are_read_and_dropped(void **state)
{
	struct slice in = SLICE(HEAD "1\r\na\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\nGET /");

	check_done(&chunked, in, SLICE("a"), in.len - 5);
	check_other(
		&chunked, SLICE(HEAD "1\r\na\r\n0\r\nX-Sum: 1\r\n"), PARSE_MORE, HTTP_FAULT_NONE);
}

static void what_is_malformed_is_a_fault(void **state)
{
	static const struct {
		struct slice in;
		enum http_fault fault;
	} rows[] = {
		{SLICE(HEAD "x\r\n"), HTTP_FAULT_CHUNK_SIZE},
		{SLICE(HEAD "-1\r\n"), HTTP_FAULT_CHUNK_SIZE},
		{SLICE(HEAD " 1\r\na\r\n0\r\n\r\n"), HTTP_FAULT_CHUNK_SIZE},
		{SLICE(HEAD "\r\n"), HTTP_FAULT_CHUNK_SIZE},
		{SLICE(HEAD "1\r\nab\r\n"), HTTP_FAULT_CHUNK_END},
		{SLICE(HEAD "1\r\na\n"), HTTP_FAULT_CHUNK_END},
		{SLICE(HEAD "0\r\nContent-Length: 5\r\n\r\n"), HTTP_FAULT_TRAILER_INVALID},
		{SLICE(HEAD "0\r\nHost: a\r\n\r\n"), HTTP_FAULT_TRAILER_INVALID},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_other(&chunked, rows[i].in, PARSE_BAD, rows[i].fault);
}

/* Trailers fall under the limits of a head, and never make the input grow without end. */
static void too_long_trailers_are_a_fault(void **state)
{
	struct buf in = {0};

	buf_append_str(&in, HEAD "0\r\n");
	for (int i = 0; i < 200; i++)
		buf_append_str(&in, "X-Trailer: value\r\n");
	read_body(&chunked, buf_slice(&in), 100);
	assert_int_equal(outcome.result, PARSE_BAD);
	assert_int_not_equal(outcome.fault, HTTP_FAULT_NONE);
	buf_release(&in);
}

static void fill(struct buf *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_append_char(in, (char)('a' + i % 26));
}

static void a_body_of_known_length_has_a_limit(void **state)
{
	struct http1_body most = of_length(FRONT_BODY_MAX), more = of_length(FRONT_BODY_MAX + 1);
	struct http1_body huge = of_length(INT64_MAX);
	struct buf in = {0};

	buf_append_str(&in, HEAD);
	fill(&in, FRONT_BODY_MAX);
	read_body(&most, buf_slice(&in), 0);
	assert_int_equal(outcome.result, PARSE_DONE);
	assert_int_equal(buf_len(&outcome.content), FRONT_BODY_MAX);
	read_body(&most, buf_slice(&in), 4099);
	assert_int_equal(outcome.result, PARSE_DONE);
	/* Refused before any of it came. */
	check_other(&more, SLICE(HEAD), PARSE_BAD, HTTP_FAULT_NONE);
	check_other(&huge, SLICE(HEAD), PARSE_BAD, HTTP_FAULT_NONE);
	buf_release(&in);
}

/* One chunk so that the body takes up as many bytes as given, framing included. */
static void read_chunked_of(size_t total, size_t step)
{
	size_t framing = sizeof("f000\r\n\r\n0\r\n\r\n") - 1;
	struct buf in = {0};

	buf_append_str(&in, HEAD);
	buf_printf(&in, "%04x\r\n", (unsigned)(total - framing));
	fill(&in, total - framing);
	buf_append_str(&in, "\r\n0\r\n\r\n");
	assert_int_equal(buf_len(&in), HEAD_LEN + total);
	read_body(&chunked, buf_slice(&in), step);
	buf_release(&in);
}

static void a_chunked_body_has_the_same_limit_with_its_framing(void **state)
{
	for (size_t step = 0; step < 9000; step += 2999) {
		read_chunked_of(FRONT_BODY_MAX, step);
		assert_int_equal(outcome.result, PARSE_DONE);
		read_chunked_of(FRONT_BODY_MAX + 1, step);
		assert_int_equal(outcome.result, PARSE_BAD);
		assert_int_equal(outcome.fault, HTTP_FAULT_NONE);
	}
}

static void many_tiny_chunks_count_as_they_travel(void **state)
{
	struct buf in = {0};

	buf_append_str(&in, HEAD);
	while (buf_len(&in) < 2 * FRONT_BODY_MAX)
		buf_append_str(&in, "1;x\r\na\r\n");
	read_body(&chunked, buf_slice(&in), 1000);
	assert_int_equal(outcome.result, PARSE_BAD);
	assert_int_equal(outcome.fault, HTTP_FAULT_NONE);
	buf_release(&in);
}

static void bodies_share_what_they_hold(void **state)
{
	struct http1_body five = of_length(5), six = of_length(6);
	size_t held = 0;
	const struct front_body_room room = {6, &held, 10};
	struct front_body *a = front_body_new(&five, HEAD_LEN);
	struct front_body *b = front_body_new(&chunked, HEAD_LEN);
	struct front_body *c = front_body_new(&six, HEAD_LEN);
	struct front_body *d = front_body_new(&five, HEAD_LEN);

	front_body_allow(a, &room);
	front_body_allow(b, &room);
	front_body_allow(c, &room);
	front_body_allow(d, &room);
	assert_int_equal(front_body_read(a, SLICE(HEAD "hell"), &limits), PARSE_MORE);
	assert_int_equal(held, 4);
	/* Announced: refused at once, though it has room of its own. */
	assert_int_equal(front_body_read(d, SLICE(HEAD), &limits), PARSE_MORE);
	assert_int_equal(front_body_read(a, SLICE(HEAD "hello"), &limits), PARSE_DONE);
	assert_int_equal(front_body_read(c, SLICE(HEAD), &limits), PARSE_BAD);
	assert_true(front_body_has_no_room(c) && !front_body_is_too_large(c));
	assert_int_equal(front_body_fault(c), HTTP_FAULT_NONE);
	assert_int_equal(front_body_read(d, SLICE(HEAD "world"), &limits), PARSE_DONE);
	assert_int_equal(held, 10);
	/* In pieces: when they come. What is done stays done. */
	assert_int_equal(front_body_read(b, SLICE(HEAD), &limits), PARSE_MORE);
	assert_int_equal(front_body_read(b, SLICE(HEAD "1\r\nx"), &limits), PARSE_BAD);
	assert_true(front_body_has_no_room(b));
	assert_int_equal(front_body_read(a, SLICE(HEAD "hello"), &limits), PARSE_DONE);
	front_body_free(&a);
	front_body_free(&b);
	front_body_free(&c);
	assert_int_equal(held, 5);
	front_body_free(&d);
	assert_int_equal(held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_body_of_known_length_ends_there, tear_down),
		cmocka_unit_test_teardown(a_chunked_body_is_put_together, tear_down),
		cmocka_unit_test_teardown(trailers_are_read_and_dropped, tear_down),
		cmocka_unit_test_teardown(what_is_malformed_is_a_fault, tear_down),
		cmocka_unit_test_teardown(too_long_trailers_are_a_fault, tear_down),
		cmocka_unit_test_teardown(a_body_of_known_length_has_a_limit, tear_down),
		cmocka_unit_test_teardown(
			a_chunked_body_has_the_same_limit_with_its_framing, tear_down),
		cmocka_unit_test(bodies_share_what_they_hold),
		cmocka_unit_test_teardown(many_tiny_chunks_count_as_they_travel, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
