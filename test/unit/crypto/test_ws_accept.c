/* The WebSocket handshake's key and answer: the RFC's example, and what is no key. */
#include "crypto/ws_accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static void the_example_of_the_rfc_has_its_answer(void **state)
{
	char accept[WS_ACCEPT_LEN + 1];

	/* RFC 6455, 1.3 */
	ws_accept_of_key(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void made_keys_are_keys_and_never_the_same(void **state)
{
	char first[WS_ACCEPT_KEY_LEN + 1], second[WS_ACCEPT_KEY_LEN + 1];

	for (int i = 0; i < 100; i++) {
		ws_accept_make_key(first);
		ws_accept_make_key(second);
		assert_true(ws_accept_is_key(slice_from_str(first)));
		assert_string_not_equal(first, second);
	}
}

static void only_sixteen_bytes_in_base64_are_a_key(void **state)
{
	static const struct slice bad[] = {
		{NULL, 0},
		{"", 0},
		{"==", 2},
		{"dGhlIHNhbXBsZSBub25jZQ=", 23},
		{"dGhlIHNhbXBsZSBub25jZQ== ", 25},
		{" dGhlIHNhbXBsZSBub25jZQ=", 24},
		{"dGhlIHNhbXBsZSBub25jZR==", 24},
		{"dGhlIHNhbXBsZSBub25jZQE=", 24},
		{"dGhlIHNhbXBsZSBub25jZ===", 24},
		{"dGhlIHNhbXBsZSBub2-jZQ==", 24},
		{"dGhlIHNhbXBsZSBub25jZSE=", 24},
		{"dGhlIHNhbXBsZ\0Bub25jZQ==", 24},
	};

	assert_true(ws_accept_is_key(SLICE("dGhlIHNhbXBsZSBub25jZQ==")));
	assert_true(ws_accept_is_key(SLICE("AAAAAAAAAAAAAAAAAAAAAA==")));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(ws_accept_is_key(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_has_its_answer),
		cmocka_unit_test(made_keys_are_keys_and_never_the_same),
		cmocka_unit_test(only_sixteen_bytes_in_base64_are_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
