/* The reference tables: a row for each option, and no cell that breaks its row. */
#include "config/opt_markdown.h"

#include "config_table.h"

/* Lines that are rows of options; each has as many cells as it should. */
static size_t count_rows(struct slice rest, size_t cells)
{
	struct slice line;
	size_t rows = 0;

	while (slice_split(&rest, '\n', &line)) {
		size_t bars = 0;

		if (!slice_starts(line, SLICE("| `--")) && !slice_starts(line, SLICE("| - ")))
			continue;
		for (size_t i = 0; i < line.len; i++)
			bars += line.ptr[i] == '|' && (i == 0 || line.ptr[i - 1] != '\\');
		assert_int_equal(bars, cells + 1);
		rows++;
	}
	return rows;
}

static void every_option_has_a_row_with_six_cells(void **state)
{
	const struct opt_markdown_style style = {true, "Not in it."};
	struct buf out;

	buf_init(&out);
	opt_markdown_print(&config_table, &style, &out);
	assert_int_equal(count_rows(buf_slice(&out), 6), config_table.count);
	assert_non_null(strstr(table_text(&out), "### Second"));
	assert_non_null(strstr(table_text(&out), "red\\|green"));
	assert_non_null(strstr(table_text(&out), "size, 1k to 1m"));
	assert_non_null(strstr(table_text(&out), "| restart |"));
	assert_non_null(strstr(table_text(&out), "The default of `names` is `www,api`."));
	buf_release(&out);
}

static void a_program_that_does_not_reload_has_no_word_about_it(void **state)
{
	const struct opt_markdown_style style = {false, "Not in it."};
	struct buf out;

	buf_init(&out);
	opt_markdown_print(&config_table, &style, &out);
	assert_int_equal(count_rows(buf_slice(&out), 5), config_table.count);
	assert_null(strstr(table_text(&out), "Change by"));
	assert_null(strstr(table_text(&out), "restart"));
	assert_non_null(strstr(table_text(&out), " Not in it. |"));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_row_with_six_cells),
		cmocka_unit_test(a_program_that_does_not_reload_has_no_word_about_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
