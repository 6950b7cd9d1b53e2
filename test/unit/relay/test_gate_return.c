/* Where a form may lead, and where it may come from. */
#include "relay/gate_return.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/http_host.h"
#include "support/request_text.h"

static void only_ways_within_the_host_are_gone(void **state)
{
	static const struct {
		const char *wanted;
		const char *path; /* NULL: as wanted */
	} rows[] = {
		{"/", NULL},
		{"/a/b?c=d&e=%2f#f", NULL},
		{"/a//b", NULL},
		{"/?//evil.test", NULL},
		{"/./", NULL},
		{"", "/"},
		{"a", "/"},
		{"?a", "/"},
		{"//evil.test", "/"},
		{"///evil.test", "/"},
		{"/\\evil.test", "/"},
		{"\\\\evil.test", "/"},
		{"/a\\b", "/"},
		{"/\t/evil.test", "/"},
		{"/\n/evil.test", "/"},
		{"\t//evil.test", "/"},
		{"/a b", "/"},
		{"/\x7f", "/"},
		{"/\xc3\xa4", "/"},
		{"/a\r\nSet-Cookie: x=y", "/"},
		{"http://evil.test/", "/"},
		{"javascript:alert(1)", "/"},
		{"/_adit/gate/login", "/"},
		{"/_adit/gate/logout?x", "/"},
		{"/_adit/gate", "/"},
		{"/_adit/gates", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice got = gate_return_path(slice_from_str(rows[i].wanted));
		const char *path = rows[i].path ? rows[i].path : rows[i].wanted;

		if (!slice_eq(got, slice_from_str(path)))
			fail_msg("\"%s\" -> \"%.*s\"", rows[i].wanted, SLICE_ARG(got));
	}
	assert_true(slice_eq(gate_return_path(slice_of("/\0", 2)), SLICE("/")));
}

static void a_long_way_is_not_gone(void **state)
{
	struct buf path = {0};

	for (unsigned i = 0; i < GATE_RETURN_MAX; i++)
		buf_append_char(&path, i ? 'a' : '/');
	assert_int_equal(gate_return_path(buf_slice(&path)).len, GATE_RETURN_MAX);
	buf_append_char(&path, 'a');
	assert_int_equal(gate_return_path(buf_slice(&path)).len, 1);
	buf_release(&path);
}

static void a_form_comes_from_the_same_host(void **state)
{
	static const struct {
		const char *host;
		const char *fields;
		bool is;
	} rows[] = {
		{"demo.test", "", true},
		{"demo.test", "Origin: http://demo.test\r\n", true},
		{"demo.test", "Origin: https://DEMO.test\r\n", true},
		{"demo.test:8080", "Origin: http://demo.test:8080\r\n", true},
		{"demo.test", "Origin: https://demo.test:8443\r\n", true},
		{"demo.test:443", "Origin: https://demo.test\r\n", true},
		{"demo.test:8080", "Origin: http://demo.test:9090\r\n", false},
		{"demo.test", "Origin: http://evil.test\r\n", false},
		{"demo.test", "Origin: http://sub.demo.test\r\n", false},
		{"demo.test", "Origin: http://demo.test.evil.test\r\n", false},
		{"demo.test", "Origin: http://demo.test@evil.test\r\n", false},
		{"demo.test", "Origin: null\r\n", false},
		{"demo.test", "Origin:\r\n", false},
		{"demo.test", "Origin: demo.test\r\n", false},
		{"demo.test", "Origin: ftp://demo.test\r\n", false},
		{"demo.test", "Origin: http://demo.test\r\nOrigin: http://evil.test\r\n", false},
		{"demo.test", "Sec-Fetch-Site: same-origin\r\n", true},
		{"demo.test", "Sec-Fetch-Site: none\r\n", true},
		{"demo.test", "Sec-Fetch-Site: same-site\r\n", false},
		{"demo.test", "Sec-Fetch-Site: cross-site\r\n", false},
		{"demo.test", "Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.test\r\n", false},
		{"demo.test", "Sec-Fetch-Site: same-site\r\nOrigin: http://demo.test\r\n", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_head head;
		struct http_host host;
		char text[256];

		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: %s\r\n%s\r\n", rows[i].host,
			rows[i].fields);
		request_text_parse(&head, text);
		assert_int_equal(http_host_parse(slice_from_str(rows[i].host), &host), 0);
		if (gate_return_is_same_origin(&head, &host) != rows[i].is)
			fail_msg("%s %s", rows[i].host, rows[i].fields);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_ways_within_the_host_are_gone),
		cmocka_unit_test(a_long_way_is_not_gone),
		cmocka_unit_test(a_form_comes_from_the_same_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
