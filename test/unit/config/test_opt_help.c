/* The help text: complete, within its width, coloured only when asked. */
#include "config/opt_help.h"

#include "config_table.h"

static void help_names_every_option(void **state)
{
	struct buf out;

	buf_init(&out);
	opt_help_print(&config_table, 80, false, &out);
	for (size_t i = 0; i < config_table.count; i++) {
		const struct opt *o = &config_table.opts[i];
		char env[OPT_NAME_MAX];

		opt_env_name(o, env);
		assert_non_null(strstr(table_text(&out), env));
	}
	assert_non_null(strstr(table_text(&out), "  --port PORT"));
	assert_non_null(strstr(table_text(&out), "default 30s"));
	assert_non_null(strstr(table_text(&out), "LT_KEY_FILE or FILE_LT_KEY"));
	assert_non_null(strstr(table_text(&out), "\nSecond\n"));
	assert_null(strstr(table_text(&out), "--key "));
	assert_null(strchr(table_text(&out), '\x1b'));
	buf_release(&out);
}

static void lines_fit_the_width(void **state)
{
	static const unsigned widths[] = {0, 60, 72, 80, 100, 100000};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		unsigned width = widths[i] < 60 ? 60 : widths[i] > 100 ? 100 : widths[i];
		struct slice rest, line;

		buf_clear(&out);
		opt_help_print(&config_table, widths[i], false, &out);
		rest = buf_slice(&out);
		while (slice_split(&rest, '\n', &line))
			assert_true(line.len <= width);
	}
	buf_release(&out);
}

static void colours_come_and_go_in_pairs(void **state)
{
	size_t on = 0, off = 0;
	struct buf out;

	buf_init(&out);
	opt_help_print(&config_table, 80, true, &out);
	for (const char *at = table_text(&out); (at = strchr(at, '\x1b')); at++) {
		if (strncmp(at, "\x1b[0m", 4) == 0)
			off++;
		else
			on++;
	}
	assert_true(on > 0);
	assert_int_equal(on, off);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(lines_fit_the_width),
		cmocka_unit_test(colours_come_and_go_in_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
