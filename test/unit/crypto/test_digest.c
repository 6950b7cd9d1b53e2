/* SHA-256 against FIPS 180-2, HMAC against RFC 4231 and the openssl command, and hexadecimal text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/digest.h"

#include "base/attr.h"

struct row {
	struct slice key;
	struct slice text;
	const char *hex;
};

#define LONG_KEY_20                                                                                \
	"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
#define LONG_KEY                                                                                   \
	LONG_KEY_20 LONG_KEY_20 LONG_KEY_20 LONG_KEY_20 LONG_KEY_20 LONG_KEY_20                    \
		"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"

/* RFC 4231, test cases 1, 2 and 6, and the empty message by openssl dgst. */
static const struct row rows[] = {
	{{"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20},
		{"Hi There", 8},
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{{"Jefe", 4}, {"what do ya want for nothing?", 28},
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{{LONG_KEY, 131}, {"Test Using Larger Than Block-Size Key - Hash Key First", 54},
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{{"0123456789abcdef0123456789abcdef", 32}, {"", 0},
		"796cd3078af14636753d26b3b5555422ff55a3e261cf847b48e95371b9bd0aa2"},
};

static void known_messages_have_their_known_codes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t mac[DIGEST_SHA256_LEN];
		char hex[2 * DIGEST_SHA256_LEN + 1];

		digest_hmac_sha256(rows[i].key, &rows[i].text, 1, mac);
		digest_hex(mac, sizeof(mac), hex);
		assert_string_equal(hex, rows[i].hex);
	}
}

static void a_prepared_key_makes_the_same_codes_again_and_again(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct digest_hmac *h = digest_hmac_new(rows[i].key);
		uint8_t mac[DIGEST_SHA256_LEN];
		char hex[2 * DIGEST_SHA256_LEN + 1];

		for (int round = 0; round < 3; round++) {
			digest_hmac_make(h, &rows[i].text, 1, mac);
			digest_hex(mac, sizeof(mac), hex);
			assert_string_equal(hex, rows[i].hex);
		}
		digest_hmac_free(&h);
	}
}

static void where_a_message_is_cut_into_parts_does_not_matter(void **state)
{
	const struct row *row = &rows[1];

	for (size_t at = 0; at <= row->text.len; at++) {
		struct slice parts[] = {
			slice_first(row->text, at), {NULL, 0}, slice_from(row->text, at)};
		uint8_t mac[DIGEST_SHA256_LEN], expected[DIGEST_SHA256_LEN];

		digest_hmac_sha256(row->key, parts, ARRAY_LEN(parts), mac);
		assert_true(digest_unhex(slice_from_str(row->hex), expected, sizeof(expected)));
		assert_memory_equal(mac, expected, sizeof(mac));
	}
}

static void known_messages_have_their_known_digests(void **state)
{
	static const struct {
		struct slice text;
		const char *hex;
	} known[] = {
		{{"", 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{{"abc", 3}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	};
	char hex[2 * DIGEST_SHA256_LEN + 1];
	uint8_t digest[DIGEST_SHA256_LEN];

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		digest_sha256(known[i].text, digest);
		digest_hex(digest, sizeof(digest), hex);
		assert_string_equal(hex, known[i].hex);
	}
}

static void hexadecimal_text_is_read_in_either_case_and_only_whole(void **state)
{
	uint8_t bytes[3];

	assert_true(digest_unhex(SLICE("00fFa9"), bytes, 3));
	assert_memory_equal(bytes, "\x00\xff\xa9", 3);
	assert_false(digest_unhex(SLICE("00ffa"), bytes, 3));
	assert_false(digest_unhex(SLICE("00ffa90"), bytes, 3));
	assert_false(digest_unhex(SLICE("00ffag"), bytes, 3));
	assert_false(digest_unhex(SLICE("0x00ff"), bytes, 3));
	assert_false(digest_unhex((struct slice) {NULL, 0}, bytes, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_messages_have_their_known_codes),
		cmocka_unit_test(a_prepared_key_makes_the_same_codes_again_and_again),
		cmocka_unit_test(where_a_message_is_cut_into_parts_does_not_matter),
		cmocka_unit_test(known_messages_have_their_known_digests),
		cmocka_unit_test(hexadecimal_text_is_read_in_either_case_and_only_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
