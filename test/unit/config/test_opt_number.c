/* Numbers, times and sizes as text, and their bounds. */
#include "config/opt_number.h"

#include "config_table.h"

static void numbers_are_read_with_and_without_units(void **state)
{
	static const struct {
		const char *option, *text;
		uint64_t expected;
	} rows[] = {
		{"port", "0", 0},
		{"port", "65535", 65535},
		{"port", "00080", 80},
		{"max-size", "1024", 1024},
		{"max-size", "64k", 65536},
		{"max-size", "1M", 1048576},
		{"wait", "30000", 30000},
		{"wait", "500ms", 500},
		{"wait", "30s", 30000},
		{"wait", "5m", 300000},
		{"wait", "1h", 3600000},
		{"wait", "2d", 172800000},
		{"wait", "18446744073709551615", UINT64_MAX},
		{"age", "60", 60},
		{"age", "5m", 300},
	};
	struct buf why;

	buf_init(&why);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice text = slice_from_str(rows[i].text);
		uint64_t value = 1;

		assert_int_equal(
			opt_number_parse(table_opt(rows[i].option), text, &value, &why), 0);
		assert_int_equal(value, rows[i].expected);
	}
	assert_int_equal(buf_len(&why), 0);
	buf_release(&why);
}

static void a_refusal_names_value_and_bounds(void **state)
{
	static const struct {
		const char *option, *text, *expected;
	} rows[] = {
		{"port", "65536", "65536 is out of range (0 to 65535)"},
		{"port", "-1", "-1 is out of range (0 to 65535)"},
		{"port", "abc", "\"abc\" is not a number (0 to 65535)"},
		{"port", "80x", "\"80x\" is not a number (0 to 65535)"},
		{"port", "8 0", "\"8 0\" is not a number (0 to 65535)"},
		{"port", "0x50", "\"0x50\" is not a number (0 to 65535)"},
		{"port", "80k", "\"80k\" is not a number (0 to 65535)"},
		{"port", "1e3", "\"1e3\" is not a number (0 to 65535)"},
		{"port", "", "\"\" is not a number (0 to 65535)"},
		{"port", "-", "\"-\" is not a number (0 to 65535)"},
		{"port", "99999999999999999999999",
			"99999999999999999999999 is out of range (0 to 65535)"},
		{"port", "99999999999999999999999\nx",
			"\"99999999999999999999999?x\" is not a number (0 to 65535)"},
		{"max-count", "0", "0 is out of range (1 to 1000)"},
		{"max-count", "1001", "1001 is out of range (1 to 1000)"},
		{"max-size", "2m", "2m is out of range (1k to 1m)"},
		{"max-size", "64kk",
			"\"64kk\" is not a size in bytes (1k to 1m, for example 64k, 10m)"},
		{"wait", "soon",
			"\"soon\" is not a time in milliseconds (0 or more, for example 500ms, "
			"30s, 5m, 1h)"},
		{"wait", "99999999999999999d", "99999999999999999d is out of range (0 or more)"},
		{"age", "500ms",
			"\"500ms\" is not a time in seconds (1s to 1d, for example 30s, 5m, 1h)"},
		{"age", "2d", "2d is out of range (1s to 1d)"},
	};
	struct buf why;

	buf_init(&why);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice text = slice_from_str(rows[i].text);
		uint64_t value;

		buf_clear(&why);
		assert_true(opt_number_parse(table_opt(rows[i].option), text, &value, &why) < 0);
		assert_string_equal(table_text(&why), rows[i].expected);
	}
	buf_release(&why);
}

static void every_byte_alone_is_refused_unless_it_is_a_digit(void **state)
{
	struct buf why;
	uint64_t value;

	buf_init(&why);
	for (int c = 0; c < 256; c++) {
		char text = (char)c;
		int err = opt_number_parse(table_opt("port"), slice_of(&text, 1), &value, &why);

		assert_int_equal(err == 0, c >= '0' && c <= '9');
	}
	buf_release(&why);
}

static void printing_takes_the_largest_exact_unit(void **state)
{
	static const struct {
		const char *option;
		uint64_t value;
		const char *expected;
	} rows[] = {
		{"wait", 0, "0"},
		{"wait", 30000, "30s"},
		{"wait", 1500, "1500ms"},
		{"wait", 3600000, "1h"},
		{"wait", 75000, "75s"},
		{"age", 7200, "2h"},
		{"max-size", 65536, "64k"},
		{"max-size", 1025, "1025"},
		{"port", 8080, "8080"},
	};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		opt_number_print(table_opt(rows[i].option), rows[i].value, &out);
		assert_string_equal(table_text(&out), rows[i].expected);
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_with_and_without_units),
		cmocka_unit_test(a_refusal_names_value_and_bounds),
		cmocka_unit_test(every_byte_alone_is_refused_unless_it_is_a_digit),
		cmocka_unit_test(printing_takes_the_largest_exact_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
