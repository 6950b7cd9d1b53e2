/* Dates of messages: the one form, and what is none. */
#include "proto/http_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "proto/http1_write.h"

static void dates_become_seconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} rows[] = {
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t seconds = 1;

		assert_int_equal(http_date_parse(slice_from_str(rows[i].text), &seconds), 0);
		assert_int_equal(seconds, rows[i].seconds);
	}
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const bad[] = {"", "now", "Sun, 06 Nov 1994 08:49:37 GM",
		"Sun, 06 Nov 1994 08:49:37 GMT ", "Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994     ", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 nov 1994 08:49:37 GMT", "Sun, 6  Nov 1994 08:49:37 GMT",
		"Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:-7 GMT"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint64_t seconds;

		assert_int_equal(http_date_parse(slice_from_str(bad[i]), &seconds), ERR_SYNTAX);
	}
}

static void what_we_write_can_be_read(void **state)
{
	for (uint64_t seconds = 0; seconds < 4000000000u; seconds += 86399u * 37) {
		struct buf out = {0};
		struct slice line;
		uint64_t again;

		http1_write_date(&out, seconds);
		line = slice_trim_lines(buf_slice(&out));
		assert_int_equal(http_date_parse(slice_from(line, strlen("Date: ")), &again), 0);
		assert_int_equal(again, seconds);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_become_seconds),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(what_we_write_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
