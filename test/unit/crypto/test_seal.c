/* Values that a peer keeps: what is said about them, when they expire, and every byte of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/seal.h"

#include "base/attr.h"

#define NOW UINT64_C(1700000000)

static const uint8_t key[SEAL_KEY_LEN] = {7, 7, 7};

struct about {
	struct slice parts[3];
};

static struct seal_about about_of(const struct about *a)
{
	return (struct seal_about) {a->parts, ARRAY_LEN(a->parts)};
}

static const struct about mine = {{{"session", 7}, {"demo", 4}, {"hash", 4}}};

static enum seal_verdict check(const struct about *about, struct slice text, uint64_t now)
{
	struct seal *s = seal_new(key);
	enum seal_verdict verdict = seal_check(s, about_of(about), text, now);

	seal_free(&s);
	return verdict;
}

static struct slice make(char text[SEAL_TEXT_LEN + 1], uint64_t expires)
{
	struct seal *s = seal_new(key);

	seal_make(s, about_of(&mine), expires, text);
	seal_free(&s);
	assert_int_equal(strlen(text), SEAL_TEXT_LEN);
	return slice_of(text, SEAL_TEXT_LEN);
}

static void a_value_is_good_until_it_expires(void **state)
{
	char text[SEAL_TEXT_LEN + 1];
	struct slice value = make(text, NOW);

	assert_int_equal(check(&mine, value, NOW - 1), SEAL_GOOD);
	assert_int_equal(check(&mine, value, 0), SEAL_GOOD);
	assert_int_equal(check(&mine, value, NOW), SEAL_EXPIRED);
	assert_int_equal(check(&mine, value, UINT64_MAX), SEAL_EXPIRED);
	assert_int_equal(seal_expires(value), NOW);
	assert_true(slice_is_token(value));
}

static void two_values_are_never_the_same(void **state)
{
	char text[SEAL_TEXT_LEN + 1], other[SEAL_TEXT_LEN + 1];

	make(text, NOW);
	make(other, NOW);
	assert_string_not_equal(text, other);
	assert_int_equal(seal_nonce(slice_from_str(text)).len, SEAL_NONCE_LEN);
	assert_false(slice_eq(seal_nonce(slice_from_str(text)), seal_nonce(slice_from_str(other))));
}

static void what_it_is_about_counts(void **state)
{
	static const struct about others[] = {
		{{{"csrf", 4}, {"demo", 4}, {"hash", 4}}},
		{{{"session", 7}, {"demp", 4}, {"hash", 4}}},
		{{{"session", 7}, {"demo", 4}, {"hasH", 4}}},
		{{{"session", 7}, {"demoh", 5}, {"ash", 3}}},
		{{{"sessiond", 8}, {"emo", 3}, {"hash", 4}}},
		{{{"session", 7}, {NULL, 0}, {"demohash", 8}}},
	};
	char text[SEAL_TEXT_LEN + 1];
	struct slice value = make(text, NOW);

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_int_equal(check(&others[i], value, 0), SEAL_BAD);
}

static void every_byte_and_the_key_count(void **state)
{
	const uint8_t other_key[SEAL_KEY_LEN] = {7, 7, 8};
	struct seal *s = seal_new(other_key);
	char text[SEAL_TEXT_LEN + 1];
	struct slice value = make(text, NOW);

	assert_int_equal(seal_check(s, about_of(&mine), value, 0), SEAL_BAD);
	seal_free(&s);
	for (size_t i = 0; i < SEAL_TEXT_LEN; i++) {
		text[i] = text[i] == 'a' ? 'b' : 'a';
		assert_int_equal(check(&mine, value, 0), SEAL_BAD);
		make(text, NOW);
		assert_int_equal(check(&mine, slice_first(value, i), 0), SEAL_BAD);
	}
}

static void the_expiry_cannot_be_moved(void **state)
{
	char text[SEAL_TEXT_LEN + 1];
	struct slice value = make(text, NOW);

	memcpy(text, "ffffffffffffffff", 16);
	assert_int_equal(check(&mine, value, NOW), SEAL_BAD);
	memset(text, 'A', SEAL_TEXT_LEN);
	assert_int_equal(check(&mine, value, NOW), SEAL_BAD);
}

static void a_bare_signature_is_none_of_a_value(void **state)
{
	struct seal *s = seal_new(key);
	uint8_t mac[SEAL_MAC_LEN], again[SEAL_MAC_LEN], other[SEAL_MAC_LEN];
	const struct seal_about less = {mine.parts, 2};

	seal_mac(s, about_of(&mine), mac);
	seal_mac(s, about_of(&mine), again);
	seal_mac(s, less, other);
	assert_memory_equal(mac, again, sizeof(mac));
	assert_memory_not_equal(mac, other, sizeof(mac));
	seal_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_good_until_it_expires),
		cmocka_unit_test(two_values_are_never_the_same),
		cmocka_unit_test(what_it_is_about_counts),
		cmocka_unit_test(every_byte_and_the_key_count),
		cmocka_unit_test(the_expiry_cannot_be_moved),
		cmocka_unit_test(a_bare_signature_is_none_of_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
