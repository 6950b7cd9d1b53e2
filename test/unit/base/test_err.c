/* Errors: every one has a sentence of its own, and errno values find theirs. */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

static void every_error_is_negative_and_has_its_own_sentence(void **state)
{
	for (int i = 1; i < ERR_INDEX_COUNT; i++) {
		assert_true(*err_text(-i) != '\0');
		assert_string_not_equal(err_text(-i), "unknown error");
		for (int j = 0; j < i; j++)
			assert_string_not_equal(err_text(-i), err_text(-j));
	}
	assert_true(ERR_SYNTAX < 0);
	assert_string_equal(err_text(0), "no error");
	assert_string_equal(err_text(ERR_SYNTAX), "not well-formed");
	assert_string_equal(err_text(ERR_SYSTEM), "system error");
}

static void a_number_that_is_no_error_is_unknown(void **state)
{
	static const int numbers[] = {1, -ERR_INDEX_COUNT, INT_MAX, -INT_MAX, INT_MIN};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_string_equal(err_text(numbers[i]), "unknown error");
}

static void errno_values_map_to_errors(void **state)
{
	static const struct {
		int number, err;
	} cases[] = {
		{0, 0},
		{EMFILE, ERR_NO_FDS},
		{ENFILE, ERR_NO_FDS},
		{EADDRINUSE, ERR_BUSY},
		{EADDRNOTAVAIL, ERR_ADDRESS},
		{EACCES, ERR_DENIED},
		{EPERM, ERR_DENIED},
		{ENOENT, ERR_NOT_FOUND},
		{ETIMEDOUT, ERR_TIMEOUT},
		{ECONNREFUSED, ERR_REFUSED},
		{ENETUNREACH, ERR_UNREACHABLE},
		{EHOSTUNREACH, ERR_UNREACHABLE},
		{ENETDOWN, ERR_UNREACHABLE},
		{EHOSTDOWN, ERR_UNREACHABLE},
		{ECONNRESET, ERR_RESET},
		{ECONNABORTED, ERR_RESET},
		{EPIPE, ERR_RESET},
		{ENOSPC, ERR_FULL},
		{EDQUOT, ERR_FULL},
		{EFBIG, ERR_FULL},
		{EROFS, ERR_READONLY},
		{EIO, ERR_SYSTEM},
		{99999, ERR_SYSTEM},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(err_from_errno(cases[i].number), cases[i].err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_is_negative_and_has_its_own_sentence),
		cmocka_unit_test(a_number_that_is_no_error_is_unknown),
		cmocka_unit_test(errno_values_map_to_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
