/* Authorization fields with Basic credentials, and what only looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http_basic.h"

#include "base/attr.h"
#include "base/buf.h"

struct row {
	const char *value;
	enum http_basic_result result;
	const char *password;
};

static const struct row rows[] = {
	{"", HTTP_BASIC_NONE, NULL},
	{"Basicc YTpi", HTTP_BASIC_NONE, NULL},
	{"Bearer YTpi", HTTP_BASIC_NONE, NULL},
	{"HMAC sha256=00", HTTP_BASIC_NONE, NULL},
	{"Basic YTpi", HTTP_BASIC_GOOD, "b"},
	{"bAsIc   YTpi", HTTP_BASIC_GOOD, "b"},
	{"Basic Og==", HTTP_BASIC_GOOD, ""},
	{"Basic Og", HTTP_BASIC_GOOD, ""},
	{"Basic YWxhZGRpbjpvcGVuOnNlc2FtZQ==", HTTP_BASIC_GOOD, "open:sesame"},
	{"Basic OsOk4oKs", HTTP_BASIC_GOOD, "\xc3\xa4\xe2\x82\xac"},
	{"Basic", HTTP_BASIC_BAD, NULL},
	{"Basic ", HTTP_BASIC_BAD, NULL},
	{"Basic =", HTTP_BASIC_BAD, NULL},
	{"Basic YWJj", HTTP_BASIC_BAD, NULL}, /* no colon */
	{"Basic YTpi=", HTTP_BASIC_BAD, NULL},
	{"Basic Og=", HTTP_BASIC_BAD, NULL},
	{"Basic Og===", HTTP_BASIC_BAD, NULL},
	{"Basic Oh==", HTTP_BASIC_BAD, NULL}, /* a bit too many */
	{"Basic YT pi", HTTP_BASIC_BAD, NULL},
	{"Basic YTpi,", HTTP_BASIC_BAD, NULL},
	{"Basic Y-_i", HTTP_BASIC_BAD, NULL},
};

static void passwords_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[HTTP_BASIC_MAX];
		struct slice password = {NULL, 0};
		enum http_basic_result result =
			http_basic_read(slice_from_str(rows[i].value), out, &password);

		if (result != rows[i].result)
			fail_msg("\"%s\" -> %d", rows[i].value, result);
		if (!slice_eq(password, slice_from_str(rows[i].password)))
			fail_msg("\"%s\" -> \"%.*s\"", rows[i].value, SLICE_ARG(password));
	}
}

static void a_nul_is_a_byte_like_others(void **state)
{
	char out[HTTP_BASIC_MAX];
	struct slice password;

	assert_int_equal(http_basic_read(SLICE("Basic OmEAYg=="), out, &password), HTTP_BASIC_GOOD);
	assert_true(slice_eq(password, slice_of("a\0b", 3)));
}

static void what_is_too_long_is_bad(void **state)
{
	static const struct {
		unsigned groups;
		enum http_basic_result result;
	} sizes[] = {{340, HTTP_BASIC_GOOD}, {341, HTTP_BASIC_BAD}, {20000, HTTP_BASIC_BAD}};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf value = {0};
		char out[HTTP_BASIC_MAX];
		struct slice password = {NULL, 0};

		buf_append_str(&value, "Basic ");
		for (unsigned n = 0; n < sizes[i].groups; n++)
			buf_append_str(&value, "Ojo6");
		assert_int_equal(
			http_basic_read(buf_slice(&value), out, &password), sizes[i].result);
		buf_release(&value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_read),
		cmocka_unit_test(a_nul_is_a_byte_like_others),
		cmocka_unit_test(what_is_too_long_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
