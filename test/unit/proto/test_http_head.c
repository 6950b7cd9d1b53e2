/* What is known by name: fields, methods, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http_head.h"

static void every_known_field_is_found_in_any_case(void **state)
{
	static const struct slice names[] = {
#define HTTP_FIELD(id, name, inner, near) {name, sizeof(name) - 1},
#include "proto/http_field.def"
#undef HTTP_FIELD
	};
	char text[64];

	assert_int_equal(sizeof(names) / sizeof(names[0]), HTTP_FIELD_COUNT - 1);
	for (size_t i = 0; i < HTTP_FIELD_COUNT - 1; i++) {
		struct slice copy = {text, names[i].len};

		assert_int_equal(http_field_id_of(names[i]), i + 1);
		for (size_t at = 0; at < copy.len; at++) {
			char c = names[i].ptr[at];

			text[at] = (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
		}
		assert_int_equal(http_field_id_of(copy), i + 1);
		assert_int_equal(
			http_field_id_of(slice_first(copy, copy.len - 1)), HTTP_FIELD_OTHER);
		text[copy.len / 2] = '!';
		assert_int_equal(http_field_id_of(copy), HTTP_FIELD_OTHER);
	}
	assert_int_equal(http_field_id_of(SLICE("")), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_id_of(SLICE("x")), HTTP_FIELD_OTHER);
	/* The dash is 0x2d; with the case bit of a letter cleared it would be CR. */
	assert_int_equal(http_field_id_of(SLICE("user\ragent")), HTTP_FIELD_OTHER);
}

static void methods_are_case_sensitive(void **state)
{
	assert_int_equal(http_method_of(SLICE("GET")), HTTP_GET);
	assert_int_equal(http_method_of(SLICE("HEAD")), HTTP_HEAD);
	assert_int_equal(http_method_of(SLICE("POST")), HTTP_POST);
	assert_int_equal(http_method_of(SLICE("PUT")), HTTP_PUT);
	assert_int_equal(http_method_of(SLICE("PATCH")), HTTP_PATCH);
	assert_int_equal(http_method_of(SLICE("DELETE")), HTTP_DELETE);
	assert_int_equal(http_method_of(SLICE("OPTIONS")), HTTP_OPTIONS);
	assert_int_equal(http_method_of(SLICE("TRACE")), HTTP_TRACE);
	assert_int_equal(http_method_of(SLICE("CONNECT")), HTTP_CONNECT);
	assert_int_equal(http_method_of(SLICE("get")), HTTP_METHOD_OTHER);
	assert_int_equal(http_method_of(SLICE("GETS")), HTTP_METHOD_OTHER);
	assert_int_equal(http_method_of(SLICE("")), HTTP_METHOD_OTHER);
}

static void only_idempotent_methods_may_be_sent_again(void **state)
{
	assert_true(http_method_is_idempotent(HTTP_GET));
	assert_true(http_method_is_idempotent(HTTP_PUT));
	assert_true(http_method_is_idempotent(HTTP_DELETE));
	assert_false(http_method_is_idempotent(HTTP_POST));
	assert_false(http_method_is_idempotent(HTTP_PATCH));
	assert_false(http_method_is_idempotent(HTTP_METHOD_OTHER));
}

static void every_fault_has_a_status_and_a_sentence(void **state)
{
	for (int i = 1; i < HTTP_FAULT_COUNT; i++) {
		const char *text = http_fault_text((enum http_fault)i);

		assert_in_range(http_fault_status((enum http_fault)i), 400, 599);
		assert_int_equal(text[strlen(text) - 1], '.');
	}
	assert_int_equal(http_fault_status(HTTP_FAULT_TARGET_TOO_LONG), 414);
	assert_int_equal(http_fault_status(HTTP_FAULT_TOO_MANY_FIELDS), 431);
}

static void tokens_are_found_in_every_field_of_the_kind(void **state)
{
	static struct http_head head = {
		.field_count = 3,
		.first = {[HTTP_FIELD_CONNECTION] = 1},
		.fields = {{SLICE("Connection"), SLICE("a , ,Keep-Alive"), HTTP_FIELD_CONNECTION,
				   false, false},
			{SLICE("X"), SLICE("close"), HTTP_FIELD_OTHER, false, false},
			{SLICE("connection"), SLICE("b,\tUPGRADE"), HTTP_FIELD_CONNECTION, false,
				false}},
	};

	assert_int_equal(http_head_count(&head, HTTP_FIELD_CONNECTION), 2);
	assert_int_equal(http_head_count(&head, HTTP_FIELD_HOST), 0);
	assert_true(http_head_has_token(&head, HTTP_FIELD_CONNECTION, SLICE("keep-alive")));
	assert_true(http_head_has_token(&head, HTTP_FIELD_CONNECTION, SLICE("upgrade")));
	assert_false(http_head_has_token(&head, HTTP_FIELD_CONNECTION, SLICE("close")));
	assert_false(http_head_has_token(&head, HTTP_FIELD_CONNECTION, SLICE("keep")));
	assert_false(http_head_has_token(&head, HTTP_FIELD_UPGRADE, SLICE("upgrade")));
	assert_true(
		slice_eq(http_head_value(&head, HTTP_FIELD_CONNECTION), SLICE("a , ,Keep-Alive")));
	assert_null(http_head_value(&head, HTTP_FIELD_HOST).ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_field_is_found_in_any_case),
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(only_idempotent_methods_may_be_sent_again),
		cmocka_unit_test(every_fault_has_a_status_and_a_sentence),
		cmocka_unit_test(tokens_are_found_in_every_field_of_the_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
