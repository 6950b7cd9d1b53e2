/* Proxies from the environment, and whom they are not for. */
#include "config/proxy_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct row {
	const char *list[4];
	bool is_plain;
	const char *address, *authorization;
};

static const struct row rows[] = {
	{{"PATH=/bin"}, false, NULL, NULL},
	{{"https_proxy="}, false, NULL, NULL},
	{{"https_proxy=http://proxy:3128"}, false, "proxy:3128", NULL},
	{{"https_proxy=http://proxy:3128/"}, false, "proxy:3128", NULL},
	{{"HTTPS_PROXY= proxy:3128\n"}, false, "proxy:3128", NULL},
	{{"https_proxy=a:1", "HTTPS_PROXY=b:2", "all_proxy=c:3"}, false, "a:1", NULL},
	{{"https_proxy=", "HTTPS_PROXY=b:2"}, false, "b:2", NULL},
	{{"ALL_PROXY=http://proxy.example.com"}, false, "proxy.example.com:80", NULL},
	{{"https_proxy=http://[::1]:8080"}, false, "[::1]:8080", NULL},
	{{"https_proxy=http://[::1]"}, false, "[::1]:80", NULL},
	{{"https_proxy=fe80::2"}, false, "[fe80::2]:80", NULL},
	/* by the scheme of the relay */
	{{"https_proxy=a:1", "http_proxy=b:2"}, true, "b:2", NULL},
	{{"https_proxy=a:1"}, true, NULL, NULL},
	{{"http_proxy=b:2"}, false, NULL, NULL},
	{{"HTTP_PROXY=b:2"}, true, NULL, NULL}, /* a visitor's header, under CGI */
	{{"https_proxy=a:1", "all_proxy=c:3"}, true, "c:3", NULL},
	/* users and passwords */
	{{"https_proxy=http://u:p@proxy:3128"}, false, "proxy:3128", "Basic dTpw"},
	{{"https_proxy=http://u@proxy:3128"}, false, "proxy:3128", "Basic dTo="},
	{{"https_proxy=http://u:a%40b%3a@proxy:3128"}, false, "proxy:3128", "Basic dTphQGI6"},
	{{"https_proxy=http://u:a@b@proxy:3128"}, false, "proxy:3128", "Basic dTphQGI="},
	{{"https_proxy=http://u:5%@proxy:3128"}, false, "proxy:3128", "Basic dTo1JQ=="},
	/* exceptions */
	{{"https_proxy=a:1", "no_proxy=example.com"}, false, NULL, NULL},
	{{"https_proxy=a:1", "NO_PROXY=example.com"}, false, NULL, NULL},
	{{"https_proxy=a:1", "no_proxy=other.com"}, false, "a:1", NULL},
	{{"https_proxy=a:1", "no_proxy=other.com", "NO_PROXY=*"}, false, "a:1", NULL},
};

static int find(const struct row *row, struct proxy_env *out, struct buf *message)
{
	struct proxy_env_target target = {
		.host = "relay.example.com", .port = 443, .is_tls = !row->is_plain};

	return proxy_env_find((char **)row->list, &target, out, message);
}

static void check_text(const char *text, const char *expected)
{
	if (expected) {
		assert_non_null(text);
		assert_string_equal(text, expected);
	} else {
		assert_null(text);
	}
}

static void variables_name_the_proxy(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf message = {0};
		struct proxy_env found;

		assert_int_equal(find(&rows[i], &found, &message), 0);
		check_text(found.address, rows[i].address);
		check_text(found.authorization, rows[i].authorization);
		assert_int_equal(buf_len(&message), 0);
		proxy_env_deinit(&found);
		assert_null(found.authorization);
	}
}

static void what_is_no_http_proxy_is_told_without_its_password(void **state)
{
	static const struct row bad[] = {
		{.list = {"https_proxy=socks5://u:secret@proxy:1080"}},
		{.list = {"https_proxy=https://u:secret@proxy:443"}},
		{.list = {"https_proxy=http://u:secret@proxy:0"}},
		{.list = {"https_proxy=http://u:secret@proxy:65536"}},
		{.list = {"https_proxy=http://u:secret@proxy:"}},
		{.list = {"https_proxy=http://u:secret@proxy:http"}},
		{.list = {"https_proxy=http://u:secret@"}},
		{.list = {"https_proxy=http://u:secret@:80"}},
		{.list = {"https_proxy=http://"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf message = {0};
		struct proxy_env found;

		assert_int_equal(find(&bad[i], &found, &message), ERR_SYNTAX);
		assert_null(found.address);
		assert_null(found.authorization);
		buf_append_char(&message, '\0');
		assert_string_equal(buf_slice(&message).ptr,
			"https_proxy in the environment is no HTTP proxy: write http://host:port");
		buf_release(&message);
	}
}

static void a_list_of_exceptions_has_names_addresses_and_ports(void **state)
{
	static const struct {
		const char *host, *list;
		bool excepted;
	} cases[] = {
		{"relay.example.com", "", false},
		{"relay.example.com", ",,", false},
		{"relay.example.com", "*", true},
		{"relay.example.com", "a.com, *", true},
		{"relay.example.com", "relay.example.com", true},
		{"relay.example.com", "Relay.Example.COM", true},
		{"relay.example.com", "a.com , .example.com", true},
		{"relay.example.com", "*.example.com", true},
		{"relay.example.com", "com", true},
		{"relay.example.com", "ay.example.com", false},
		{"relay.example.com", "x.relay.example.com", false},
		{"relay.example.com", ".", false},
		{"relay.example.com", "example.com:443", true},
		{"relay.example.com", "example.com:80", false},
		{"relay.example.com", "example.com:x", false},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "0.0.1", true}, /* as a suffix; nobody writes that */
		{"10.0.0.1", "10.0.0.10", false},
		{"::1", "::1", true},
		{"::1", "[::1]", true},
		{"::1", "[::1]:443", true},
		{"::1", "[::1]:80", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proxy_env_target target = {.host = cases[i].host, .port = 443};

		if (proxy_env_is_excepted(slice_from_str(cases[i].list), &target) !=
			cases[i].excepted)
			print_error("%s in %s\n", cases[i].host, cases[i].list);
		assert_int_equal(proxy_env_is_excepted(slice_from_str(cases[i].list), &target),
			cases[i].excepted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_name_the_proxy),
		cmocka_unit_test(what_is_no_http_proxy_is_told_without_its_password),
		cmocka_unit_test(a_list_of_exceptions_has_names_addresses_and_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
