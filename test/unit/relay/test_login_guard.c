/* Guessers have to wait, by source and by account; who knows the password does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/login_guard.h"

static uint64_t attempt(
	struct login_guard *g, const char *address, const char *account, uint64_t now)
{
	return login_guard_try(g, slice_from_str(address), slice_from_str(account), now);
}

static void the_sixth_attempt_of_a_source_waits(void **state)
{
	struct login_guard *g = login_guard_new();
	static const char *const accounts[] = {"a", "b", "c", "d", "e"};

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(attempt(g, "192.0.2.1", accounts[i], 1000 + i), 0);
	assert_int_not_equal(attempt(g, "192.0.2.1", "f", 2000), 0);
	assert_int_equal(attempt(g, "192.0.2.2", "f", 2000), 0);
	assert_int_equal(attempt(g, "192.0.2.1", "f", 1000 + 61000), 0);
	login_guard_free(&g);
}

static void the_sixth_attempt_on_an_account_waits_from_wherever(void **state)
{
	struct login_guard *g = login_guard_new();
	static const char *const addresses[] = {
		"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"};

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(attempt(g, addresses[i], "alice", 1000), 0);
	assert_int_not_equal(attempt(g, "192.0.2.6", "alice", 1000), 0);
	assert_int_equal(attempt(g, "192.0.2.6", "bob", 1000), 0);
	login_guard_free(&g);
}

static void success_starts_anew(void **state)
{
	struct login_guard *g = login_guard_new();

	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(attempt(g, "192.0.2.1", "alice", 1000), 0);
		login_guard_succeed(g, SLICE("192.0.2.1"), SLICE("alice"));
	}
	login_guard_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sixth_attempt_of_a_source_waits),
		cmocka_unit_test(the_sixth_attempt_on_an_account_waits_from_wherever),
		cmocka_unit_test(success_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
