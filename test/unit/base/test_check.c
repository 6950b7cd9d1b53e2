/* A check that does not hold ends the program and says where; one that holds costs nothing. */
#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_check_that_holds_does_nothing(void **state)
{
	CHECK(1 + 1 == 2);
}

static void a_check_that_fails_aborts_and_names_the_condition(void **state)
{
	char text[1024] = "";
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		CHECK(1 + 1 == 3);
		_exit(0);
	}
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(text, "check failed: 1 + 1 == 3"));
	assert_non_null(strstr(text, "test_check.c:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_that_holds_does_nothing),
		cmocka_unit_test(a_check_that_fails_aborts_and_names_the_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
