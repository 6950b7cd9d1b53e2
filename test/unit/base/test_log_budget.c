/* The budget of lines: the first are all there, then one every so often, and nothing uncounted. */
#include "base/log_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define START 1000000u
#define KIND "tunnel online"

static int setup(void **state)
{
	static struct log_budget budget;

	log_budget_init(&budget);
	*state = &budget;
	return 0;
}

static bool take(struct log_budget *b, uint64_t key, uint64_t now_ms)
{
	return log_budget_take(b, key, KIND, SLICE("@7f000001"), now_ms);
}

static unsigned take_many(struct log_budget *b, uint64_t key, unsigned count, uint64_t now_ms)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++)
		taken += take(b, key, now_ms);
	return taken;
}

static void a_source_has_so_many_at_once_and_then_one_after_the_other(void **state)
{
	struct log_budget *b = *state;

	assert_int_equal(take_many(b, 7, 3 * LOG_BUDGET_BURST, START), LOG_BUDGET_BURST);
	assert_false(take(b, 7, START + LOG_BUDGET_EVERY_MS - 1));
	assert_true(take(b, 7, START + LOG_BUDGET_EVERY_MS));
	assert_false(take(b, 7, START + LOG_BUDGET_EVERY_MS));
	assert_int_equal(take_many(b, 7, 100, START + 11 * LOG_BUDGET_EVERY_MS), 10);
}

static void a_source_that_was_quiet_has_all_again(void **state)
{
	struct log_budget *b = *state;

	take_many(b, 7, 2 * LOG_BUDGET_BURST, START);
	assert_int_equal(take_many(b, 7, 2 * LOG_BUDGET_BURST,
				 START + LOG_BUDGET_BURST * LOG_BUDGET_EVERY_MS),
		LOG_BUDGET_BURST);
}

static void what_is_left_out_is_told_once(void **state)
{
	struct log_budget *b = *state;
	struct log_budget_gap gap;
	size_t at = 0;

	assert_false(log_budget_next_gap(b, &at, &gap));
	take_many(b, 7, LOG_BUDGET_BURST + 5, START);
	take_many(b, 8, LOG_BUDGET_BURST, START);
	take_many(b, 9, LOG_BUDGET_BURST + 1, START);
	at = 0;
	assert_true(log_budget_next_gap(b, &at, &gap));
	assert_string_equal(gap.kind, KIND);
	assert_true(slice_eq(gap.source, SLICE("@7f000001")));
	assert_int_equal(gap.count, 5);
	assert_true(log_budget_next_gap(b, &at, &gap));
	assert_int_equal(gap.count, 1);
	assert_false(log_budget_next_gap(b, &at, &gap));
	at = 0;
	assert_false(log_budget_next_gap(b, &at, &gap));
	assert_false(take(b, 7, START));
	at = 0;
	assert_true(log_budget_next_gap(b, &at, &gap));
	assert_int_equal(gap.count, 1);
}

static void sources_do_not_take_from_each_other(void **state)
{
	struct log_budget *b = *state;

	assert_int_equal(take_many(b, 1, 2 * LOG_BUDGET_BURST, START), LOG_BUDGET_BURST);
	assert_int_equal(take_many(b, 2, LOG_BUDGET_BURST, START), LOG_BUDGET_BURST);
}

/* With places for fewer sources than there are, those that wrote least are forgotten first. */
static void whoever_writes_most_is_remembered(void **state)
{
	const uint64_t same_set = LOG_BUDGET_SOURCES;
	struct log_budget *b = *state;
	struct log_budget_gap gap;
	size_t at = 0;

	take_many(b, same_set, LOG_BUDGET_BURST + 1, START);
	for (uint64_t i = 2; i < 100; i++)
		assert_true(take(b, i * same_set, START));
	assert_false(take(b, same_set, START));
	assert_true(log_budget_next_gap(b, &at, &gap));
	assert_int_equal(gap.count, 2);
}

static void what_was_left_out_of_the_forgotten_is_told_too(void **state)
{
	struct log_budget *b = *state;
	struct log_budget_gap gap;
	size_t at = 0;

	for (uint64_t i = 1; i <= 6; i++)
		take_many(b, i * LOG_BUDGET_SOURCES, LOG_BUDGET_BURST + 1, START + i);
	for (int i = 0; i < 4; i++) {
		assert_true(log_budget_next_gap(b, &at, &gap));
		assert_int_equal(gap.count, 1);
	}
	assert_true(log_budget_next_gap(b, &at, &gap));
	assert_null(gap.kind);
	assert_int_equal(gap.source.len, 0);
	assert_int_equal(gap.count, 2);
	assert_false(log_budget_next_gap(b, &at, &gap));
}

static void all_sources_together_have_a_bound(void **state)
{
	struct log_budget *b = *state;
	unsigned taken = 0;

	for (uint64_t key = 0; key < LOG_BUDGET_ALL_BURST + 5000; key++)
		taken += take(b, key, START);
	assert_int_equal(taken, LOG_BUDGET_ALL_BURST);
	assert_false(take(b, 1u << 30, START + LOG_BUDGET_ALL_EVERY_MS - 1));
	assert_true(take(b, 1u << 30, START + LOG_BUDGET_ALL_EVERY_MS));
}

static void sources_may_be_empty_or_long_and_times_and_keys_zero(void **state)
{
	char text[3 * LOG_BUDGET_SOURCE_MAX];
	struct log_budget *b = *state;
	struct log_budget_gap gap;
	size_t at = 0;

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < LOG_BUDGET_BURST; i++)
		assert_true(log_budget_take(b, 0, KIND, (struct slice) {NULL, 0}, 0));
	assert_false(log_budget_take(b, 0, KIND, slice_of(text, sizeof(text)), 0));
	assert_true(log_budget_next_gap(b, &at, &gap));
	assert_int_equal(gap.source.len, LOG_BUDGET_SOURCE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_source_has_so_many_at_once_and_then_one_after_the_other, setup),
		cmocka_unit_test_setup(a_source_that_was_quiet_has_all_again, setup),
		cmocka_unit_test_setup(what_is_left_out_is_told_once, setup),
		cmocka_unit_test_setup(sources_do_not_take_from_each_other, setup),
		cmocka_unit_test_setup(whoever_writes_most_is_remembered, setup),
		cmocka_unit_test_setup(what_was_left_out_of_the_forgotten_is_told_too, setup),
		cmocka_unit_test_setup(all_sources_together_have_a_bound, setup),
		cmocka_unit_test_setup(sources_may_be_empty_or_long_and_times_and_keys_zero, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
