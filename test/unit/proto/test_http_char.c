/* The classes of bytes, and the check that looks at eight at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http_char.h"

static void classes_are_those_of_the_rfc(void **state)
{
	const char *marks = "!#$%&'*+-.^_`|~";

	for (int c = 0; c < 256; c++) {
		bool is_alnum =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		assert_int_equal(http_char_is((char)c, HTTP_CHAR_TOKEN),
			is_alnum || (c && strchr(marks, c)));
		assert_int_equal(
			http_char_is((char)c, HTTP_CHAR_TARGET), c > 0x20 && c != 0x7f && c != '#');
		assert_int_equal(http_char_is((char)c, HTTP_CHAR_VALUE),
			c == '\t' || (c >= 0x20 && c != 0x7f));
		assert_int_equal(
			http_char_is((char)c, HTTP_CHAR_HOST), is_alnum || c == '-' || c == '_');
	}
}

static void a_forbidden_byte_is_found_at_every_place_of_every_length(void **state)
{
	char text[40];

	for (size_t len = 0; len <= sizeof(text); len++) {
		memset(text, 'a', sizeof(text));
		assert_true(http_char_is_value(slice_of(text, len)));
		for (size_t at = 0; at < len; at++) {
			for (int c = 0; c < 256; c++) {
				text[at] = (char)c;
				assert_int_equal(http_char_is_value(slice_of(text, len)),
					http_char_is((char)c, HTTP_CHAR_VALUE));
			}
			text[at] = 'a';
		}
	}
}

static size_t span_one_by_one(struct slice s, unsigned classes, char without)
{
	size_t n = 0;

	while (n < s.len && http_char_is(s.ptr[n], classes) && s.ptr[n] != without)
		n++;
	return n;
}

/* Two bytes that end it, wherever they stand: the first one counts, whatever comes behind it. */
static void spans_end_at_the_first_byte_that_is_none(void **state)
{
	static const char others[] = {'a', '\t', '\r', ' ', '#', '\x7f', '\x80', '\xff'};
	char text[20];

	for (size_t at = 0; at < sizeof(text); at++) {
		for (int c = 0; c < 256; c++) {
			memset(text, others[(size_t)c % sizeof(others)], sizeof(text));
			memset(text, 'a', at);
			text[at] = (char)c;
			for (size_t len = 0; len <= sizeof(text); len++) {
				struct slice s = slice_of(text, len);

				assert_int_equal(http_char_plain_span(s),
					span_one_by_one(s, HTTP_CHAR_VALUE, '\t'));
				assert_int_equal(http_char_target_span(s),
					span_one_by_one(s, HTTP_CHAR_TARGET, '#'));
			}
		}
	}
}

static void a_tab_hides_no_forbidden_byte_beside_it(void **state)
{
	assert_true(http_char_is_value(SLICE("a\tb\tc\td\te\t")));
	assert_false(http_char_is_value(SLICE("\t\t\t\x01\t\t\t\t\t")));
	assert_false(http_char_is_value(SLICE("aaaaaaaa\t\x7f")));
	assert_true(http_char_is_value(SLICE("\x80\xff\x80\xff\x80\xff\x80\xff\x80\xff")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_those_of_the_rfc),
		cmocka_unit_test(a_forbidden_byte_is_found_at_every_place_of_every_length),
		cmocka_unit_test(spans_end_at_the_first_byte_that_is_none),
		cmocka_unit_test(a_tab_hides_no_forbidden_byte_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
