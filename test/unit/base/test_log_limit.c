/* The rate limit: once a minute per source, a bounded number over all, and nothing uncounted. */
#include "base/log_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START 1000000u

static int setup(void **state)
{
	static struct log_limit limit;

	log_limit_init(&limit);
	*state = &limit;
	return 0;
}

static void a_source_gets_one_line_a_minute(void **state)
{
	struct log_limit *l = *state;

	assert_true(log_limit_allow(l, 7, START));
	assert_int_equal(l->suppressed, 0);
	assert_false(log_limit_allow(l, 7, START));
	assert_false(log_limit_allow(l, 7, START + LOG_LIMIT_PERIOD_MS - 1));
	assert_true(log_limit_allow(l, 7, START + LOG_LIMIT_PERIOD_MS));
	assert_int_equal(l->suppressed, 2);
	assert_false(log_limit_allow(l, 7, START + LOG_LIMIT_PERIOD_MS + 1));
}

static void sources_do_not_disturb_each_other(void **state)
{
	struct log_limit *l = *state;

	for (uint64_t key = 0; key < 100; key++)
		assert_true(log_limit_allow(l, key, START));
	for (uint64_t key = 0; key < 100; key++)
		assert_false(log_limit_allow(l, key, START + 1));
}

static void the_key_and_the_time_may_be_zero(void **state)
{
	struct log_limit *l = *state;

	assert_true(log_limit_allow(l, 0, 0));
	assert_false(log_limit_allow(l, 0, 1));
}

static void the_oldest_of_a_full_set_gives_way(void **state)
{
	struct log_limit *l = *state;
	uint64_t key = (uint64_t)1 << 32; /* a distance that keeps to one set */

	for (uint64_t i = 1; i <= 5; i++)
		assert_true(log_limit_allow(l, i * key, START + i));
	for (uint64_t i = 2; i <= 5; i++)
		assert_false(log_limit_allow(l, i * key, START + 10));
	assert_true(log_limit_allow(l, key, START + 10));
}

static void all_sources_together_are_bounded(void **state)
{
	struct log_limit *l = *state;
	unsigned allowed = 0;

	for (uint64_t key = 0; key < 10u * LOG_LIMIT_SOURCES; key++)
		allowed += log_limit_allow(l, key, START + key);
	assert_int_equal(allowed, LOG_LIMIT_SOURCES);
	assert_false(log_limit_allow(l, 1u << 20, START + LOG_LIMIT_PERIOD_MS - 1));
	assert_true(log_limit_allow(l, 1u << 20, START + LOG_LIMIT_PERIOD_MS));
	assert_int_equal(l->suppressed, 9 * LOG_LIMIT_SOURCES + 1);
}

static void every_line_is_either_allowed_or_told_of_later(void **state)
{
	struct log_limit *l = *state;
	uint64_t told = 0, total = 0;

	for (uint64_t now = START; now < START + 10 * LOG_LIMIT_PERIOD_MS; now += 7) {
		total++;
		if (log_limit_allow(l, now * now % 5000, now))
			told += 1 + l->suppressed;
	}
	assert_int_equal(told + l->waiting, total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_source_gets_one_line_a_minute, setup),
		cmocka_unit_test_setup(sources_do_not_disturb_each_other, setup),
		cmocka_unit_test_setup(the_key_and_the_time_may_be_zero, setup),
		cmocka_unit_test_setup(the_oldest_of_a_full_set_gives_way, setup),
		cmocka_unit_test_setup(all_sources_together_are_bounded, setup),
		cmocka_unit_test_setup(every_line_is_either_allowed_or_told_of_later, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
