/* .env files as people write them. */
#include "config/dotenv.h"

#include "base/mem.h"
#include "config_table.h"

struct dotenv_row {
	const char *text;
	/* "line:key=value|" for each entry; "line:?|" for no assignment, "line:key!" for a fault */
	const char *expected;
};

static void print_entries(struct slice text, struct buf *out)
{
	struct dotenv_entry entry;
	struct dotenv d;

	dotenv_init(&d, text);
	while (dotenv_next(&d, &entry)) {
		buf_printf(out, "%u:", entry.line);
		if (!entry.key.len)
			buf_append_str(out, "?");
		else if (entry.fault)
			buf_printf(out, "%.*s!", SLICE_ARG(entry.key));
		else
			buf_printf(out, "%.*s=%.*s", SLICE_ARG(entry.key), SLICE_ARG(entry.value));
		buf_append_char(out, '|');
	}
	dotenv_deinit(&d);
}

static void files_are_read_as_people_write_them(void **state)
{
	static const struct dotenv_row rows[] = {
		{"", ""},
		{"\n\n  \n", ""},
		{"# only a comment", ""},
		{"A=b", "1:A=b|"},
		{"A=b\n", "1:A=b|"},
		{"A=b\r\nC=d\r\n", "1:A=b|2:C=d|"},
		{"\xef\xbb\xbf"
		 "A=b",
			"1:A=b|"},
		{"  A = b c  ", "1:A=b c|"},
		{"export A=b", "1:A=b|"},
		{"export\tA=b", "1:A=b|"},
		{"exportA=b", "1:exportA=b|"},
		{"A=", "1:A=|"},
		{"A=\nB=c", "1:A=|2:B=c|"},
		{"A==", "1:A==|"},
		{"A=b # comment", "1:A=b|"},
		{"A=b\t# comment", "1:A=b|"},
		{"A=b#c", "1:A=b#c|"},
		{"A=#c", "1:A=|"},
		{"A= # c", "1:A=|"},
		{"A='b # c'", "1:A=b # c|"},
		{"A='b' # c", "1:A=b|"},
		{"A=\"b\"# c", "1:A=b|"},
		{"A=\"\"", "1:A=|"},
		{"A='b\\n'", "1:A=b\\n|"},
		{"A=\"b\\n\\r\\t\\\"\\\\\\x\"", "1:A=b\n\r\t\"\\\\x|"},
		{"A=`it's \"b\"`", "1:A=it's \"b\"|"},
		{"A=it's", "1:A=it's|"},
		{"A='b\nc'\nD=e", "1:A=b\nc|3:D=e|"},
		{"\n\nA=\"b\n\nc\" # x\n\nD=e", "3:A=b\n\nc|7:D=e|"},
		{"A='b\nC=d", "1:A!|2:C=d|"},
		{"A='b' c\nD=e", "1:A!|2:D=e|"},
		{"junk\nA=b", "1:?|2:A=b|"},
		{"= b", "1:?|"},
		{"A b=c", "1:?|"},
		{"A=$B", "1:A=$B|"},
		{"A.b-c_1=d", "1:A.b-c_1=d|"},
	};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		print_entries(slice_from_str(rows[i].text), &out);
		assert_string_equal(table_text(&out), rows[i].expected);
	}
	buf_release(&out);
}

static void a_zero_byte_is_a_fault(void **state)
{
	struct buf out;

	buf_init(&out);
	print_entries(slice_of("A=b\0c\nD=e", 9), &out);
	assert_string_equal(table_text(&out), "1:A!|2:D=e|");
	buf_release(&out);
}

/* Each prefix is in memory of its own length, so that a step too far is seen by ASan. */
static void every_prefix_of_a_file_can_be_read(void **state)
{
	static const char text[] =
		"# c\nexport A=\"b\\\"\nc\\n\" # x\r\nB='d'\nC=`e`\nF=g # h\njunk\n";
	struct buf out;

	buf_init(&out);
	for (size_t len = 0; len < sizeof(text); len++) {
		char *copy = mem_dup(text, len);

		buf_clear(&out);
		print_entries(slice_of(copy, len), &out);
		mem_free(copy);
	}
	assert_string_equal(table_text(&out), "2:A=b\"\nc\n|4:B=d|5:C=e|6:F=g|7:?|");
	buf_release(&out);
}

static void every_byte_may_stand_anywhere(void **state)
{
	static const char text[] = "A=\"b\"\nB='c'";
	struct buf out;

	buf_init(&out);
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		for (int c = 0; c < 256; c++) {
			char *copy = mem_dup(text, sizeof(text) - 1);

			copy[at] = (char)c;
			buf_clear(&out);
			print_entries(slice_of(copy, sizeof(text) - 1), &out);
			mem_free(copy);
		}
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read_as_people_write_them),
		cmocka_unit_test(a_zero_byte_is_a_fault),
		cmocka_unit_test(every_prefix_of_a_file_can_be_read),
		cmocka_unit_test(every_byte_may_stand_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
