/* Forms as browsers send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/http_form.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "support/request_text.h"

struct row {
	const char *body;
	const char *value; /* of "password"; NULL: it has none */
};

static const struct row rows[] = {
	{"", NULL},
	{"&&&", NULL},
	{"password", ""},
	{"password=", ""},
	{"=x&password=1", "1"},
	{"a=1&password=s3cret&b=2", "s3cret"},
	{"password=1&password=2", "1"},
	{"passwor=1&passwords=2&Password=3", NULL},
	{"p%61ssword=x", "x"},
	{"password=a+b%20c%2Bd", "a b c+d"},
	{"password=%C3%A4%e2%82%ac%26%3D", "\xc3\xa4\xe2\x82\xac&="},
	{"password=100%", "100%"},
	{"password=100%2", "100%2"},
	{"password=%zz%4", "%zz%4"},
	{"password=a=b", "a=b"},
	{"%=1&password=%%41", "%A"},
};

static void fields_are_found_and_decoded(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[32];
		size_t len;
		int err = http_form_get(
			slice_from_str(rows[i].body), SLICE("password"), out, sizeof(out), &len);

		if (err != (rows[i].value ? 0 : ERR_NOT_FOUND))
			fail_msg("\"%s\" -> %d", rows[i].body, err);
		if (!err && !slice_eq(slice_of(out, len), slice_from_str(rows[i].value)))
			fail_msg("\"%s\" -> \"%.*s\"", rows[i].body, (int)len, out);
	}
}

static void a_value_may_hold_any_byte(void **state)
{
	char body[9 + 3 * 256], out[256];
	size_t len = 9;

	memcpy(body, "password=", len);
	for (unsigned i = 0; i < 256; i++, len += 3) {
		body[len] = '%';
		body[len + 1] = "0123456789ABCDEF"[i >> 4];
		body[len + 2] = "0123456789abcdef"[i & 15];
	}
	assert_int_equal(
		http_form_get(slice_of(body, len), SLICE("password"), out, sizeof(out), &len), 0);
	assert_int_equal(len, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal((unsigned char)out[i], i);
}

static void a_value_that_does_not_fit_is_none(void **state)
{
	char out[4];
	size_t len;

	assert_int_equal(http_form_get(SLICE("a=1234"), SLICE("a"), out, sizeof(out), &len), 0);
	assert_int_equal(len, 4);
	assert_int_equal(
		http_form_get(SLICE("a=12345"), SLICE("a"), out, sizeof(out), &len), ERR_LIMIT);
	assert_int_equal(len, 0);
}

static void fields_behind_the_limit_are_not_there(void **state)
{
	struct buf body = {0};
	char out[4];
	size_t len;

	for (unsigned i = 1; i < HTTP_FORM_FIELDS_MAX; i++)
		buf_append_str(&body, "x=1&");
	buf_append_str(&body, "a=1&b=2");
	assert_int_equal(http_form_get(buf_slice(&body), SLICE("a"), out, sizeof(out), &len), 0);
	assert_int_equal(
		http_form_get(buf_slice(&body), SLICE("b"), out, sizeof(out), &len), ERR_NOT_FOUND);
	buf_release(&body);
}

static void the_type_of_the_body_is_looked_at(void **state)
{
	static const struct {
		const char *type;
		bool is;
	} types[] = {
		{"application/x-www-form-urlencoded", true},
		{"Application/X-WWW-Form-Urlencoded ; charset=utf-8", true},
		{"multipart/form-data; boundary=x", false},
		{"text/plain", false},
		{"", false},
	};
	char text[160];

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct http_head head;

		snprintf(text, sizeof(text),
			"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: %s\r\n\r\n",
			types[i].type);
		request_text_parse(&head, text);
		assert_int_equal(http_form_is(&head), types[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_and_decoded),
		cmocka_unit_test(a_value_may_hold_any_byte),
		cmocka_unit_test(a_value_that_does_not_fit_is_none),
		cmocka_unit_test(fields_behind_the_limit_are_not_there),
		cmocka_unit_test(the_type_of_the_body_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
