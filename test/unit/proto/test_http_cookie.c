/* Cookies found, and taken out with every other byte left as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http_cookie.h"

#include "base/attr.h"
#include "base/buf.h"
#include "support/request_text.h"

static const struct slice names[] = {{"__adit_session", 14}, {"__adit_csrf", 11}};

struct row {
	const char *value;
	const char *left; /* NULL: the field goes */
};

static const struct row rows[] = {
	{"", ""},
	{"a=1", "a=1"},
	{"__adit_session=x", NULL},
	{"__adit_session=x;", ""},
	{"__adit_session=x; __adit_csrf=y", NULL},
	{"__adit_session=x; a=1", "a=1"},
	{"__adit_session=x;a=1", "a=1"},
	{"a=1; __adit_session=x", "a=1"},
	{"a=1; __adit_session=x; b=2", "a=1; b=2"},
	{"a=1;__adit_session=x;b=2", "a=1;b=2"},
	{"a=1 ;\t__adit_session = x ;  b=2;;c", "a=1 ;  b=2;;c"},
	{"__adit_session", "__adit_session"},
	{"__adit_session=", NULL},
	{"__adit_session==", NULL},
	{"__ADIT_session=x", "__ADIT_session=x"},
	{"__adit_sessionx=x; x__adit_session=y", "__adit_sessionx=x; x__adit_session=y"},
	{"a=__adit_session=x", "a=__adit_session=x"},
	{"a=\"1; __adit_csrf=2\"; b=\xff\"", "a=\"1; b=\xff\""},
	{"__adit_session=1; __adit_session=2; a=1; __adit_session=3", "a=1"},
	{"=x; a=1; =; ;", "=x; a=1; =; ;"},
};

static void single_cookies_are_taken_out(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = {0};
		bool kept = http_cookie_strip(
			&out, slice_from_str(rows[i].value), names, ARRAY_LEN(names));

		if (kept != (rows[i].left != NULL))
			fail_msg("\"%s\" is kept: %d", rows[i].value, kept);
		if (!slice_eq(buf_slice(&out), slice_from_str(rows[i].left)))
			fail_msg("\"%s\" -> \"%.*s\"", rows[i].value, SLICE_ARG(buf_slice(&out)));
		buf_release(&out);
	}
}

static void all_cookies_of_all_fields_are_found_in_order(void **state)
{
	static const struct http_cookie expected[] = {
		{{"a", 1}, {"1", 1}},
		{{"b", 1}, {"\"2\"", 3}},
		{{"", 0}, {"x", 1}},
		{{"a", 1}, {"3=4", 3}},
		{{"c", 1}, {"", 0}},
	};
	struct http_cookie_walk walk = {0};
	struct http_cookie cookie;
	struct http_head head;
	size_t i = 0;

	request_text_parse(&head,
		"GET / HTTP/1.1\r\nHost: a.test\r\nCookie: a=1; b = \"2\" ;c;;=x\r\nX: y=1\r\n"
		"Cookie:\r\ncookie: ;a=3=4; c=\r\n\r\n");
	walk.head = &head;
	while (http_cookie_next(&walk, &cookie)) {
		assert_true(i < ARRAY_LEN(expected));
		assert_true(slice_eq(cookie.name, expected[i].name));
		assert_true(slice_eq(cookie.value, expected[i].value));
		i++;
	}
	assert_int_equal(i, ARRAY_LEN(expected));
	assert_false(http_cookie_next(&walk, &cookie));
}

static void a_head_without_cookies_has_none(void **state)
{
	struct http_cookie_walk walk = {0};
	struct http_cookie cookie;
	struct http_head head;

	request_text_parse(&head, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	walk.head = &head;
	assert_false(http_cookie_next(&walk, &cookie));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_cookies_are_taken_out),
		cmocka_unit_test(all_cookies_of_all_fields_are_found_in_order),
		cmocka_unit_test(a_head_without_cookies_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
