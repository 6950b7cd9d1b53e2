/* Authorities in one canonical form, request targets, queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "proto/http_host.h"

#define L63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define L255 L63 "." L63 "." L63 "." L63

static void hosts_get_one_canonical_text(void **state)
{
	static const struct {
		const char *authority;
		enum http_host_kind kind;
		const char *text;
		int port; /* -1: none */
	} rows[] = {
		{"a", HTTP_HOST_NAME, "a", -1},
		{"A.Test", HTTP_HOST_NAME, "a.test", -1},
		{"a.test.", HTTP_HOST_NAME, "a.test", -1},
		{"a.test.:80", HTTP_HOST_NAME, "a.test", 80},
		{"a.test:", HTTP_HOST_NAME, "a.test", -1},
		{"a.test:0", HTTP_HOST_NAME, "a.test", 0},
		{"a.test:65535", HTTP_HOST_NAME, "a.test", 65535},
		{"my_app.a.test", HTTP_HOST_NAME, "my_app.a.test", -1},
		{"xn--bcher-kva.test", HTTP_HOST_NAME, "xn--bcher-kva.test", -1},
		{"123.test", HTTP_HOST_NAME, "123.test", -1},
		{"1.2.3.4.test", HTTP_HOST_NAME, "1.2.3.4.test", -1},
		{"a.1b", HTTP_HOST_NAME, "a.1b", -1},
		{"127.0.0.1", HTTP_HOST_IPV4, "127.0.0.1", -1},
		{"127.0.0.1:8080", HTTP_HOST_IPV4, "127.0.0.1", 8080},
		{"127.0.0.1.", HTTP_HOST_IPV4, "127.0.0.1", -1},
		{"[::1]", HTTP_HOST_IPV6, "[::1]", -1},
		{"[::1]:443", HTTP_HOST_IPV6, "[::1]", 443},
		{"[::1]:", HTTP_HOST_IPV6, "[::1]", -1},
		{"[2001:DB8:0:0::000A]", HTTP_HOST_IPV6, "[2001:db8::a]", -1},
		{"[::ffff:1.2.3.4]", HTTP_HOST_IPV6, "[::ffff:1.2.3.4]", -1},
		{"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]", HTTP_HOST_IPV6,
			"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", -1},
		{L63, HTTP_HOST_NAME, L63, -1},
		{L255, HTTP_HOST_NAME, L255, -1},
		{L255 ".:1", HTTP_HOST_NAME, L255, 1},
	};
	struct http_host host;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (http_host_parse(slice_from_str(rows[i].authority), &host) < 0)
			fail_msg("%s", rows[i].authority);
		assert_int_equal(host.kind, rows[i].kind);
		assert_string_equal(host.text, rows[i].text);
		assert_int_equal(host.len, strlen(rows[i].text));
		assert_int_equal(host.has_port, rows[i].port >= 0);
		assert_int_equal(host.port, rows[i].port >= 0 ? rows[i].port : 0);
	}
}

static void hosts_that_two_readers_could_read_in_two_ways_are_refused(void **state)
{
	static const char *const rows[] = {"", ".", "..", ":80", ".a", "a..b", "a.test..", "a b",
		"a\tb", "u@a", "u:p@a", "a/b", "a?b", "a#b", "a\\b", "a%2eb", "a,b", "a;b", "a*",
		"b\xc3\xbc"
		"cher.test",
		"a:b", "a:8a", "a:-1", "a:+1", "a: 1", "a:1 ", "a:65536", "a:99999", "a:000080",
		"a:1:2", "::1", "1", "127.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
		"0x7f.0.0.1", "0x7f000001", "a.0x", "a.0x1", "a.1", "2130706433", "[", "[]", "[::1",
		"[::1]a", "[::1]80", "[::g]", "[:::1]", "[::1%eth0]", "[fe80::1%25lo]", "[v1.a]",
		"[1.2.3.4]", "[::1]:x", "[[::1]]", "a[::1]", "[::1].", "[ ::1]", L63 "x",
		L63 "x.test", L255 "a", L255 ".a",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"};
	struct http_host host;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (http_host_parse(slice_from_str(rows[i]), &host) != ERR_SYNTAX)
			fail_msg("%s", rows[i]);
	}
	assert_int_equal(http_host_parse(SLICE("a\0b"), &host), ERR_SYNTAX);
	assert_int_equal(http_host_parse(SLICE("[::1\0]"), &host), ERR_SYNTAX);
	assert_int_equal(http_host_parse(SLICE("1.2.3.4\0"), &host), ERR_SYNTAX);
	assert_int_equal(http_host_parse((struct slice) {NULL, 0}, &host), ERR_SYNTAX);
}

