/* Comparing secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/ct.h"

static void equal_bytes_are_equal(void **state)
{
	assert_true(ct_equal("secret", "secret", 6));
	assert_true(ct_equal("a", "b", 0));
}

static void a_difference_at_any_place_is_seen(void **state)
{
	const char text[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(text); i++) {
		char other[sizeof(text)] = "0123456789abcdef";

		other[i] = (char)(other[i] ^ 1);
		assert_false(ct_equal(text, other, sizeof(text)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_bytes_are_equal),
		cmocka_unit_test(a_difference_at_any_place_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
