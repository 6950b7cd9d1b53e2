/* The committed page about options must be what the program would write. */
#include "agent/cli_manual.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/cli_options.h"
#include "config/conf_file.h"

static const char *source_root;

static void the_committed_page_is_current(void **state)
{
	struct buf path = {0}, page = {0}, why = {0}, out = {0};

	buf_printf(&path, "%s/docs/agent-configuration.md", source_root);
	buf_append_char(&path, '\0');
	assert_int_equal(conf_file_read(buf_slice(&path).ptr, 1u << 20, &page, &why), 0);
	cli_manual_markdown(&out);
	/* Otherwise: build/release/tools/agent_docs > docs/agent-configuration.md */
	assert_true(slice_eq(buf_slice(&page), buf_slice(&out)));
	buf_release(&path);
	buf_release(&page);
	buf_release(&why);
	buf_release(&out);
}

static void every_option_is_in_it(void **state)
{
	struct buf out = {0}, row = {0};

	cli_manual_markdown(&out);
	buf_append_char(&out, '\0');
	for (size_t i = 0; i < cli_options.count; i++) {
		char env[OPT_NAME_MAX];

		opt_env_name(&cli_options.opts[i], env);
		buf_clear(&row);
		buf_printf(&row, " | `%s` | ", env);
		buf_append_char(&row, '\0');
		assert_non_null(strstr(buf_slice(&out).ptr, buf_slice(&row).ptr));
	}
	assert_null(strstr(buf_slice(&out).ptr, "LT_"));
	buf_release(&out);
	buf_release(&row);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_page_is_current),
		cmocka_unit_test(every_option_is_in_it),
	};

	source_root = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
