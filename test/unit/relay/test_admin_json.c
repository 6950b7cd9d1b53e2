/* Bodies against a table of their members, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "relay/admin_json.h"

struct body {
	char name[9];
	char secret[9];
	char words[12];
	bool flag;
	uint64_t number;
};

static const struct admin_json_member members[] = {
	{"name", ADMIN_JSON_TEXT, ADMIN_JSON_REQUIRED, offsetof(struct body, name), 9, 1, 8},
	{"secret", ADMIN_JSON_TEXT, ADMIN_JSON_NULLABLE | ADMIN_JSON_SECRET,
		offsetof(struct body, secret), 9, 4, 8},
	{"words", ADMIN_JSON_WORDS, 0, offsetof(struct body, words), 12, 1, 5},
	{"flag", ADMIN_JSON_BOOL, 0, offsetof(struct body, flag), sizeof(bool), 0, 0},
	{"number", ADMIN_JSON_NUMBER, 0, offsetof(struct body, number), 8, 1, 100},
};
static const struct admin_json_shape shape = {members, ARRAY_LEN(members)};

static int read_body(const char *text, struct body *body, uint32_t *given, struct buf *sentence)
{
	buf_clear(sentence);
	*body = (struct body) {0};
	return admin_json_read(slice_from_str(text), &shape, body, given, sentence);
}

static void members_land_where_the_table_says(void **state)
{
	struct buf sentence = {0};
	struct body body;
	uint32_t given;

	assert_int_equal(read_body("{\"number\":7,\"name\":\"alice\",\"flag\":true,"
				   "\"words\":[\"ab\",\"c-*\"],\"secret\":null}",
				 &body, &given, &sentence),
		0);
	assert_string_equal(body.name, "alice");
	assert_string_equal(body.words, "ab c-*");
	assert_string_equal(body.secret, "");
	assert_true(body.flag);
	assert_int_equal(body.number, 7);
	assert_int_equal(given, 31);
	assert_int_equal(read_body("{\"name\":\"12345678\"}", &body, &given, &sentence), 0);
	assert_int_equal(given, 1);
	assert_string_equal(body.name, "12345678");
	buf_release(&sentence);
}

static void what_does_not_fit_is_refused_with_a_sentence(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"name\":\"a\"",
		"{\"name\":\"a\",\"name\":\"b\"}",
		"{\"name\":\"a\",\"other\":1}",
		"{\"name\":1}",
		"{\"name\":null}",
		"{\"name\":\"\"}",
		"{\"name\":\"123456789\"}",
		"{\"name\":\"a\\u0007\"}",
		"{\"name\":\"a\\u0000\"}",
		"{\"name\":\"a\",\"secret\":\"abc\"}",
		"{\"name\":\"a\",\"secret\":\"123456789\"}",
		"{\"name\":\"a\",\"flag\":1}",
		"{\"name\":\"a\",\"flag\":null}",
		"{\"name\":\"a\",\"number\":0}",
		"{\"name\":\"a\",\"number\":101}",
		"{\"name\":\"a\",\"number\":1.5}",
		"{\"name\":\"a\",\"number\":\"1\"}",
		"{\"name\":\"a\",\"number\":99999999999999999999}",
		"{\"name\":\"a\",\"words\":\"ab\"}",
		"{\"name\":\"a\",\"words\":[\"a b\"]}",
		"{\"name\":\"a\",\"words\":[\"\"]}",
		"{\"name\":\"a\",\"words\":[1]}",
		"{\"name\":\"a\",\"words\":[\"abcdef\"]}",
		"{\"name\":\"a\",\"words\":[\"abcd\",\"abcd\",\"abcd\"]}",
	};
	struct buf sentence = {0};
	struct body body;
	uint32_t given;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(read_body(bad[i], &body, &given, &sentence), ERR_SYNTAX);
		assert_true(buf_len(&sentence) > 10);
		assert_true(slice_ends(buf_slice(&sentence), SLICE(".")));
	}
	buf_release(&sentence);
}

static void commas_come_by_themselves(void **state)
{
	struct buf out = {0};

	admin_json_begin(&out, NULL, '{');
	admin_json_put_text(&out, "a", SLICE("x\"["));
	admin_json_begin(&out, "list", '[');
	admin_json_put_number(&out, NULL, 1);
	admin_json_put_bool(&out, NULL, false);
	admin_json_end(&out, ']');
	admin_json_begin(&out, "empty", '{');
	admin_json_end(&out, '}');
	admin_json_put_time(&out, "never", 0);
	admin_json_put_time(&out, "at", 1764422400123);
	admin_json_put_raw(&out, "raw", SLICE("[]"));
	admin_json_put_null(&out, "none");
	admin_json_end(&out, '}');
	buf_append_char(&out, '\0');
	assert_string_equal(buf_slice(&out).ptr,
		"{\"a\":\"x\\\"[\",\"list\":[1,false],\"empty\":{},\"never\":null,"
		"\"at\":\"2025-11-29T13:20:00Z\",\"raw\":[],\"none\":null}");
	buf_release(&out);
}

static void an_answer_is_read_as_a_tree(void **state)
{
	struct slice text = SLICE("{\"items\":[{\"n\":3,\"t\":\"x\",\"b\":true}],\"next\":null}");
	struct admin_json *whole = admin_json_parse(text);
	const struct admin_json *item = admin_json_item(admin_json_get(whole, "items"), 0);
	struct buf out = {0};

	assert_non_null(whole);
	assert_int_equal(admin_json_count(admin_json_get(whole, "items")), 1);
	assert_int_equal(admin_json_number(admin_json_get(item, "n")), 3);
	assert_true(slice_eq(admin_json_text(admin_json_get(item, "t")), SLICE("x")));
	assert_true(admin_json_is_true(admin_json_get(item, "b")));
	assert_true(admin_json_is_null(admin_json_get(whole, "next")));
	assert_null(admin_json_get(whole, "nothing"));
	assert_null(admin_json_get(NULL, "nothing"));
	assert_int_equal(admin_json_text(NULL).len, 0);
	assert_int_equal(admin_json_number(item), 0);
	admin_json_print(item, &out);
	assert_true(slice_eq(buf_slice(&out), SLICE("{\"n\":3,\"t\":\"x\",\"b\":true}")));
	admin_json_free(&whole);
	assert_null(whole);
	assert_null(admin_json_parse(SLICE("{")));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_land_where_the_table_says),
		cmocka_unit_test(what_does_not_fit_is_refused_with_a_sentence),
		cmocka_unit_test(commas_come_by_themselves),
		cmocka_unit_test(an_answer_is_read_as_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
