/* Sleep, by clocks that the test turns. */
#include "io/sleepwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "io/loop.h"
#include "support/loop_turn.h"

struct fixture {
	uint64_t with_sleep, without_sleep;
	unsigned looks;
	unsigned woke;
	uint64_t away;
};

static uint64_t with_sleep(void *ctx)
{
	struct fixture *f = ctx;

	f->looks++;
	return f->with_sleep;
}

static uint64_t without_sleep(void *ctx)
{
	return ((struct fixture *)ctx)->without_sleep;
}

static const struct sleepwatch_clocks clocks = {
	.with_sleep = with_sleep, .without_sleep = without_sleep};

static void on_woke(void *ctx, uint64_t away_ms)
{
	struct fixture *f = ctx;

	f->woke++;
	f->away = away_ms;
}

static void sleep_is_told_from_a_busy_machine(void **state)
{
	static const struct {
		uint64_t with_sleep, without_sleep, away;
	} rows[] = {
		{1000, 1000, 0},
		{1001, 1000, 0},
		{1000, 1001, 0},
		{1500, 1000, 0},
		{1501, 1000, 1501},
		{3600000, 1000, 3600000},
		{6000, 6000, 0},
		{6001, 6001, 6001},
		{0, 6001, 6001}, /* a system whose clocks both stand still in sleep */
		{0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(sleepwatch_judge(rows[i].with_sleep, rows[i].without_sleep) ==
			rows[i].away);
}

static void each_look_is_about_the_time_since_the_last(void **state)
{
	struct fixture f = {.with_sleep = 100000, .without_sleep = 50000};
	struct loop *loop = loop_new();
	struct sleepwatch *s = sleepwatch_new(loop, &clocks, on_woke, &f);
	unsigned looks = f.looks;

	f.with_sleep += 8000;
	f.without_sleep += 1000;
	LOOP_TURN_UNTIL(loop, f.looks > looks);
	assert_int_equal(f.woke, 1);
	assert_true(f.away == 8000);
	looks = f.looks;
	f.with_sleep += 1000;
	f.without_sleep += 1000;
	LOOP_TURN_UNTIL(loop, f.looks > looks);
	assert_int_equal(f.woke, 1);
	sleepwatch_free(&s);
	sleepwatch_free(&s);
	loop_free(&loop);
}

static void the_clocks_of_the_system_run_alike_while_awake(void **state)
{
	struct fixture f = {0};
	struct loop *loop = loop_new();
	struct sleepwatch *s = sleepwatch_new(loop, NULL, on_woke, &f);
	uint64_t until = loop_now(loop) + SLEEPWATCH_EVERY_MS + 100;

	LOOP_TURN_UNTIL(loop, loop_now(loop) >= until);
	assert_true(f.woke == 0 || f.away > SLEEPWATCH_LATE_MS);
	sleepwatch_free(&s);
	loop_free(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleep_is_told_from_a_busy_machine),
		cmocka_unit_test(each_look_is_about_the_time_since_the_last),
		cmocka_unit_test(the_clocks_of_the_system_run_alike_while_awake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
