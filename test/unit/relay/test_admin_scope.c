/* Nobody gets more out of a key than it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/admin_scope.h"
#include "store/book.h"

static struct book_grant grant_of(const char *names)
{
	struct book_grant grant = {.scope = {.http = true, .tcp = true}};

	slice_to_str(slice_from_str(names), grant.scope.names, sizeof(grant.scope.names));
	return grant;
}

static struct key key_of(const char *names)
{
	struct key k = {.scope = grant_of(names).scope};

	return k;
}

static void a_key_without_bounds_is_whole(void **state)
{
	struct book_grant grant = grant_of("");

	assert_true(admin_scope_is_whole(&grant));
	grant.expires_ms = 1;
	assert_false(admin_scope_is_whole(&grant));
	grant = grant_of("ci-*");
	assert_false(admin_scope_is_whole(&grant));
	grant = grant_of("");
	grant.scope.tcp = false;
	assert_false(admin_scope_is_whole(&grant));
	grant = grant_of("");
	grant.scope.port_first = grant.scope.port_last = 20000;
	assert_false(admin_scope_is_whole(&grant));
	grant.scope.admin = true;
	assert_true(admin_scope_is_whole(&grant));
}

static void a_key_covers_what_is_within_it(void **state)
{
	struct book_grant grant = grant_of("");
	struct key k = key_of("ci-*");

	assert_true(admin_scope_covers(&grant, &k));
	k.scope.admin = true;
	assert_false(admin_scope_covers(&grant, &k));
	grant.scope.admin = true;
	assert_true(admin_scope_covers(&grant, &k));
	grant = grant_of("ci-*");
	k = key_of("ci-*");
	assert_true(admin_scope_covers(&grant, &k));
	k = key_of("");
	assert_false(admin_scope_covers(&grant, &k));
	k = key_of("ci-* web");
	assert_false(admin_scope_covers(&grant, &k));
	k = key_of("ci-build");
	assert_true(admin_scope_covers(&grant, &k));
	k = key_of("ci-b*");
	assert_false(admin_scope_covers(&grant, &k));
	grant = grant_of("ci-* web demo-*-x");
	k = key_of("demo-*-x ci-7 ci-*");
	assert_true(admin_scope_covers(&grant, &k));
	k = key_of("web webs");
	assert_false(admin_scope_covers(&grant, &k));
	k = key_of("");
	assert_false(admin_scope_covers(&grant, &k));
}

static void protocols_ports_and_expiry_bound_as_well(void **state)
{
	struct book_grant grant = grant_of("");
	struct key k = key_of("");

	grant.scope.tcp = false;
	assert_false(admin_scope_covers(&grant, &k));
	k.scope.tcp = false;
	assert_true(admin_scope_covers(&grant, &k));
	grant = grant_of("");
	grant.scope.port_first = 20000;
	grant.scope.port_last = 20010;
	k = key_of("");
	assert_false(admin_scope_covers(&grant, &k));
	k.scope.port_first = 20000;
	k.scope.port_last = 20011;
	assert_false(admin_scope_covers(&grant, &k));
	k.scope.port_last = 20010;
	assert_true(admin_scope_covers(&grant, &k));
	grant = grant_of("");
	grant.expires_ms = 1000;
	k = key_of("");
	assert_false(admin_scope_covers(&grant, &k));
	k.expires_ms = 1001;
	assert_false(admin_scope_covers(&grant, &k));
	k.expires_ms = 1000;
	assert_true(admin_scope_covers(&grant, &k));
}

static void patterns_have_few_characters(void **state)
{
	assert_true(admin_scope_are_patterns(SLICE("")));
	assert_true(admin_scope_are_patterns(SLICE("*")));
	assert_true(admin_scope_are_patterns(SLICE("ci-* web demo-*-x")));
	assert_false(admin_scope_are_patterns(SLICE("CI-*")));
	assert_false(admin_scope_are_patterns(SLICE("a  b")));
	assert_false(admin_scope_are_patterns(SLICE("a.b")));
	assert_false(admin_scope_are_patterns(SLICE("a?")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_without_bounds_is_whole),
		cmocka_unit_test(a_key_covers_what_is_within_it),
		cmocka_unit_test(protocols_ports_and_expiry_bound_as_well),
		cmocka_unit_test(patterns_have_few_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
