/* Names of tunnels: the grammar, what is kept back, and random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "relay/name.h"

#define LETTERS_62 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab"

struct row {
	const char *text;
	bool valid;
};

static const struct row rows[] = {
	{"myapp", true},
	{"my-ap", true},
	{"a--b", true},
	{"1234", true},
	{"0-0-0", true},
	{"xn--bcher-kva", true},
	{"abcd", true},
	{LETTERS_62 "c", true},
	{LETTERS_62 "cd", false},
	{"abc", false},
	{"", false},
	{"-abcd", false},
	{"abcd-", false},
	{"----", false},
	{"MyApp", false},
	{"my_app", false},
	{"my.app", false},
	{"my app", false},
	{"m\xc3\xbcller", false},
	{"app/x", false},
	{"app\n1", false},
};

static void only_labels_of_four_to_sixty_three_plain_characters_are_names(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (name_is_valid(slice_from_str(rows[i].text)) != rows[i].valid)
			fail_msg("\"%s\"", rows[i].text);
	}
	assert_false(name_is_valid(slice_of("app\0x", 5)));
	assert_false(name_is_valid((struct slice) {NULL, 0}));
}

static void every_byte_outside_the_alphabet_is_refused_at_every_place(void **state)
{
	for (int byte = 0; byte < 256; byte++) {
		bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');

		for (size_t at = 0; at < 5; at++) {
			char text[5] = {'m', 'y', 'a', 'p', 'p'};
			bool inside = byte == '-' && at > 0 && at < 4;

			text[at] = (char)byte;
			assert_int_equal(name_is_valid(slice_of(text, 5)), plain || inside);
		}
	}
}

static void reserved_names_are_found_whatever_their_case(void **state)
{
	char www[] = "www", status[] = "Status";
	char *const reserved[] = {www, status, NULL};

	assert_true(name_is_reserved(SLICE("www"), reserved));
	assert_true(name_is_reserved(SLICE("status"), reserved));
	assert_false(name_is_reserved(SLICE("stat"), reserved));
	assert_false(name_is_reserved(SLICE("statuses"), reserved));
	assert_false(name_is_reserved(SLICE("www"), NULL));
}

static void random_names_are_valid_and_have_three_parts(void **state)
{
	for (int i = 0; i < 5000; i++) {
		char name[NAME_MAX_LEN + 1];
		size_t len = name_random(name), hyphens = 0;
		struct slice rest = slice_of(name, len), part = {NULL, 0};

		assert_int_equal(strlen(name), len);
		assert_true(name_is_valid(slice_of(name, len)));
		for (size_t at = 0; at < len; at++)
			hyphens += name[at] == '-';
		assert_int_equal(hyphens, 2);
		while (slice_split(&rest, '-', &part))
			assert_true(part.len > 0);
		assert_in_range(part.ptr[0], '1', '9');
		assert_in_range(part.len, 1, 3);
	}
}

static void random_names_rarely_repeat(void **state)
{
	char first[NAME_MAX_LEN + 1], other[NAME_MAX_LEN + 1];
	int same = 0;

	name_random(first);
	for (int i = 0; i < 1000; i++) {
		name_random(other);
		same += strcmp(first, other) == 0;
	}
	/* one in sixty million each */
	assert_in_range(same, 0, 1);
}

static const char *const adjectives[] = {
#define NAME_ADJECTIVE(word) word,
#include "relay/name_adjectives.def"
#undef NAME_ADJECTIVE
};

static const char *const animals[] = {
#define NAME_ANIMAL(word) word,
#include "relay/name_animals.def"
#undef NAME_ANIMAL
};

static void check_words(const char *const *words, size_t count)
{
	assert_true(count >= 200);
	for (size_t i = 0; i < count; i++) {
		assert_in_range(strlen(words[i]), 2, 20);
		assert_int_equal(strspn(words[i], "abcdefghijklmnopqrstuvwxyz"), strlen(words[i]));
		if (i && strcmp(words[i - 1], words[i]) >= 0)
			fail_msg("%s is out of order or twice there", words[i]);
	}
}

static void there_are_enough_words_and_each_once(void **state)
{
	check_words(adjectives, ARRAY_LEN(adjectives));
	check_words(animals, ARRAY_LEN(animals));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_labels_of_four_to_sixty_three_plain_characters_are_names),
		cmocka_unit_test(every_byte_outside_the_alphabet_is_refused_at_every_place),
		cmocka_unit_test(reserved_names_are_found_whatever_their_case),
		cmocka_unit_test(random_names_are_valid_and_have_three_parts),
		cmocka_unit_test(random_names_rarely_repeat),
		cmocka_unit_test(there_are_enough_words_and_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
