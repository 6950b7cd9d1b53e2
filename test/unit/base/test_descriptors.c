/* Standard descriptors that a program was started without. */
#include "base/descriptors.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_null_device(int fd)
{
	struct stat it, null;

	return fstat(fd, &it) == 0 && stat("/dev/null", &null) == 0 && it.st_rdev == null.st_rdev &&
		S_ISCHR(it.st_mode);
}

static void fills_what_is_closed(void **state)
{
	int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	close(STDIN_FILENO);
	descriptors_hold_standard();
	assert_true(is_null_device(STDIN_FILENO));
	if (kept >= 0) {
		assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
		close(kept);
	}
}

static void takes_nothing_where_all_are_there(void **state)
{
	int before, after;

	descriptors_hold_standard();
	before = open("/dev/null", O_RDONLY);
	close(before);
	descriptors_hold_standard();
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_what_is_closed),
		cmocka_unit_test(takes_nothing_where_all_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
