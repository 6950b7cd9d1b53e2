/* What procfs says of this very process. */
#include "relay/metrics_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "relay/metrics.h"

static void the_process_is_seen_as_it_is(void **state)
{
	struct metrics_process before = {.start_ms = 7}, after;
	int extra;

	metrics_process_read(&before);
	assert_int_equal(before.start_ms, 7);
	assert_in_range(before.resident_bytes, 100000, (uint64_t)1 << 40);
	assert_in_range(before.open_fds, 3, 10000);
	assert_true(before.max_fds >= before.open_fds);
	extra = dup(0);
	after = before;
	metrics_process_read(&after);
	close(extra);
	assert_int_equal(after.open_fds, before.open_fds + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_process_is_seen_as_it_is)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
