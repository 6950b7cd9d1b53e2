/* Lists as tables for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "relay/office_table.h"

static const struct office_column columns[] = {
	{"NAME", "name", OFFICE_COLUMN_TEXT, NULL},
	{"N", "n", OFFICE_COLUMN_NUMBER, NULL},
	{"BYTES", "bytes", OFFICE_COLUMN_BYTES, NULL},
	{"YES", "yes", OFFICE_COLUMN_YES, "-"},
	{"WORDS", "words", OFFICE_COLUMN_WORDS, "any"},
	{"TIME", "time", OFFICE_COLUMN_TIME, "never"},
	{"MORE", "more", OFFICE_COLUMN_OBJECT, NULL},
};
static const struct office_table table = {columns, ARRAY_LEN(columns)};

static void print(const char *rows, bool colour, struct buf *out)
{
	struct admin_json *array = admin_json_parse(slice_from_str(rows));
	const struct admin_json *items[8];
	size_t count = admin_json_count(array);

	for (size_t i = 0; i < count; i++)
		items[i] = admin_json_item(array, i);
	office_table_print(&table, items, count, colour, out);
	buf_append_char(out, '\0');
	admin_json_free(&array);
}

static void columns_are_as_wide_as_what_stands_in_them(void **state)
{
	struct buf out = {0};

	print("[{\"name\":\"alice\",\"n\":7,\"bytes\":1500000,\"yes\":true,"
	      "\"words\":[\"a\",\"b-*\"],\"time\":\"2026-11-29T13:20:05Z\",\"more\":{\"a\":1,\"b\":"
	      "\"x\",\"c\":[],\"d\":null,\"e\":[\"y\",\"z\"]}},"
	      "{\"name\":\"\xc3\xa9\",\"n\":1234,\"bytes\":999,\"yes\":false,\"words\":[],"
	      "\"time\":null,\"more\":null}]",
		false, &out);
	assert_string_equal(buf_slice(&out).ptr,
		"NAME      N   BYTES  YES  WORDS  TIME              MORE\n"
		"alice     7  1.5 MB  yes  a b-*  2026-11-29 13:20  a=1 b=x e=y z\n"
		"\xc3\xa9      1234   999 B  -    any    never             \n");
	buf_release(&out);
}

static void what_could_upset_a_terminal_is_escaped(void **state)
{
	struct buf out = {0};

	print("[{\"name\":\"a\\u001b[2Jb\\n\"}]", false, &out);
	assert_null(strchr(buf_slice(&out).ptr, '\033'));
	assert_int_equal(slice_find(slice_from(buf_slice(&out), 0), '\033'), buf_len(&out));
	buf_release(&out);
}

static void titles_are_bold_on_a_terminal(void **state)
{
	struct buf out = {0};

	print("[]", true, &out);
	assert_true(slice_starts(buf_slice(&out), SLICE("\033[1mNAME")));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_what_stands_in_them),
		cmocka_unit_test(what_could_upset_a_terminal_is_escaped),
		cmocka_unit_test(titles_are_bold_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
