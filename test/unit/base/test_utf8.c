/* UTF-8: what is valid, and what only looks like it. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct {
	struct slice text;
	bool is_text;
} cases[] = {
	{{"", 0}, true},
	{{"plain", 5}, true},
	{{"\x7f\x01", 2}, true},
	{{"a\0b", 3}, false},
	{{"\xc3\xa4", 2}, true},
	{{"\xe2\x82\xac!", 4}, true},
	{{"\xf0\x9f\x98\x80", 4}, true},
	{{"\xf4\x8f\xbf\xbf", 4}, true},
	{{"\xf4\x90\x80\x80", 4}, false}, /* beyond U+10FFFF */
	{{"\xf8\x88\x80\x80\x80", 5}, false},
	{{"\xed\xa0\x80", 3}, false}, /* a surrogate */
	{{"\xc0\x80", 2}, false}, /* longer than needed */
	{{"\xc1\xbf", 2}, false},
	{{"\xe0\x80\xaf", 3}, false},
	{{"\xf0\x80\x80\xaf", 4}, false},
	{{"\x80", 1}, false},
	{{"a\xff", 2}, false},
	{{"\xc3", 1}, false}, /* cut */
	{{"\xe2\x82", 2}, false},
	{{"\xf0\x9f\x98", 3}, false},
	{{"\xc3(", 2}, false},
};

static void text_is_told_from_what_is_none(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_is_text(cases[i].text), cases[i].is_text);
}

static void a_sequence_is_its_number(void **state)
{
	uint32_t rune = 0;

	assert_int_equal(utf8_rune(SLICE("\xe2\x82\xacx"), &rune), 3);
	assert_int_equal(rune, 0x20ac);
	assert_int_equal(utf8_rune(SLICE("\xf0\x9f\x98\x80"), &rune), 4);
	assert_int_equal(rune, 0x1f600);
	assert_int_equal(utf8_rune(SLICE("x"), &rune), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_told_from_what_is_none),
		cmocka_unit_test(a_sequence_is_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
