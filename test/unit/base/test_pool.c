/* Objects come zeroed, are kept up to the bound, and are all given back. */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 48u

static void what_comes_back_is_zeroed_again(void **state)
{
	static const char zeroes[SIZE];
	struct pool pool;
	char *object;

	pool_init(&pool, SIZE, 4);
	for (int i = 0; i < 3; i++) {
		object = pool_take(&pool);
		assert_memory_equal(object, zeroes, SIZE);
		memset(object, 0x5a, SIZE);
		pool_put(&pool, object);
	}
	pool_deinit(&pool);
	assert_null(pool.spare);
}

static void no_more_than_the_bound_is_kept(void **state)
{
	void *objects[6];
	struct pool pool;

	pool_init(&pool, SIZE, 4);
	for (int i = 0; i < 6; i++)
		objects[i] = pool_take(&pool);
	for (int i = 0; i < 6; i++) {
		pool_put(&pool, objects[i]);
		assert_true(pool.count <= pool.max);
	}
	assert_int_equal(pool.count, pool.max);
	pool_deinit(&pool);
	assert_int_equal(pool.count, 0);
}

static void objects_in_use_are_distinct(void **state)
{
	struct pool pool;
	void *a, *b;

	pool_init(&pool, SIZE, 4);
	a = pool_take(&pool);
	pool_put(&pool, a);
	a = pool_take(&pool);
	b = pool_take(&pool);
	assert_ptr_not_equal(a, b);
	pool_put(&pool, a);
	pool_put(&pool, b);
	pool_deinit(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_back_is_zeroed_again),
		cmocka_unit_test(no_more_than_the_bound_is_kept),
		cmocka_unit_test(objects_in_use_are_distinct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
