/* Heads and chunks as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http1_write.h"

static void check(struct buf *out, const char *wanted)
{
	assert_int_equal(buf_len(out), strlen(wanted));
	assert_memory_equal(buf_slice(out).ptr, wanted, strlen(wanted));
	buf_release(out);
}

static void a_request_is_written(void **state)
{
	struct buf out;

	buf_init(&out);
	http1_write_request_line(&out, SLICE("GET"), SLICE("/a"));
	http1_write_field(&out, SLICE("Host"), SLICE("b"));
	http1_write_field(&out, SLICE("X"), (struct slice) {NULL, 0});
	http1_write_field_u64(&out, SLICE("Content-Length"), UINT64_MAX);
	http1_write_head_end(&out);
	check(&out,
		"GET /a HTTP/1.1\r\nHost: b\r\nX: \r\nContent-Length: "
		"18446744073709551615\r\n\r\n");
}

static void a_status_line_keeps_its_reason_or_gets_the_usual_one(void **state)
{
	struct buf out;

	buf_init(&out);
	http1_write_status_line(&out, 200, SLICE("Fine"));
	check(&out, "HTTP/1.1 200 Fine\r\n");
	http1_write_status_line(&out, 431, SLICE(""));
	check(&out, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
	http1_write_status_line(&out, 599, SLICE(""));
	check(&out, "HTTP/1.1 599 \r\n");
	assert_string_equal(http1_reason_of(404), "Not Found");
	assert_string_equal(http1_reason_of(0), "");
}

static void fields_of_this_hop_are_left_out(void **state)
{
	static struct http_head head = {
		.field_count = 3,
		.fields = {{SLICE("a"), SLICE("1"), HTTP_FIELD_OTHER, false, false},
			{SLICE("Connection"), SLICE("close"), HTTP_FIELD_CONNECTION, true, false},
			{SLICE("A"), SLICE("2"), HTTP_FIELD_OTHER, false, false}},
	};
	struct buf out;

	buf_init(&out);
	http1_write_fields(&out, &head);
	check(&out, "a: 1\r\nA: 2\r\n");
}

static struct http_field field_at(const char *text, size_t name, size_t value, bool plain)
{
	return (struct http_field) {
		.name = slice_of(text, name),
		.value = slice_of(text + name + (plain ? 2 : 1), value),
		.plain = plain,
	};
}

/* What stands side by side is copied as it stands, all else is written anew, and nothing moves. */
static void fields_that_stand_as_they_would_be_written_are_copied(void **state)
{
	const char *text = "A: 1\r\nBB: 22\r\nC:3\r\nD: 4\r\nE: 5\r\n";
	const struct http_field fields[] = {
		field_at(text, 1, 1, true),
		field_at(text + 6, 2, 2, true),
		field_at(text + 14, 1, 1, false),
		field_at(text + 19, 1, 1, true),
		field_at(text + 25, 1, 1, true),
	};
	struct buf out = {0};
	struct http1_run run = {.out = &out};

	for (size_t i = 0; i < 5; i++)
		http1_run_add(&run, &fields[i]);
	http1_run_end(&run);
	check(&out, "A: 1\r\nBB: 22\r\nC: 3\r\nD: 4\r\nE: 5\r\n");
	http1_run_add(&run, &fields[0]);
	http1_run_add(&run, &fields[3]); /* not beside it */
	http1_run_end(&run);
	http1_write_field(&out, SLICE("F"), SLICE("6"));
	http1_run_add(&run, &fields[4]);
	http1_run_end(&run);
	http1_run_end(&run);
	check(&out, "A: 1\r\nD: 4\r\nF: 6\r\nE: 5\r\n");
}

static void a_chunk_head_is_the_size_in_hexadecimal(void **state)
{
	char out[HTTP1_CHUNK_HEAD_MAX];

	assert_int_equal(http1_write_chunk_head(out, 0), 3);
	assert_memory_equal(out, "0\r\n", 3);
	assert_int_equal(http1_write_chunk_head(out, 0x1fa0), 6);
	assert_memory_equal(out, "1fa0\r\n", 6);
	assert_int_equal(http1_write_chunk_head(out, UINT64_MAX), 18);
	assert_memory_equal(out, "ffffffffffffffff\r\n", 18);
}

static void a_date_is_in_the_form_of_rfc_9110(void **state)
{
	struct buf out = {0};

	http1_write_date(&out, 784111777);
	check(&out, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	http1_write_date(&out, 0);
	check(&out, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
	http1_write_date(&out, 4102444800);
	check(&out, "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_written),
		cmocka_unit_test(a_status_line_keeps_its_reason_or_gets_the_usual_one),
		cmocka_unit_test(fields_of_this_hop_are_left_out),
		cmocka_unit_test(fields_that_stand_as_they_would_be_written_are_copied),
		cmocka_unit_test(a_date_is_in_the_form_of_rfc_9110),
		cmocka_unit_test(a_chunk_head_is_the_size_in_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
