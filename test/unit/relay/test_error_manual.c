/* The page about errors. The committed one must be what the tables say. */
#include "relay/error_manual.h"

#include "config/conf_file.h"
#include "relay_start.h"

static const char *source_root;

static void the_committed_page_is_current(void **state)
{
	struct buf path, page, why, out;

	buf_init(&path);
	buf_init(&page);
	buf_init(&why);
	buf_init(&out);
	buf_printf(&path, "%s/docs/errors.md", source_root);
	buf_append_char(&path, '\0');
	assert_int_equal(conf_file_read(buf_slice(&path).ptr, 1u << 20, &page, &why), 0);
	error_manual_markdown(&out);
	/* Otherwise: build/release/tools/error_docs > docs/errors.md */
	assert_true(slice_eq(buf_slice(&page), buf_slice(&out)));
	buf_release(&path);
	buf_release(&page);
	buf_release(&why);
	buf_release(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_page_is_current),
	};

	source_root = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
