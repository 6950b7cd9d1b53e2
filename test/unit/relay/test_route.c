/* Which hosts are the relay's own, which are tunnels (D20). */
#include "relay/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/request_text.h"

struct row {
	const char *authority;
	enum route_kind kind;
	const char *name; /* of a tunnel */
};

static void check_rows(const struct row *rows, size_t count, const char *domain)
{
	for (size_t i = 0; i < count; i++) {
		struct http_host host = request_text_host(rows[i].authority);
		struct route route = route_of_host(&host, domain);

		if (route.kind != rows[i].kind)
			fail_msg("%s leads to %d", rows[i].authority, route.kind);
		if (rows[i].kind != ROUTE_TUNNEL)
			assert_int_equal(route.name.len, 0);
		else if (!slice_eq(route.name, slice_from_str(rows[i].name)))
			fail_msg("%s is called %.*s", rows[i].authority, SLICE_ARG(route.name));
	}
}

static void with_a_domain_only_its_children_are_tunnels(void **state)
{
	static const struct row rows[] = {
		{"lt.test", ROUTE_BASE, NULL},
		{"LT.Test", ROUTE_BASE, NULL},
		{"lt.test.", ROUTE_BASE, NULL},
		{"lt.test:8080", ROUTE_BASE, NULL},
		{"lt.test.:8080", ROUTE_BASE, NULL},
		{"my-app.lt.test", ROUTE_TUNNEL, "my-app"},
		{"MY-APP.LT.TEST.:1", ROUTE_TUNNEL, "my-app"},
		{"a.lt.test", ROUTE_TUNNEL, "a"},
		{"lt.test.lt.test", ROUTE_TUNNEL, "lt.test"},
		{"xlt.test", ROUTE_UNKNOWN, NULL},
		{"x-lt.test", ROUTE_UNKNOWN, NULL},
		{"test", ROUTE_UNKNOWN, NULL},
		{"t.test", ROUTE_UNKNOWN, NULL},
		{"lt.testx", ROUTE_UNKNOWN, NULL},
		{"my-app", ROUTE_UNKNOWN, NULL},
		{"my-app.lt.test.example.com", ROUTE_UNKNOWN, NULL},
		{"my-app.example.com", ROUTE_UNKNOWN, NULL},
		{"example.com", ROUTE_UNKNOWN, NULL},
		{"my-app.localhost", ROUTE_UNKNOWN, NULL},
	};

	check_rows(rows, ARRAY_LEN(rows), "lt.test");
}

/* No tunnel has a dot in its name, so these are found nowhere. */
static void deeper_hosts_are_names_that_nobody_has(void **state)
{
	static const struct row rows[] = {{"deep.my-app.lt.test", ROUTE_TUNNEL, "deep.my-app"}};

	check_rows(rows, ARRAY_LEN(rows), "lt.test");
}

static void addresses_and_localhost_are_the_relay_itself(void **state)
{
	static const struct row rows[] = {
		{"127.0.0.1", ROUTE_BASE, NULL},
		{"10.1.2.3:80", ROUTE_BASE, NULL},
		{"[::1]", ROUTE_BASE, NULL},
		{"[2001:db8::1]:8080", ROUTE_BASE, NULL},
		{"localhost", ROUTE_BASE, NULL},
		{"LOCALHOST.:3000", ROUTE_BASE, NULL},
	};

	check_rows(rows, ARRAY_LEN(rows), NULL);
	check_rows(rows, ARRAY_LEN(rows), "lt.test");
	check_rows(rows, ARRAY_LEN(rows), "localhost");
}

static void a_domain_of_localhost_has_children(void **state)
{
	static const struct row rows[] = {{"my-app.localhost", ROUTE_TUNNEL, "my-app"}};

	check_rows(rows, ARRAY_LEN(rows), "localhost");
	check_rows(rows, ARRAY_LEN(rows), NULL);
}

static void without_a_domain_the_suffix_list_says_where_the_base_is(void **state)
{
	static const struct row rows[] = {
		{"example.com", ROUTE_BASE, NULL},
		{"example.com.:80", ROUTE_BASE, NULL},
		{"my-app.example.com", ROUTE_TUNNEL, "my-app"},
		{"My-App.Example.COM.", ROUTE_TUNNEL, "my-app"},
		{"deep.my-app.example.com", ROUTE_TUNNEL, "deep.my-app"},
		{"example.co.uk", ROUTE_BASE, NULL},
		{"my-app.example.co.uk", ROUTE_TUNNEL, "my-app"},
		/* The host is a suffix itself. */
		{"com", ROUTE_BASE, NULL},
		{"co.uk", ROUTE_BASE, NULL},
		{"github.io", ROUTE_BASE, NULL},
		/* Suffixes of those who let others register under them. */
		{"someone.github.io", ROUTE_BASE, NULL},
		{"my-app.someone.github.io", ROUTE_TUNNEL, "my-app"},
		/* Wildcards, and an exception to one. */
		{"anything.kawasaki.jp", ROUTE_BASE, NULL},
		{"example.anything.kawasaki.jp", ROUTE_BASE, NULL},
		{"my-app.example.anything.kawasaki.jp", ROUTE_TUNNEL, "my-app"},
		{"city.kawasaki.jp", ROUTE_BASE, NULL},
		{"my-app.city.kawasaki.jp", ROUTE_TUNNEL, "my-app"},
		/* Names that no list has. */
		{"relay", ROUTE_BASE, NULL},
		{"relay.intranet", ROUTE_BASE, NULL},
		{"my-app.relay.intranet", ROUTE_TUNNEL, "my-app"},
		{"xlocalhost", ROUTE_BASE, NULL},
	};

	check_rows(rows, ARRAY_LEN(rows), NULL);
}

static void check_read(struct route_host *last, const char *authority, const char *host)
{
	const struct http_host *read = route_read_host(last, slice_from_str(authority));

	assert_int_equal(read != NULL, host != NULL);
	if (host)
		assert_true(slice_eq(http_host_slice(read), slice_from_str(host)));
}

static void what_was_read_last_says_nothing_about_another(void **state)
{
	struct route_host last = {0};

	check_read(&last, "", NULL);
	for (int i = 0; i < 2; i++) {
		check_read(&last, "A.test:80", "a.test");
		check_read(&last, "A.test:80", "a.test");
		check_read(&last, "A.test:8", "a.test");
		check_read(&last, "b.test", "b.test");
		check_read(&last, "b.test/", NULL);
		check_read(&last, "b.test/", NULL);
		check_read(&last, "b.test", "b.test");
		check_read(&last, "", NULL);
	}
	route_host_deinit(&last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_domain_only_its_children_are_tunnels),
		cmocka_unit_test(deeper_hosts_are_names_that_nobody_has),
		cmocka_unit_test(addresses_and_localhost_are_the_relay_itself),
		cmocka_unit_test(a_domain_of_localhost_has_children),
		cmocka_unit_test(what_was_read_last_says_nothing_about_another),
		cmocka_unit_test(without_a_domain_the_suffix_list_says_where_the_base_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
