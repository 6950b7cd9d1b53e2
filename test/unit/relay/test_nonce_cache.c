/* Used nonces: once each, until they expire, within a bound, from many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/attr.h"
#include "base/err.h"
#include "relay/nonce_cache.h"

#define NOW 1700000000000u

static void a_nonce_is_taken_once(void **state)
{
	struct nonce_cache *cache = nonce_cache_new(10);

	assert_false(nonce_cache_has(cache, 7, NOW));
	assert_int_equal(nonce_cache_add(cache, 7, NOW, NOW + 100), 0);
	assert_true(nonce_cache_has(cache, 7, NOW));
	assert_false(nonce_cache_has(cache, 8, NOW));
	assert_int_equal(nonce_cache_add(cache, 7, NOW, NOW + 100), ERR_EXISTS);
	assert_int_equal(nonce_cache_add(cache, 0, NOW, NOW + 100), 0);
	assert_int_equal(nonce_cache_add(cache, UINT64_MAX, NOW, NOW + 100), 0);
	assert_int_equal(nonce_cache_count(cache), 3);
	nonce_cache_free(&cache);
	assert_null(cache);
	nonce_cache_free(&cache);
}

static void a_nonce_is_forgotten_when_it_expires_and_not_before(void **state)
{
	struct nonce_cache *cache = nonce_cache_new(10);

	assert_int_equal(nonce_cache_add(cache, 7, NOW, NOW + 100), 0);
	assert_true(nonce_cache_has(cache, 7, NOW + 99));
	assert_false(nonce_cache_has(cache, 7, NOW + 100));
	assert_int_equal(nonce_cache_count(cache), 0);
	assert_int_equal(nonce_cache_add(cache, 7, NOW + 100, NOW + 200), 0);
	nonce_cache_free(&cache);
}

static void a_full_cache_refuses_and_makes_room_for_what_expired_only(void **state)
{
	struct nonce_cache *cache = nonce_cache_new(3);

	assert_int_equal(nonce_cache_add(cache, 1, NOW, NOW + 300), 0);
	assert_int_equal(nonce_cache_add(cache, 2, NOW, NOW + 100), 0);
	assert_int_equal(nonce_cache_add(cache, 3, NOW, NOW + 200), 0);
	assert_int_equal(nonce_cache_add(cache, 4, NOW + 99, NOW + 400), ERR_LIMIT);
	assert_int_equal(nonce_cache_add(cache, 3, NOW + 99, NOW + 400), ERR_EXISTS);
	assert_int_equal(nonce_cache_add(cache, 4, NOW + 100, NOW + 400), 0);
	assert_int_equal(nonce_cache_add(cache, 5, NOW + 100, NOW + 400), ERR_LIMIT);
	assert_true(nonce_cache_has(cache, 1, NOW + 199));
	assert_true(nonce_cache_has(cache, 3, NOW + 199));
	assert_false(nonce_cache_has(cache, 2, NOW + 199));
	nonce_cache_free(&cache);
}

static void many_expire_in_the_order_of_their_time_whatever_order_they_came_in(void **state)
{
	struct nonce_cache *cache = nonce_cache_new(5000);

	/* 7 and 5000 have no common divisor: all times from 0 to 4999, shuffled */
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(
			nonce_cache_add(cache, i * 7 % 5000, NOW, NOW + 1 + i * 7 % 5000), 0);
	for (uint64_t time = 0; time < 5000; time++) {
		assert_true(nonce_cache_has(cache, time, NOW + time));
		assert_int_equal(nonce_cache_count(cache), 5000 - time);
	}
	nonce_cache_free(&cache);
}

static void a_backlog_of_expired_ones_leaves_over_several_calls(void **state)
{
	struct nonce_cache *cache = nonce_cache_new(1000);
	unsigned calls = 0;

	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(nonce_cache_add(cache, i, NOW, NOW + 1), 0);
	while (nonce_cache_count(cache)) {
		size_t before = nonce_cache_count(cache);

		nonce_cache_has(cache, 2000, NOW + 1);
		assert_in_range(before - nonce_cache_count(cache), 1, 256);
		calls++;
	}
	assert_in_range(calls, 4, 100);
	nonce_cache_free(&cache);
}

#define THREADS 8
#define NONCES 20000

struct race {
	pthread_t thread;
	struct nonce_cache *cache;
	unsigned offset;
	unsigned won;
};

static void *race_for_all(void *arg)
{
	struct race *race = arg;

	for (uint64_t i = 0; i < NONCES; i++) {
		uint64_t nonce = (i + race->offset) % NONCES;

		if (!nonce_cache_has(race->cache, nonce, NOW))
			race->won += nonce_cache_add(race->cache, nonce, NOW, NOW + 100) == 0;
	}
	return NULL;
}

static void of_threads_that_bring_the_same_nonce_exactly_one_wins(void **state)
{
	struct nonce_cache *cache = nonce_cache_new(NONCE_CACHE_MAX);
	struct race races[THREADS] = {0};
	unsigned won = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		races[i].cache = cache;
		races[i].offset = i;
		assert_int_equal(
			pthread_create(&races[i].thread, NULL, race_for_all, &races[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(races[i].thread, NULL);
		won += races[i].won;
	}
	assert_int_equal(won, NONCES);
	assert_int_equal(nonce_cache_count(cache), NONCES);
	nonce_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nonce_is_taken_once),
		cmocka_unit_test(a_nonce_is_forgotten_when_it_expires_and_not_before),
		cmocka_unit_test(a_full_cache_refuses_and_makes_room_for_what_expired_only),
		cmocka_unit_test(
			many_expire_in_the_order_of_their_time_whatever_order_they_came_in),
		cmocka_unit_test(a_backlog_of_expired_ones_leaves_over_several_calls),
		cmocka_unit_test(of_threads_that_bring_the_same_nonce_exactly_one_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
