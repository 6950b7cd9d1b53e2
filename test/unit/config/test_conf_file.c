/* Reading small files whole, and the reasons when that fails. */
#include "config/conf_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "config_table.h"

static char directory[] = "/tmp/test_conf_file.XXXXXX";

static int set_up(void **state)
{
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)unlink("a");
	return chdir("/") || rmdir(directory);
}

static void write_file(const char *text)
{
	FILE *file = fopen("a", "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_file_is_read_up_to_its_limit(void **state)
{
	struct buf out, why;

	buf_init(&out);
	buf_init(&why);
	write_file("12345");
	assert_int_equal(conf_file_read("a", 5, &out, &why), 0);
	assert_string_equal(table_text(&out), "12345");
	conf_file_forget(&out);
	assert_int_equal(conf_file_read("a", 4, &out, &why), ERR_LIMIT);
	assert_string_equal(table_text(&why), "it is longer than 4 bytes");
	conf_file_forget(&out);
	write_file("");
	assert_int_equal(conf_file_read("a", 4, &out, &why), 0);
	assert_int_equal(buf_len(&out), 0);
	conf_file_forget(&out);
	buf_release(&why);
}

static void the_reason_is_that_of_the_system(void **state)
{
	struct buf out, why;

	buf_init(&out);
	buf_init(&why);
	assert_int_equal(conf_file_read("none", 4, &out, &why), ERR_NOT_FOUND);
	assert_string_equal(table_text(&why), "ENOENT: no such file or directory, open 'none'");
	buf_clear(&why);
	assert_int_equal(conf_file_read(".", 4, &out, &why), ERR_SYSTEM);
	assert_string_equal(table_text(&why), "EISDIR: is a directory, read");
	conf_file_forget(&out);
	buf_release(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_up_to_its_limit),
		cmocka_unit_test(the_reason_is_that_of_the_system),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
