/* When memory is given back: at rest, where it is worth it, and not again and again. */
#include "io/restwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/loop.h"
#include "support/loop_turn.h"

#define MIB (UINT64_C(1) << 20)
#define START (5 * MIB)

static void the_first_look_only_remembers(void **state)
{
	struct restwatch_state s = {0};

	assert_false(restwatch_is_due(&s, 0, START));
	assert_false(restwatch_is_due(&s, 0, START + RESTWATCH_WORTH - 1));
	assert_true(restwatch_is_due(&s, 0, START + RESTWATCH_WORTH));
}

static void who_works_keeps_what_it_has(void **state)
{
	struct restwatch_state s = {0};
	uint64_t worked = 1000;

	assert_false(restwatch_is_due(&s, worked, START));
	for (int i = 0; i < 5; i++) {
		worked += RESTWATCH_BUSY_US;
		assert_false(restwatch_is_due(&s, worked, START + 20 * MIB));
	}
	assert_true(restwatch_is_due(&s, worked + RESTWATCH_BUSY_US - 1, START + 20 * MIB));
}

/* What is in use is no reason to look for more: its owner says how much was left. */
static void what_is_left_counts_from_then_on(void **state)
{
	struct restwatch_state s = {0};

	assert_false(restwatch_is_due(&s, 0, START));
	assert_true(restwatch_is_due(&s, 0, START + 20 * MIB));
	s.least = START + 18 * MIB;
	assert_false(restwatch_is_due(&s, 0, START + 18 * MIB));
	assert_false(restwatch_is_due(&s, 0, START + 21 * MIB));
	assert_true(restwatch_is_due(&s, 0, START + 22 * MIB));
}

static void less_than_was_left_is_the_new_least(void **state)
{
	struct restwatch_state s = {0};

	assert_false(restwatch_is_due(&s, 0, START + 20 * MIB));
	assert_false(restwatch_is_due(&s, 0, START));
	assert_true(restwatch_is_due(&s, 0, START + 5 * MIB));
}

static void a_system_that_does_not_say_is_left_alone(void **state)
{
	struct restwatch_state s = {0};

	for (int i = 0; i < 3; i++)
		assert_false(restwatch_is_due(&s, 0, 0));
}

static void it_comes_and_goes_with_its_loop(void **state)
{
	struct loop *loop = loop_new();
	struct restwatch *watch = restwatch_new(loop);

	loop_turn(loop);
	restwatch_free(&watch);
	assert_null(watch);
	restwatch_free(&watch);
	loop_free(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_look_only_remembers),
		cmocka_unit_test(who_works_keeps_what_it_has),
		cmocka_unit_test(what_is_left_counts_from_then_on),
		cmocka_unit_test(less_than_was_left_is_the_new_least),
		cmocka_unit_test(a_system_that_does_not_say_is_left_alone),
		cmocka_unit_test(it_comes_and_goes_with_its_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
