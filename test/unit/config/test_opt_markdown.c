/* The reference tables: a row for each option, and no cell that breaks its row. */
#include "config/opt_markdown.h"

#include "config_table.h"

static void every_option_has_a_row_with_six_cells(void **state)
{
	struct slice rest, line;
	size_t rows = 0;
	struct buf out;

	buf_init(&out);
	opt_markdown_print(&config_table, &out);
	rest = buf_slice(&out);
	while (slice_split(&rest, '\n', &line)) {
		size_t bars = 0;

		if (!slice_starts(line, SLICE("| `--")) && !slice_starts(line, SLICE("| - ")))
			continue;
		for (size_t i = 0; i < line.len; i++)
			bars += line.ptr[i] == '|' && (i == 0 || line.ptr[i - 1] != '\\');
		assert_int_equal(bars, 7);
		rows++;
	}
	assert_int_equal(rows, config_table.count);
	assert_non_null(strstr(table_text(&out), "### Second"));
	assert_non_null(strstr(table_text(&out), "red\\|green"));
	assert_non_null(strstr(table_text(&out), "size, 1k to 1m"));
	assert_non_null(strstr(table_text(&out), "| restart |"));
	assert_non_null(strstr(table_text(&out), "The default of `names` is `www,api`."));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_row_with_six_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
