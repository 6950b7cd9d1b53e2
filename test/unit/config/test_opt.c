/* Finding options by their names and guessing the one that was meant. */
#include "config_table.h"

static void every_name_of_an_option_finds_it(void **state)
{
	assert_ptr_equal(opt_find(&config_table, SLICE("max-size")), table_opt("max-size"));
	assert_ptr_equal(opt_find_env(&config_table, SLICE("LT_MAX_SIZE")), table_opt("max-size"));
	assert_ptr_equal(opt_find_env(&config_table, SLICE("LT_KEY_FILE")), table_opt("key-file"));
	assert_ptr_equal(opt_find_env(&config_table, SLICE("FILE_LT_KEY")), table_opt("key-file"));
	assert_ptr_equal(opt_find_file_of(&config_table, table_opt("key")), table_opt("key-file"));
	assert_null(opt_find_file_of(&config_table, table_opt("port")));
	assert_null(opt_find(&config_table, SLICE("")));
	assert_null(opt_find(&config_table, SLICE("max-siz")));
	assert_null(opt_find_env(&config_table, SLICE("lt_port")));
}

static void a_near_miss_is_suggested_in_its_own_spelling(void **state)
{
	static const struct {
		enum opt_style style;
		const char *text, *expected;
	} rows[] = {
		{OPT_STYLE_FLAG, "prot", "; did you mean --port?"},
		{OPT_STYLE_FLAG, "prt", "; did you mean --port?"},
		{OPT_STYLE_FLAG, "max_size", "; did you mean --max-size?"},
		{OPT_STYLE_FLAG, "addr", "; did you mean --address?"},
		{OPT_STYLE_ENV, "LT_PROT", "; did you mean LT_PORT?"},
		{OPT_STYLE_KEY, "landign", "; did you mean landing?"},
		{OPT_STYLE_FLAG, "something-else", ""},
		{OPT_STYLE_FLAG, "", ""},
		{OPT_STYLE_FLAG, "x", ""},
	};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		opt_suggest(&config_table, slice_from_str(rows[i].text), rows[i].style, &out);
		assert_string_equal(table_text(&out), rows[i].expected);
	}
	buf_release(&out);
}

static void an_option_that_is_no_flag_is_not_suggested_as_one(void **state)
{
	struct buf out;

	buf_init(&out);
	opt_suggest(&config_table, SLICE("kez"), OPT_STYLE_FLAG, &out);
	assert_string_equal(table_text(&out), "");
	opt_suggest(&config_table, SLICE("LT_KEZ"), OPT_STYLE_ENV, &out);
	assert_string_equal(table_text(&out), "; did you mean LT_KEY?");
	buf_release(&out);
}

static void a_very_long_name_is_near_nothing(void **state)
{
	char text[300];

	memset(text, 'p', sizeof(text));
	assert_false(opt_is_near(slice_of(text, sizeof(text)), SLICE("port")));
	assert_true(opt_is_near(SLICE("prot"), SLICE("port")));
}

static void quoting_shortens_and_hides_control_characters(void **state)
{
	char text[200];
	struct buf out;

	buf_init(&out);
	opt_quote(&out, SLICE("a\x1b[31m\n"));
	assert_string_equal(table_text(&out), "\"a?[31m?\"");
	buf_clear(&out);
	memset(text, 'x', sizeof(text));
	opt_quote(&out, slice_of(text, sizeof(text)));
	assert_int_equal(buf_len(&out), 80 + 5);
	buf_release(&out);
}

static void hints_say_what_may_be_given(void **state)
{
	struct buf out;

	buf_init(&out);
	opt_print_hint(table_opt("colour"), &out);
	assert_string_equal(table_text(&out), "red|green");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_of_an_option_finds_it),
		cmocka_unit_test(a_near_miss_is_suggested_in_its_own_spelling),
		cmocka_unit_test(an_option_that_is_no_flag_is_not_suggested_as_one),
		cmocka_unit_test(a_very_long_name_is_near_nothing),
		cmocka_unit_test(quoting_shortens_and_hides_control_characters),
		cmocka_unit_test(hints_say_what_may_be_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
