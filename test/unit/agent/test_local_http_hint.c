/* The answers of dev servers to a Host or Origin that is not theirs. */
#include "agent/local_http_hint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static void refusals_are_known(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		bool refuses;
	} rows[] = {
		{403, "Invalid Host header", true},
		{200, "Invalid Host header", true},
		{403, "Blocked request. This host (\"demo.example.com\") is not allowed.\n", true},
		{403, "<!doctype html><p>Blocked request. This host is not allowed.", true},
		{403, "<h1>Blocked hosts: demo.example.com</h1>", true},
		{400, "<title>DisallowedHost\n          at /</title>", true},
		{200, "<p>How to get rid of: Invalid Host header", false},
		{403, "Forbidden", false},
		{404, "Blocked request. This host", false},
		{400, "", false},
		{403, "<pre>Origin checking failed - https://demo.test does not match", true},
		{403, "Cross-site POST form submissions are forbidden", true},
		{200, "Cross-site POST form submissions are forbidden", false},
		{0, "Unauthorized", true},
		{0, "SSH-2.0-OpenSSH_9.2 Unauthorized", false},
		{401, "Unauthorized", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			local_http_hint_refuses_host(rows[i].status, slice_from_str(rows[i].body)),
			rows[i].refuses);
}

static void only_the_beginning_is_looked_at(void **state)
{
	char body[3000];

	memset(body, ' ', sizeof(body));
	memcpy(body + 2000, "DisallowedHost", 14);
	assert_true(local_http_hint_refuses_host(400, slice_of(body, sizeof(body))));
	memset(body, ' ', sizeof(body));
	memcpy(body + 2040, "DisallowedHost", 14);
	assert_false(local_http_hint_refuses_host(400, slice_of(body, sizeof(body))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_known),
		cmocka_unit_test(only_the_beginning_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
