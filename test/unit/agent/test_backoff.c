/* Waits, with a chance that is handed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/backoff.h"

#include "base/attr.h"

enum chance { LOWEST, MIDDLE, HIGHEST };

static uint32_t pick(void *ctx, uint32_t bound)
{
	const enum chance *chance = ctx;

	assert_true(bound > 0);
	return *chance == LOWEST ? 0 : *chance == MIDDLE ? bound / 2 : bound - 1;
}

static void waits_double_up_to_thirty_seconds(void **state)
{
	static const uint64_t rows[][3] = {{0, 250, 499}, {750, 1000, 1250}, {1500, 2000, 2500},
		{3000, 4000, 5000}, {6000, 8000, 10000}, {12000, 16000, 20000},
		{22500, 30000, 37500}, {22500, 30000, 37500}, {22500, 30000, 37500}};

	for (enum chance chance = LOWEST; chance <= HIGHEST; chance++) {
		struct backoff b;

		backoff_init(&b, pick, &chance);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(backoff_next(&b, 0, 0), rows[i][chance]);
	}
}

static void it_never_gives_up(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	b.failures = UINT32_MAX - 1;
	for (int i = 0; i < 4; i++)
		assert_int_equal(backoff_next(&b, 0, 0), 30000);
}

static struct backoff worn(enum chance *chance)
{
	struct backoff b;

	backoff_init(&b, pick, chance);
	for (int i = 0; i < 6; i++)
		backoff_next(&b, 0, 0);
	return b;
}

static void half_a_minute_of_health_begins_anew(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_up(&b, 1000);
	backoff_down(&b, 31000);
	assert_int_equal(backoff_next(&b, 0, 0), 250);
}

static void less_health_goes_on_with_the_second_wait(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_up(&b, 1000);
	backoff_down(&b, 30999);
	assert_int_equal(backoff_next(&b, 0, 0), 1000);
	assert_int_equal(backoff_next(&b, 0, 0), 2000);
	/* Not up meanwhile: this end does not count. */
	backoff_down(&b, 90000);
	assert_int_equal(backoff_next(&b, 0, 0), 4000);
}

static void a_short_life_does_not_make_a_good_start_worse(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	backoff_up(&b, 0);
	backoff_down(&b, 5);
	assert_int_equal(backoff_next(&b, 0, 0), 250);
}

static void a_hurry_is_for_once_and_begins_anew(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_hurry(&b);
	assert_int_equal(backoff_next(&b, 0, 0), 0);
	assert_int_equal(backoff_next(&b, 0, 0), 250);
	assert_int_equal(backoff_next(&b, 0, 0), 1000);
}

static void a_hurry_is_over_once_it_is_up(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_hurry(&b);
	backoff_up(&b, 0);
	backoff_down(&b, 1);
	assert_int_equal(backoff_next(&b, 0, 0), 250);
}

static void what_the_relay_asks_for_is_honoured(void **state)
{
	enum chance chance = HIGHEST;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	assert_int_equal(backoff_next(&b, 5000, 0), 5499);
	assert_int_equal(backoff_next(&b, 5000, 0), 5250);
	assert_int_equal(backoff_next(&b, 5000, 100), 5125);
	assert_in_range(backoff_next(&b, UINT64_MAX, 0), BACKOFF_RETRY_AFTER_MAX_MS,
		BACKOFF_RETRY_AFTER_MAX_MS + 1000);
}

static void a_cap_bounds_the_wait(void **state)
{
	enum chance chance = HIGHEST;
	struct backoff b = worn(&chance);

	assert_int_equal(backoff_next(&b, 0, 4000), 5000);
	assert_int_equal(backoff_next(&b, 0, 0), 37500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_thirty_seconds),
		cmocka_unit_test(it_never_gives_up),
		cmocka_unit_test(half_a_minute_of_health_begins_anew),
		cmocka_unit_test(less_health_goes_on_with_the_second_wait),
		cmocka_unit_test(a_short_life_does_not_make_a_good_start_worse),
		cmocka_unit_test(a_hurry_is_for_once_and_begins_anew),
		cmocka_unit_test(a_hurry_is_over_once_it_is_up),
		cmocka_unit_test(what_the_relay_asks_for_is_honoured),
		cmocka_unit_test(a_cap_bounds_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
