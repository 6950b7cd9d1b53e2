/* Slices: comparing, searching, trimming and splitting, with empty and NULL ones throughout. */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct slice nothing = {NULL, 0};

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.len ? s.ptr : "", want, s.len);
}

static void equal_means_same_length_and_bytes(void **state)
{
	assert_true(slice_eq(SLICE("abc"), SLICE("abc")));
	assert_false(slice_eq(SLICE("abc"), SLICE("abC")));
	assert_false(slice_eq(SLICE("abc"), SLICE("ab")));
	assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
	assert_true(slice_eq(nothing, SLICE("")));
	assert_true(slice_eq(nothing, nothing));
	assert_true(slice_eq(slice_from_str(NULL), nothing));
}

static void folding_touches_ascii_letters_only(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"Host", "hOST", true},
		{"azAZ", "AZaz", true},
		{"@", "`", false},
		{"[", "{", false},
		{"\xc4", "\xe4", false},
		{"host", "hos", false},
		{"", "", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			slice_eq_fold(slice_from_str(cases[i].a), slice_from_str(cases[i].b)),
			cases[i].equal);
	for (int c = 0; c < 256; c++) {
		char lower = (char)c, upper = (char)(c ^ 0x20);
		bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c < 0x80;

		assert_int_equal(slice_eq_fold(slice_of(&lower, 1), slice_of(&upper, 1)), letter);
	}
}

static void parts_never_leave_the_slice(void **state)
{
	struct slice s = SLICE("abcdef");

	assert_slice(slice_from(s, 0), "abcdef");
	assert_slice(slice_from(s, 4), "ef");
	assert_slice(slice_from(s, 6), "");
	assert_slice(slice_from(s, 7), "");
	assert_slice(slice_from(s, SIZE_MAX), "");
	assert_slice(slice_first(s, 0), "");
	assert_slice(slice_first(s, 6), "abcdef");
	assert_slice(slice_first(s, 7), "abcdef");
	assert_slice(slice_from(nothing, 0), "");
	assert_slice(slice_from(nothing, 5), "");
	assert_slice(slice_first(nothing, 5), "");
}

static void starts_and_ends_look_at_the_whole_affix(void **state)
{
	struct slice s = SLICE("name.example.com");

	assert_true(slice_starts(s, SLICE("name.")));
	assert_true(slice_starts(s, s));
	assert_true(slice_starts(s, nothing));
	assert_false(slice_starts(s, SLICE("name.example.com.")));
	assert_false(slice_starts(s, SLICE("Name")));
	assert_true(slice_ends(s, SLICE(".com")));
	assert_true(slice_ends(s, s));
	assert_true(slice_ends(s, nothing));
	assert_false(slice_ends(s, SLICE("a.name.example.com")));
	assert_false(slice_ends(nothing, SLICE("a")));
	assert_true(slice_ends(nothing, nothing));
}

static void finding_gives_the_length_when_there_is_none(void **state)
{
	assert_int_equal(slice_find(SLICE("a:b:c"), ':'), 1);
	assert_int_equal(slice_find_last(SLICE("a:b:c"), ':'), 3);
	assert_int_equal(slice_find(SLICE("abc"), ':'), 3);
	assert_int_equal(slice_find_last(SLICE("abc"), ':'), 3);
	assert_int_equal(slice_find(SLICE(":"), ':'), 0);
	assert_int_equal(slice_find_last(SLICE(":"), ':'), 0);
	assert_int_equal(slice_find(nothing, ':'), 0);
	assert_int_equal(slice_find_last(nothing, ':'), 0);
	assert_int_equal(slice_find(SLICE("a\0b"), '\0'), 1);
	assert_int_equal(slice_find(SLICE("a\xff"), '\xff'), 1);
}

static void trimming_takes_blanks_off_both_ends_only(void **state)
{
	assert_slice(slice_trim(SLICE(" \t a b \t ")), "a b");
	assert_slice(slice_trim(SLICE("\r\na\r\n")), "\r\na\r\n");
	assert_slice(slice_trim(SLICE(" \t ")), "");
	assert_slice(slice_trim(SLICE("")), "");
	assert_slice(slice_trim(nothing), "");
	assert_slice(slice_trim_lines(SLICE("\r\n\t a \n")), "a");
	assert_slice(slice_trim_lines(nothing), "");
	/* A NUL is no blank, although it ends the set of blanks. */
	assert_int_equal(slice_trim(SLICE(" \0 ")).len, 1);
	assert_int_equal(slice_trim_lines(SLICE("\0\n")).len, 1);
	/* Neither are the other bytes that a locale may call blank. */
	assert_int_equal(slice_trim_lines(SLICE("\v\f\xa0")).len, 3);
}

static void splitting_gives_every_part_empty_ones_too(void **state)
{
	static const struct {
		const char *text;
		const char *parts[5];
	} cases[] = {
		{"a,b,c", {"a", "b", "c"}},
		{"a", {"a"}},
		{"", {""}},
		{",", {"", ""}},
		{",a,", {"", "a", ""}},
		{"a,,b", {"a", "", "b"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice rest = slice_from_str(cases[i].text), part;
		size_t n = 0;

		while (slice_split(&rest, ',', &part))
			assert_slice(part, cases[i].parts[n++]);
		assert_null(cases[i].parts[n]);
		assert_false(slice_split(&rest, ',', &part));
	}
}

static void splitting_no_slice_gives_no_part(void **state)
{
	struct slice rest = nothing, part;

	assert_false(slice_split(&rest, ',', &part));
}

static void copying_cuts_at_the_size_and_ends_with_nul(void **state)
{
	char out[4] = "xxx";

	assert_int_equal(slice_to_str(SLICE("ab"), out, sizeof(out)), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(slice_to_str(SLICE("abc"), out, sizeof(out)), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(slice_to_str(SLICE("abcd"), out, sizeof(out)), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(slice_to_str(SLICE("abcd"), out, 1), 0);
	assert_string_equal(out, "");
	assert_int_equal(slice_to_str(nothing, out, sizeof(out)), 0);
	assert_string_equal(out, "");
}

static void tokens_are_told_from_all_other_bytes(void **state)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	assert_true(slice_is_token(slice_from_str(allowed)));
	assert_true(slice_is_token((struct slice) {NULL, 0}));
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[3] = {'a', (char)byte, 'b'};

		assert_int_equal(slice_is_token(slice_of(text, 3)),
			byte && strchr(allowed, (int)byte) != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_means_same_length_and_bytes),
		cmocka_unit_test(folding_touches_ascii_letters_only),
		cmocka_unit_test(parts_never_leave_the_slice),
		cmocka_unit_test(starts_and_ends_look_at_the_whole_affix),
		cmocka_unit_test(finding_gives_the_length_when_there_is_none),
		cmocka_unit_test(tokens_are_told_from_all_other_bytes),
		cmocka_unit_test(trimming_takes_blanks_off_both_ends_only),
		cmocka_unit_test(splitting_gives_every_part_empty_ones_too),
		cmocka_unit_test(splitting_no_slice_gives_no_part),
		cmocka_unit_test(copying_cuts_at_the_size_and_ends_with_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
