/* Memory and files of this machine, whichever it is. */
#include "io/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <unistd.h>

static void memory_is_some_and_no_more_than_there_is(void **state)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	assert_in_range(machine_memory(), 64u << 20, all);
	assert_int_equal(machine_memory(), machine_memory());
}

static void files_are_as_many_as_the_system_allows(void **state)
{
	struct rlimit limit, lower;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	lower = (struct rlimit) {.rlim_cur = 64, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
	assert_int_equal(machine_raise_files(), limit.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lower), 0);
	assert_int_equal(lower.rlim_cur, limit.rlim_max);
	assert_int_equal(machine_raise_files(), limit.rlim_max);
}

static void what_the_process_needs_is_seen(void **state)
{
	uint64_t worked = machine_worked_us(), resident = machine_resident();

	assert_in_range(resident, 100000, UINT64_C(1) << 40);
	while (machine_worked_us() < worked + 1000)
		continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_some_and_no_more_than_there_is),
		cmocka_unit_test(files_are_as_many_as_the_system_allows),
		cmocka_unit_test(what_the_process_needs_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
