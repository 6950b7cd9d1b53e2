/* Hashes of passwords: known ones, and that no byte goes unread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/password.h"

#include "base/attr.h"

#define COST 4u

static const uint8_t salt[PASSWORD_SALT_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void hash_of(struct slice password, char hash[PASSWORD_HASH_LEN + 1])
{
	struct password_digest digest;

	password_digest(password, &digest);
	assert_int_equal(password_hash(&digest, COST, salt, hash), 0);
}

static bool matches(struct slice password, const char *hash)
{
	struct password_digest digest;

	password_digest(password, &digest);
	return password_matches(&digest, hash);
}

static void what_bcrypt_gets_is_the_digest_in_base64(void **state)
{
	struct password_digest digest;

	password_digest(SLICE("abc"), &digest);
	assert_string_equal(digest.text, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

static void a_hash_is_bcrypt_with_its_cost(void **state)
{
	char hash[PASSWORD_HASH_LEN + 1];

	hash_of(SLICE("s3cret"), hash);
	assert_int_equal(strlen(hash), PASSWORD_HASH_LEN);
	assert_memory_equal(hash, "$2b$04$", 7);
	assert_true(matches(SLICE("s3cret"), hash));
	assert_false(matches(SLICE("s3creT"), hash));
	assert_false(matches(SLICE(""), hash));
}

static void a_cost_of_ten_is_checked_by_a_hash_that_says_so(void **state)
{
	struct password_digest digest;
	char hash[PASSWORD_HASH_LEN + 1];

	password_digest(SLICE("s3cret"), &digest);
	assert_int_equal(password_hash(&digest, 10, salt, hash), 0);
	assert_memory_equal(hash, "$2b$10$", 7);
	assert_true(matches(SLICE("s3cret"), hash));
}

static void the_salt_makes_the_hash(void **state)
{
	uint8_t other_salt[PASSWORD_SALT_LEN] = {9};
	char hash[PASSWORD_HASH_LEN + 1], again[PASSWORD_HASH_LEN + 1];
	struct password_digest digest;

	hash_of(SLICE("s3cret"), hash);
	hash_of(SLICE("s3cret"), again);
	assert_string_equal(hash, again);
	password_digest(SLICE("s3cret"), &digest);
	assert_int_equal(password_hash(&digest, COST, other_salt, again), 0);
	assert_string_not_equal(hash, again);
	assert_true(matches(SLICE("s3cret"), again));
}

static void every_byte_counts(void **state)
{
	char hash[PASSWORD_HASH_LEN + 1], password[PASSWORD_MAX];

	for (size_t i = 0; i < sizeof(password); i++)
		password[i] = (char)(i * 37 + 1);
	password[3] = '\0';
	hash_of(slice_of(password, sizeof(password)), hash);
	assert_true(matches(slice_of(password, sizeof(password)), hash));
	for (size_t i = 0; i < sizeof(password); i++) {
		password[i] ^= 0x20;
		assert_false(matches(slice_of(password, sizeof(password)), hash));
		password[i] ^= 0x20;
		assert_false(matches(slice_of(password, i), hash));
	}
}

static void what_is_no_hash_matches_nothing(void **state)
{
	static const char *const texts[] = {"", "*0", "x", "$2b$04$", "plain",
		"$2a$04$abcdefghijklmnopqrstuuXbbSUZV0mOQyUo.rcnWvlm8Eke6IcKO",
		"$2b$04$!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(matches(SLICE("s3cret"), texts[i]));
}

static void four_to_a_hundred_and_twenty_eight_bytes_are_allowed(void **state)
{
	char long_one[PASSWORD_MAX + 1] = {0};

	assert_false(password_is_allowed(SLICE("")));
	assert_false(password_is_allowed(SLICE("abc")));
	assert_true(password_is_allowed(SLICE("abcd")));
	assert_true(password_is_allowed(slice_of(long_one, PASSWORD_MAX)));
	assert_false(password_is_allowed(slice_of(long_one, PASSWORD_MAX + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_bcrypt_gets_is_the_digest_in_base64),
		cmocka_unit_test(a_hash_is_bcrypt_with_its_cost),
		cmocka_unit_test(a_cost_of_ten_is_checked_by_a_hash_that_says_so),
		cmocka_unit_test(the_salt_makes_the_hash),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(what_is_no_hash_matches_nothing),
		cmocka_unit_test(four_to_a_hundred_and_twenty_eight_bytes_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
