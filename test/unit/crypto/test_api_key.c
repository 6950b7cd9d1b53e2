/* Keys that were made, and texts that are none. */
#include "crypto/api_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "crypto/digest.h"

#define GOOD "adit_abcdefghi012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu"

static void a_key_that_was_made_has_the_form_of_one(void **state)
{
	char text[API_KEY_TEXT_LEN + 1], other[API_KEY_TEXT_LEN + 1];
	struct slice id, other_id;

	for (int i = 0; i < 1000; i++) {
		api_key_make(text);
		api_key_make(other);
		assert_int_equal(strlen(text), API_KEY_TEXT_LEN);
		assert_true(api_key_parse(slice_from_str(text), &id));
		assert_true(api_key_parse(slice_from_str(other), &other_id));
		assert_int_equal(id.len, API_KEY_ID_LEN);
		assert_ptr_equal(id.ptr, text + 5);
		assert_false(slice_eq(id, other_id));
		assert_memory_not_equal(text + 18, other + 18, API_KEY_SECRET_LEN);
	}
}

static void only_the_form_of_a_key_is_one(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{GOOD, true},
		{"", false},
		{"adit_", false},
		{GOOD "x", false},
		{" " GOOD, false},
		{"Adit_abcdefghi012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu", false},
		{"adit-abcdefghi012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu", false},
		{"adit_abcdefghI012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu", false},
		{"adit_abcdefgh_012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu", false},
		{"adit_abcdefghi012-0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu", false},
		{"adit_abcdefghi01__0123456789ABCDEFGHIJ-_abcdefghijklmnopqrstu", false},
		{"adit_abcdefghi012_0123456789ABCDEFGHIJ+/abcdefghijklmnopqrstu", false},
		{"adit_abcdefghi012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrst=", false},
		{"adit_abcdefghi012_0123456789ABCDEFGHIJ-_abcdefghijklmnopqrst", false},
	};
	struct slice id;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(api_key_parse(slice_from_str(rows[i].text), &id), rows[i].good);
}

static void a_piece_of_a_key_is_none(void **state)
{
	struct slice whole = SLICE(GOOD), id;

	for (size_t len = 0; len < whole.len; len++)
		assert_false(api_key_parse(slice_first(whole, len), &id));
	assert_true(api_key_parse(whole, &id));
}

static void a_zero_byte_ends_nothing(void **state)
{
	char text[] = GOOD;
	struct slice id;

	for (size_t i = 0; i < API_KEY_TEXT_LEN; i++) {
		char kept = text[i];

		text[i] = '\0';
		assert_false(api_key_parse(slice_of(text, API_KEY_TEXT_LEN), &id));
		text[i] = kept;
	}
}

static void its_hash_is_sha256_of_the_whole_text(void **state)
{
	uint8_t hash[API_KEY_HASH_LEN];
	char hex[2 * API_KEY_HASH_LEN + 1];

	api_key_hash(SLICE("abc"), hash); /* FIPS 180-2, B.1 */
	digest_hex(hash, sizeof(hash), hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_was_made_has_the_form_of_one),
		cmocka_unit_test(only_the_form_of_a_key_is_one),
		cmocka_unit_test(a_piece_of_a_key_is_none),
		cmocka_unit_test(a_zero_byte_ends_nothing),
		cmocka_unit_test(its_hash_is_sha256_of_the_whole_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
