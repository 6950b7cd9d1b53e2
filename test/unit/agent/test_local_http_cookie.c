/* Which Domain of a cookie goes, and that nothing else does. */
#include "agent/local_http_cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"

static void check(const struct local_http_cookie_hosts *hosts, const char *value, const char *want)
{
	struct slice all = slice_from_str(value), drop;
	struct buf out = {0};
	size_t at = 0, from = 0;

	while (local_http_cookie_next(all, hosts, &at, &drop)) {
		size_t begin = (size_t)(drop.ptr - all.ptr);

		assert_true(begin >= from && begin + drop.len == at);
		buf_append(&out, all.ptr + from, begin - from);
		from = at;
	}
	buf_append_slice(&out, slice_from(all, from));
	if (!slice_eq(buf_slice(&out), slice_from_str(want)))
		fail_msg("of \"%s\" remains \"%.*s\"", value, SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
}

static void check_rows(
	const struct local_http_cookie_hosts *hosts, const char *const (*rows)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(hosts, rows[i][0], rows[i][1] ? rows[i][1] : rows[i][0]);
}

/* NULL: it stays as it is. */
static void the_own_domain_goes_and_nothing_else(void **state)
{
	static const struct local_http_cookie_hosts hosts = {
		{{"localhost:3000", 14}, {"localhost", 9}}, {"demo.lt.test", 12}};
	static const char *const rows[][2] = {
		{"a=b; Domain=localhost; Path=/", "a=b; Path=/"},
		{"a=b;domain=LOCALHOST", "a=b"},
		{"a=b; DOMAIN = .localhost ; HttpOnly", "a=b; HttpOnly"},
		{"a=b; Secure; Domain=localhost.", "a=b; Secure"},
		{"a=b;Domain=localhost;Domain=localhost;x", "a=b;x"},
		{"a=b;Domain=x.test;Domain=localhost", "a=b;Domain=x.test"},
		{"Domain=localhost", NULL},
		{"Domain=localhost; Path=/", NULL},
		{"a=Domain=localhost", NULL},
		{"a=b; Domain", NULL},
		{"a=b; Domain=", NULL},
		{"a=b; Domain=.", NULL},
		{"a=b; Domain=localhost:3000", NULL},
		{"a=b; Domain=..localhost", NULL},
		{"a=b; Domain=host", NULL},
		{"a=b; Domain=xlocalhost", NULL},
		{"a=b; Domain=lt.test", NULL},
		{"a=b; Domain=demo.lt.test", NULL},
		{"a=b; Domain=other.test", NULL},
		{"a=b; Domain=\"localhost\"", NULL},
		{"a=b; X-Domain=localhost", NULL},
		{"a=b; Path=/Domain=localhost", NULL},
		{"", NULL},
		{";", NULL},
		{";;Domain=localhost;", ";;"},
	};

	check_rows(&hosts, rows, ARRAY_LEN(rows));
}

static void a_domain_above_the_own_name_goes_as_well(void **state)
{
	static const struct local_http_cookie_hosts hosts = {
		{{"app.shop.test", 13}, {"127.0.0.1", 9}}, {"demo.lt.test", 12}};
	static const char *const rows[][2] = {
		{"a=b; Domain=.shop.test", "a=b"},
		{"a=b; Domain=app.shop.test", "a=b"},
		{"a=b; Domain=127.0.0.1", "a=b"},
		{"a=b; Domain=op.test", NULL},
		{"a=b; Domain=hop.test", NULL},
		{"a=b; Domain=test", NULL},
		{"a=b; Domain=0.0.1", NULL},
		{"a=b; Domain=x.app.shop.test", NULL},
	};

	check_rows(&hosts, rows, ARRAY_LEN(rows));
}

static void what_the_visitor_may_be_given_stays(void **state)
{
	static const struct local_http_cookie_hosts hosts = {
		{{"app.lt.test", 11}, {NULL, 0}}, {"demo.lt.test:8080", 17}};
	static const struct local_http_cookie_hosts same = {
		{{"localhost", 9}, {NULL, 0}}, {"localhost:8080", 14}};
	static const struct local_http_cookie_hosts below = {
		{{"localhost", 9}, {NULL, 0}}, {"demo.localhost", 14}};
	static const struct local_http_cookie_hosts ipv6 = {
		{{"[::1]:3000", 10}, {NULL, 0}}, {"demo.lt.test", 12}};

	check(&hosts, "a=b; Domain=lt.test", "a=b; Domain=lt.test");
	check(&hosts, "a=b; Domain=app.lt.test", "a=b");
	check(&same, "a=b; Domain=localhost", "a=b; Domain=localhost");
	check(&below, "a=b; Domain=localhost", "a=b");
	check(&ipv6, "a=b; Domain=[::1]", "a=b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_own_domain_goes_and_nothing_else),
		cmocka_unit_test(a_domain_above_the_own_name_goes_as_well),
		cmocka_unit_test(what_the_visitor_may_be_given_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
