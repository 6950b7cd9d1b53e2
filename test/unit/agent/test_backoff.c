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

/* What has answered, or was up, and asks for nothing. */
static uint64_t next(struct backoff *b)
{
	return backoff_next(b, &(const struct backoff_end) {0});
}

static uint64_t next_asked(struct backoff *b, uint64_t retry_after_ms, uint64_t cap_ms)
{
	return backoff_next(b,
		&(const struct backoff_end) {.retry_after_ms = retry_after_ms, .cap_ms = cap_ms});
}

static uint64_t next_away(struct backoff *b, uint64_t now_ms)
{
	return backoff_next(b, &(const struct backoff_end) {.now_ms = now_ms, .nobody = true});
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
			assert_int_equal(next(&b), rows[i][chance]);
	}
}

static void it_never_gives_up(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	b.failures = UINT32_MAX - 1;
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(&b), 30000);
}

static struct backoff worn(enum chance *chance)
{
	struct backoff b;

	backoff_init(&b, pick, chance);
	for (int i = 0; i < 6; i++)
		next(&b);
	return b;
}

static void half_a_minute_of_health_begins_anew(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_up(&b, 1000);
	backoff_down(&b, 31000);
	assert_int_equal(next(&b), 250);
}

static void less_health_goes_on_with_the_second_wait(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_up(&b, 1000);
	backoff_down(&b, 30999);
	assert_int_equal(next(&b), 1000);
	assert_int_equal(next(&b), 2000);
	/* Not up meanwhile: this end does not count. */
	backoff_down(&b, 90000);
	assert_int_equal(next(&b), 4000);
}

static void a_short_life_does_not_make_a_good_start_worse(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	backoff_up(&b, 0);
	backoff_down(&b, 5);
	assert_int_equal(next(&b), 250);
}

static void a_hurry_is_for_once_and_begins_anew(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_hurry(&b);
	assert_int_equal(next(&b), 0);
	assert_int_equal(next(&b), 250);
	assert_int_equal(next(&b), 1000);
}

static void a_hurry_is_over_once_it_is_up(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b = worn(&chance);

	backoff_hurry(&b);
	backoff_up(&b, 0);
	backoff_down(&b, 1);
	assert_int_equal(next(&b), 250);
}

static void what_the_relay_asks_for_is_honoured(void **state)
{
	enum chance chance = HIGHEST;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	assert_int_equal(next_asked(&b, 5000, 0), 5499);
	assert_int_equal(next_asked(&b, 5000, 0), 5250);
	assert_int_equal(next_asked(&b, 5000, 100), 5125);
	assert_in_range(next_asked(&b, UINT64_MAX, 0), BACKOFF_RETRY_AFTER_MAX_MS,
		BACKOFF_RETRY_AFTER_MAX_MS + 1000);
}

static void while_nobody_is_there_two_seconds_are_enough(void **state)
{
	/* The second wait has any length, and those behind it are at least half as long. */
	static const uint64_t rows[][3] = {
		{0, 250, 499}, {0, 1000, 1999}, {1000, 1500, 2000}, {1000, 1500, 2000}};

	for (enum chance chance = LOWEST; chance <= HIGHEST; chance++) {
		struct backoff b;

		backoff_init(&b, pick, &chance);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(next_away(&b, 1000 + i), rows[i][chance]);
		for (uint64_t away_ms = 5000; away_ms <= 180000; away_ms += 1000)
			assert_int_equal(next_away(&b, 1000 + away_ms), rows[3][chance]);
	}
}

/* A session is kept for less than that, perhaps. */
static void nor_does_it_take_longer_than_the_cap_then(void **state)
{
	static const uint64_t rows[][3] = {
		{0, 250, 499}, {0, 150, 299}, {150, 225, 300}, {150, 225, 300}};

	for (enum chance chance = LOWEST; chance <= HIGHEST; chance++) {
		struct backoff b;

		backoff_init(&b, pick, &chance);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(
				backoff_next(&b,
					&(const struct backoff_end) {
						.now_ms = 1000 + i, .cap_ms = 300, .nobody = true}),
				rows[i][chance]);
	}
}

static void they_grow_with_the_time_that_nobody_has_been_there(void **state)
{
	enum chance chance = HIGHEST;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	next_away(&b, 7);
	next_away(&b, 1000);
	assert_int_equal(next_away(&b, 1000 + 270000), 3000);
	assert_int_equal(next_away(&b, 1000 + 900000), 10000);
	assert_int_equal(next_away(&b, 1000 + 2700000), 30000);
	assert_int_equal(next_away(&b, 1000 + 86400000), 30000);
	chance = LOWEST;
	assert_int_equal(next_away(&b, 1000 + 86400000), 15000);
}

static void what_answers_badly_is_spared_whoever_was_away_before(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	assert_int_equal(next_away(&b, 0), 250);
	for (uint64_t now_ms = 1; now_ms < 100; now_ms++)
		next_away(&b, now_ms);
	assert_int_equal(next(&b), 1000);
	assert_int_equal(next(&b), 2000);
	/* Nobody again: for how long counts from here, and does not make up for what came before.
	 */
	assert_int_equal(next_away(&b, 1000000), 1000);
	assert_int_equal(next_away(&b, 1001000), 1500);
	assert_int_equal(next(&b), 4000);
}

static void who_is_away_again_begins_anew(void **state)
{
	enum chance chance = MIDDLE;
	struct backoff b;

	backoff_init(&b, pick, &chance);
	for (int i = 0; i < 3; i++)
		next_away(&b, 0);
	backoff_up(&b, 1000);
	backoff_down(&b, 2000000);
	assert_int_equal(next(&b), 250);
	assert_int_equal(next_away(&b, 2000250), 1000);
	assert_int_equal(next_away(&b, 2001250), 1500);
	backoff_hurry(&b);
	assert_int_equal(next_away(&b, 2001250), 0);
	assert_int_equal(next_away(&b, 4000000), 250);
	assert_int_equal(next_away(&b, 4000250), 1000);
}

static void a_cap_bounds_the_wait(void **state)
{
	enum chance chance = HIGHEST;
	struct backoff b = worn(&chance);

	assert_int_equal(next_asked(&b, 0, 4000), 5000);
	assert_int_equal(next(&b), 37500);
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
		cmocka_unit_test(while_nobody_is_there_two_seconds_are_enough),
		cmocka_unit_test(nor_does_it_take_longer_than_the_cap_then),
		cmocka_unit_test(they_grow_with_the_time_that_nobody_has_been_there),
		cmocka_unit_test(what_answers_badly_is_spared_whoever_was_away_before),
		cmocka_unit_test(who_is_away_again_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
