/* Rates: at the limit and one beyond, when there is room again, and clocks that misbehave. */
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START 1000000u

static unsigned take(struct rate_window *w, uint32_t limit, uint64_t now, unsigned times)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++)
		taken += rate_window_take(w, limit, now) == 0;
	return taken;
}

static void takes_the_limit_and_not_one_more(void **state)
{
	struct rate_window w = {0};

	assert_int_equal(take(&w, 60, START, 60), 60);
	assert_int_not_equal(rate_window_take(&w, 60, START), 0);
	assert_int_not_equal(rate_window_take(&w, 60, START + RATE_WINDOW_MS - 1), 0);
}

static void says_exactly_when_there_is_room(void **state)
{
	static const uint32_t limits[] = {1, 2, 3, 7, 60, 2000};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rate_window w = {0};
		uint64_t now = START, wait;

		assert_int_equal(take(&w, limits[i], now, limits[i]), limits[i]);
		for (unsigned round = 0; round < 5; round++) {
			wait = rate_window_take(&w, limits[i], now);
			assert_true(wait > 0 && wait <= 2 * RATE_WINDOW_MS);
			assert_int_not_equal(rate_window_take(&w, limits[i], now + wait - 1), 0);
			assert_int_equal(rate_window_take(&w, limits[i], now + wait), 0);
			now += wait;
		}
	}
}

/* An attempt every 10 ms: what has room in between waits for the next one. */
static void lets_a_steady_flood_through_at_the_rate(void **state)
{
	struct rate_window w = {0};
	unsigned taken = 0;

	for (uint64_t ms = 0; ms < 10 * RATE_WINDOW_MS; ms += 10)
		taken += rate_window_take(&w, 100, START + ms) == 0;
	assert_in_range(taken, 950, 1100);
}

static void begins_anew_after_a_pause(void **state)
{
	struct rate_window w = {0};

	assert_int_equal(take(&w, 5, START, 9), 5);
	assert_int_equal(take(&w, 5, START + 2 * RATE_WINDOW_MS, 9), 5);
}

static void follows_a_limit_that_changes(void **state)
{
	struct rate_window w = {0};
	uint64_t wait;

	assert_int_equal(take(&w, 10, START, 20), 10);
	assert_int_equal(take(&w, 15, START, 20), 5);
	wait = rate_window_take(&w, 3, START);
	assert_int_equal(rate_window_take(&w, 3, START + wait), 0);
	assert_int_equal(rate_window_take(&w, 0, START), RATE_WINDOW_MS);
}

static void bears_a_clock_that_goes_back(void **state)
{
	struct rate_window w = {0};

	assert_int_equal(take(&w, 5, START, 5), 5);
	assert_int_not_equal(rate_window_take(&w, 5, START / 2), 0);
	assert_int_not_equal(rate_window_take(&w, 5, 0), 0);
}

static void paces_bytes_one_behind_the_other(void **state)
{
	struct rate_pace p = {0};
	uint64_t now = 10000000;

	/* A quarter of a second was not used. */
	assert_int_equal(rate_pace_spend(&p, 1000, 250, now), now);
	assert_int_equal(rate_pace_spend(&p, 1000, 500, now), now + 500000);
	assert_int_equal(rate_pace_spend(&p, 1000, 500, now), now + 1000000);
	assert_int_equal(rate_pace_spend(&p, 1000, 1, now + 1000000), now + 1001000);
}

static void keeps_no_more_than_a_moment_in_advance(void **state)
{
	struct rate_pace p = {0};
	uint64_t now = 10000000;

	rate_pace_spend(&p, 1000, 250, now);
	now += 3600000000u;
	assert_int_equal(rate_pace_spend(&p, 1000, 251, now), now + 1000);
}

static void paces_at_the_rate_in_the_long_run(void **state)
{
	struct rate_pace p = {0};
	uint64_t now = 10000000, bytes = 0;

	while (now < 20000000) {
		now = rate_pace_spend(&p, 1 << 20, 65536, now);
		bytes += 65536;
	}
	assert_in_range(bytes, 10 << 20, (10 << 20) + (1 << 19));
}

static void bears_large_numbers(void **state)
{
	struct rate_pace p = {0};

	assert_int_equal(rate_pace_spend(&p, UINT64_C(1) << 40, UINT64_C(1) << 42, 1000000),
		1000000 - 250000 + 4000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_limit_and_not_one_more),
		cmocka_unit_test(says_exactly_when_there_is_room),
		cmocka_unit_test(lets_a_steady_flood_through_at_the_rate),
		cmocka_unit_test(begins_anew_after_a_pause),
		cmocka_unit_test(follows_a_limit_that_changes),
		cmocka_unit_test(bears_a_clock_that_goes_back),
		cmocka_unit_test(paces_bytes_one_behind_the_other),
		cmocka_unit_test(keeps_no_more_than_a_moment_in_advance),
		cmocka_unit_test(paces_at_the_rate_in_the_long_run),
		cmocka_unit_test(bears_large_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
