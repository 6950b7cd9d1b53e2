/* Randomness: not its quality, which is the library's, but its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/rand.h"

#include <string.h>

static void all_bytes_are_filled_and_differ_each_time(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};

	rand_bytes(a, sizeof(a));
	rand_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + 32, (uint8_t[32]) {0}, 32);
}

static void every_value_below_the_bound_comes_up_and_no_other(void **state)
{
	unsigned seen[7] = {0};

	for (int i = 0; i < 7000; i++) {
		uint32_t value = rand_below(7);

		assert_true(value < 7);
		seen[value]++;
	}
	/* 1000 each expected; 800 is nearly seven standard deviations away */
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 800, 1200);
}

static void a_bound_of_one_leaves_only_zero(void **state)
{
	assert_int_equal(rand_below(1), 0);
	assert_true(rand_below(UINT32_MAX) < UINT32_MAX);
}

static void a_large_bound_has_no_bias_to_low_values(void **state)
{
	/* with plain modulo, values below 2^30 would come up in half of all draws */
	const uint32_t bound = 3u << 30;
	unsigned low = 0;

	for (int i = 0; i < 9000; i++)
		low += rand_below(bound) < 1u << 30;
	assert_in_range(low, 2700, 3300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_are_filled_and_differ_each_time),
		cmocka_unit_test(every_value_below_the_bound_comes_up_and_no_other),
		cmocka_unit_test(a_bound_of_one_leaves_only_zero),
		cmocka_unit_test(a_large_bound_has_no_bias_to_low_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
