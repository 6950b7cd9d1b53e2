/* Memory of this machine, whichever it is. */
#include "io/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

static void memory_is_some_and_no_more_than_there_is(void **state)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	assert_in_range(machine_memory(), 64u << 20, all);
	assert_int_equal(machine_memory(), machine_memory());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_some_and_no_more_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
