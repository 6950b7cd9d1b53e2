/* What patterns match, and how long it takes at worst. */
#include "base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static void a_star_stands_for_anything(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{"demo", "demo", true},
		{"demo", "demo1", false},
		{"demo", "dem", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"**", "x", true},
		{"demo-*", "demo-", true},
		{"demo-*", "demo-1", true},
		{"demo-*", "demo", false},
		{"*-demo", "my-demo", true},
		{"*-demo", "my-demo-2", false},
		{"a*b*c", "abc", true},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyyd", false},
		{"*ab", "aab", true},
		{"*aab*", "aaaab", true},
		{"tcp:*", "tcp:40000", true},
		{"?", "a", false},
		{"[a]", "a", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			glob_match(slice_from_str(rows[i].pattern), slice_from_str(rows[i].text)),
			rows[i].matches);
}

static void one_of_several_is_enough(void **state)
{
	struct slice patterns = SLICE("  demo-*   staging ");

	assert_true(glob_match_any(patterns, SLICE("staging")));
	assert_true(glob_match_any(patterns, SLICE("demo-7")));
	assert_false(glob_match_any(patterns, SLICE("stagin")));
	assert_false(glob_match_any(SLICE(""), SLICE("")));
	assert_false(glob_match_any((struct slice) {NULL, 0}, SLICE("a")));
}

static void many_stars_end_soon(void **state)
{
	char pattern[256], text[256];

	for (size_t i = 0; i < sizeof(pattern); i++) {
		pattern[i] = i % 2 ? 'a' : '*';
		text[i] = 'a';
	}
	pattern[sizeof(pattern) - 1] = 'b';
	assert_false(glob_match(slice_of(pattern, sizeof(pattern)), slice_of(text, sizeof(text))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_stands_for_anything),
		cmocka_unit_test(one_of_several_is_enough),
		cmocka_unit_test(many_stars_end_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
