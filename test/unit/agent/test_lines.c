/* What is printed of the agent's reports where there is no screen. */
#include "agent/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/report.h"
#include "base/buf.h"

static unsigned lines_of(void (*print)(struct buf *out, const struct report *r), unsigned attempts)
{
	struct buf out = {0};
	unsigned count = 0;

	for (unsigned i = 1; i <= attempts; i++) {
		const struct report waits = {
			.kind = REPORT_CONNECTING, .attempt = i, .retry_ms = 1500};
		const struct report begins = {.kind = REPORT_CONNECTING, .attempt = i};

		print(&out, &waits);
		print(&out, &begins);
	}
	for (size_t i = 0; i < buf_len(&out); i++)
		count += buf_slice(&out).ptr[i] == '\n';
	buf_release(&out);
	return count;
}

static void a_relay_that_is_away_for_long_does_not_fill_a_log(void **state)
{
	/* That the first attempt begins goes without saying. */
	assert_int_equal(lines_of(lines_plain, 1), 1);
	assert_int_equal(lines_of(lines_plain, 4), 5);
	assert_int_equal(lines_of(lines_plain, 1000), 19);
}

static void programs_hear_of_each_attempt(void **state)
{
	assert_int_equal(lines_of(lines_json, 100), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_that_is_away_for_long_does_not_fill_a_log),
		cmocka_unit_test(programs_hear_of_each_attempt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