static void targets_are_split_by_their_form(void **state)
{
	static const struct {
		const char *target;
		enum http_target_form form;
		const char *authority;
		const char *path;
	} rows[] = {
		{"/", HTTP_TARGET_ORIGIN, "", "/"},
		{"/a?b", HTTP_TARGET_ORIGIN, "", "/a?b"},
		{"//?new", HTTP_TARGET_ORIGIN, "", "//?new"},
		{"/http://a", HTTP_TARGET_ORIGIN, "", "/http://a"},
		{"*", HTTP_TARGET_ASTERISK, "", "*"},
		{"http://a", HTTP_TARGET_ABSOLUTE, "a", "/"},
		{"http://a?b", HTTP_TARGET_ABSOLUTE, "a", "?b"},
		{"HTTPS://a:1/b?c", HTTP_TARGET_ABSOLUTE, "a:1", "/b?c"},
		{"http://u@a/b", HTTP_TARGET_ABSOLUTE, "u@a", "/b"},
		{"/\xc3\xa4?\x80\xff", HTTP_TARGET_ORIGIN, "", "/\xc3\xa4?\x80\xff"},
		{"http://a/\x9b", HTTP_TARGET_ABSOLUTE, "a", "/\x9b"},
	};
	static const char *const bad[] = {"", "a", "a:80", "?a", "**", "*/", "/#", "/a#b",
		"http:/a", "http:a", "http://", "http:///a", "http://?a", "ftp://a/", "/ a", "/\t",
		"/\x7f", "\xc3\xa4", "\x80/", "://a/", "xhttp://a/"};
	struct http_target target;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(http_target_parse(slice_from_str(rows[i].target), &target), 0);
		assert_int_equal(target.form, rows[i].form);
		assert_true(slice_eq(target.authority, slice_from_str(rows[i].authority)));
		assert_true(slice_eq(target.path, slice_from_str(rows[i].path)));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (http_target_parse(slice_from_str(bad[i]), &target) != ERR_SYNTAX)
			fail_msg("%s", bad[i]);
	}
}

static void the_query_begins_at_the_first_question_mark(void **state)
{
	assert_true(slice_eq(http_target_path(SLICE("/a?b?c")), SLICE("/a")));
	assert_true(slice_eq(http_target_query(SLICE("/a?b?c")), SLICE("b?c")));
	assert_true(slice_eq(http_target_path(SLICE("/a")), SLICE("/a")));
	assert_null(http_target_query(SLICE("/a")).ptr);
	assert_non_null(http_target_query(SLICE("/a?")).ptr);
	assert_int_equal(http_target_query(SLICE("/a?")).len, 0);
}

static void a_parameter_counts_with_or_without_a_value(void **state)
{
	static const char *const have[] = {
		"new", "new=", "new=1", "a&new", "new&a", "a=b&new=c&d", "&new", "new=1=2"};
	static const char *const lack[] = {
		"", "newx", "xnew", "New", "a=new", "new.x=1", "ne", "=new", "new%20", " new"};

	for (size_t i = 0; i < ARRAY_LEN(have); i++)
		assert_true(http_query_has(slice_from_str(have[i]), SLICE("new")));
	for (size_t i = 0; i < ARRAY_LEN(lack); i++)
		assert_false(http_query_has(slice_from_str(lack[i]), SLICE("new")));
	assert_false(http_query_has((struct slice) {NULL, 0}, SLICE("new")));
}

static void percent_escapes_are_decoded_into_bounded_room(void **state)
{
	char out[8];
	size_t len;

	assert_int_equal(http_percent_decode(SLICE("%6dyapp"), out, 5, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(out, "myapp", 5);
	assert_int_equal(http_percent_decode(SLICE("%C3%bC+%25"), out, 8, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(out, "\xc3\xbc+%", 4);
	assert_int_equal(http_percent_decode(SLICE("abcdef"), out, 5, &len), ERR_LIMIT);
	assert_int_equal(len, 5);
	assert_int_equal(http_percent_decode(SLICE(""), out, 0, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(http_percent_decode(SLICE("%"), out, 8, &len), ERR_SYNTAX);
	assert_int_equal(http_percent_decode(SLICE("a%2"), out, 8, &len), ERR_SYNTAX);
	assert_int_equal(http_percent_decode(SLICE("%2g"), out, 8, &len), ERR_SYNTAX);
	assert_int_equal(http_percent_decode(SLICE("%+1"), out, 8, &len), ERR_SYNTAX);
	assert_int_equal(http_percent_decode(SLICE("%%41"), out, 8, &len), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_get_one_canonical_text),
		cmocka_unit_test(hosts_that_two_readers_could_read_in_two_ways_are_refused),
		cmocka_unit_test(targets_are_split_by_their_form),
		cmocka_unit_test(the_query_begins_at_the_first_question_mark),
		cmocka_unit_test(a_parameter_counts_with_or_without_a_value),
		cmocka_unit_test(percent_escapes_are_decoded_into_bounded_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
