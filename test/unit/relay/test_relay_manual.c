/* Help and documentation. The committed page must be what the program would write. */
#include "relay/relay_manual.h"

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
	buf_printf(&path, "%s/docs/configuration.md", source_root);
	buf_append_char(&path, '\0');
	assert_int_equal(conf_file_read(buf_slice(&path).ptr, 1u << 20, &page, &why), 0);
	relay_conf_markdown(&out);
	/* Otherwise: build/release/tools/conf_docs > docs/configuration.md */
	assert_true(slice_eq(buf_slice(&page), buf_slice(&out)));
	buf_release(&path);
	buf_release(&page);
	buf_release(&why);
	buf_release(&out);
}

static void help_has_usage_groups_and_no_colour_unless_asked(void **state)
{
	char text[32768];
	struct buf out;

	buf_init(&out);
	relay_conf_help(&out, 80, false);
	slice_to_str(buf_slice(&out), text, sizeof(text));
	assert_non_null(strstr(text, "aditd check-config"));
	assert_non_null(strstr(text, "\nListening\n  --port PORT"));
	assert_non_null(strstr(text, "FILE_LT_HMAC_SECRET"));
	assert_non_null(strstr(text, "\nWithout effect\n  --socket-check-interval MS"));
	assert_null(strchr(text, '\x1b'));
	buf_clear(&out);
	relay_conf_help(&out, 80, true);
	assert_true(slice_find(buf_slice(&out), '\x1b') < buf_len(&out));
	buf_release(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_page_is_current),
		cmocka_unit_test(help_has_usage_groups_and_no_colour_unless_asked),
	};

	source_root = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
