/* Memory helpers: empty sizes are fine, copies are copies, wiping wipes. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void zeroed_memory_is_zero(void **state)
{
	unsigned char *data = mem_zero(4096);

	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(data[i], 0);
	mem_free(data);
}

static void an_empty_size_gives_memory_that_can_be_freed(void **state)
{
	void *all[] = {mem_alloc(0), mem_zero(0), mem_grow(NULL, 0), mem_dup(NULL, 0)};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_non_null(all[i]);
		mem_free(all[i]);
	}
	mem_free(NULL);
}

static void growing_keeps_the_content(void **state)
{
	char *data = mem_dup("abc", 3);

	data = mem_grow(data, 100000);
	assert_memory_equal(data, "abc", 3);
	mem_free(data);
}

static void a_string_copy_ends_with_nul_and_may_hold_nul(void **state)
{
	char *copy = mem_dup_str("a\0bcd", 4), *empty = mem_dup_str(NULL, 0);

	assert_memory_equal(copy, "a\0bc\0", 5);
	assert_string_equal(empty, "");
	mem_free(copy);
	mem_free(empty);
}

static void a_wiped_secret_is_gone(void **state)
{
	char secret[32] = "do not tell";

	mem_wipe(secret, sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++)
		assert_int_equal(secret[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_memory_is_zero),
		cmocka_unit_test(an_empty_size_gives_memory_that_can_be_freed),
		cmocka_unit_test(growing_keeps_the_content),
		cmocka_unit_test(a_string_copy_ends_with_nul_and_may_hold_nul),
		cmocka_unit_test(a_wiped_secret_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
