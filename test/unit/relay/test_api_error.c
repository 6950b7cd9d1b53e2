/* The table of the relay's own refusals: codes are unique, also among those for visitors. */
#include "relay/api_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/visitor_error.h"

static void codes_are_unique(void **state)
{
	for (unsigned i = 0; i < API_ERROR_COUNT; i++) {
		const char *code = api_error_get((enum api_error)i)->code;

		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(code, api_error_get((enum api_error)j)->code);
		for (unsigned j = 0; j < VISITOR_ERROR_COUNT; j++)
			assert_string_not_equal(
				code, visitor_error_get((enum visitor_error)j)->code);
	}
}

static void each_is_an_error_with_a_sentence(void **state)
{
	for (unsigned i = 0; i < API_ERROR_COUNT; i++) {
		const struct api_error_info *info = api_error_get((enum api_error)i);
		size_t len = strlen(info->meaning);

		assert_in_range(info->status, 400, 599);
		assert_true(len && info->meaning[len - 1] == '.');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_unique),
		cmocka_unit_test(each_is_an_error_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
