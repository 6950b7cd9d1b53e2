/* Counts of what each has, also when many take and put at a time. */
#include "relay/holdings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/check.h"

#define THREADS 4
#define ROUNDS 5000
#define LIMIT 2

static const struct slice alice = SLICE("#1");
static const struct slice bob = SLICE("#2");
static struct holdings *holdings;

static int set_up(void **state)
{
	holdings = holdings_new();
	return 0;
}

static int tear_down(void **state)
{
	holdings_free(&holdings);
	holdings_free(&holdings);
	return holdings != NULL;
}

static void each_has_as_many_as_the_limit_says(void **state)
{
	assert_false(holdings_take(holdings, alice, HOLDING_TUNNELS, 0));
	assert_int_equal(holdings_holders(holdings), 0);
	assert_true(holdings_take(holdings, alice, HOLDING_TUNNELS, 1));
	assert_false(holdings_take(holdings, alice, HOLDING_TUNNELS, 1));
	assert_true(holdings_take(holdings, alice, HOLDING_PASSWORDS, 1));
	assert_true(holdings_take(holdings, bob, HOLDING_TUNNELS, 1));
	assert_int_equal(holdings_count(holdings, alice, HOLDING_TUNNELS), 1);
	holdings_put(holdings, alice, HOLDING_TUNNELS);
	assert_true(holdings_take(holdings, alice, HOLDING_TUNNELS, 1));
	holdings_put(holdings, alice, HOLDING_TUNNELS);
	holdings_put(holdings, alice, HOLDING_PASSWORDS);
	assert_int_equal(holdings_holders(holdings), 1);
	holdings_put(holdings, bob, HOLDING_TUNNELS);
	assert_int_equal(holdings_holders(holdings), 0);
}

static void what_comes_back_may_be_too_much(void **state)
{
	assert_true(holdings_take(holdings, alice, HOLDING_TUNNELS, 1));
	assert_false(holdings_put_surplus(holdings, alice, HOLDING_TUNNELS, 1));
	assert_int_equal(holdings_retake(holdings, alice, HOLDING_TUNNELS), 2);
	assert_true(holdings_put_surplus(holdings, alice, HOLDING_TUNNELS, 1));
	assert_false(holdings_put_surplus(holdings, alice, HOLDING_TUNNELS, 1));
	assert_int_equal(holdings_count(holdings, alice, HOLDING_TUNNELS), 1);
	holdings_put(holdings, alice, HOLDING_TUNNELS);
	assert_int_equal(holdings_count(holdings, alice, HOLDING_TUNNELS), 0);
}

static atomic_int held, most;

static void *take_and_put(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		int now;

		if (!holdings_take(holdings, alice, HOLDING_TUNNELS, LIMIT))
			continue;
		now = atomic_fetch_add(&held, 1) + 1;
		if (now > LIMIT)
			atomic_store(&most, now);
		atomic_fetch_sub(&held, 1);
		holdings_put(holdings, alice, HOLDING_TUNNELS);
	}
	return NULL;
}

static void the_limit_holds_for_all_threads_together(void **state)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, take_and_put, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	assert_int_equal(atomic_load(&most), 0);
	assert_int_equal(holdings_holders(holdings), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_has_as_many_as_the_limit_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_comes_back_may_be_too_much, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_limit_holds_for_all_threads_together, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
