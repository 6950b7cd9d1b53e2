/* The file of a key: private or refused, whole or not there. */
#include "agent/key_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define KEY "adit_abcdefghij12_0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"

static char folder[64], keys[128], path[256];
static struct buf key, why;

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/test_key_file.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(keys, sizeof(keys), "%s/keys", folder);
	snprintf(path, sizeof(path), "%s/relay.example.com", keys);
	return 0;
}

static int tear_down(void **state)
{
	chmod(keys, 0700);
	unlink(path);
	/* Nothing else was left behind. */
	assert_true(rmdir(keys) == 0 || access(keys, F_OK) != 0);
	rmdir(folder);
	buf_release(&key);
	buf_release(&why);
	return 0;
}

static void write_text(const char *text, mode_t mode)
{
	FILE *file;

	mkdir(keys, 0700);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void check_said(const char *words)
{
	buf_append_char(&why, '\0');
	assert_non_null(strstr(why.base, words));
	assert_null(strstr(why.base, "ABCDEFG"));
}

static void what_is_kept_comes_back(void **state)
{
	struct stat info;

	assert_int_equal(key_file_write(path, SLICE(KEY), &why), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(stat(keys, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(key_file_read(path, &key, &why), 0);
	assert_true(slice_eq(buf_slice(&key), SLICE(KEY)));
	assert_int_equal(key_file_write(path, SLICE("adit_other"), &why), 0);
	buf_clear(&key);
	assert_int_equal(key_file_read(path, &key, &why), 0);
	assert_true(slice_eq(buf_slice(&key), SLICE("adit_other")));
	assert_int_equal(buf_len(&why), 0);
}

static void one_that_others_can_read_is_refused_and_replaced(void **state)
{
	write_text(KEY "\n", 0640);
	assert_int_equal(key_file_read(path, &key, &why), ERR_DENIED);
	check_said("can be read by others (mode 640)");
	assert_int_equal(buf_len(&key), 0);
	buf_clear(&why);
	assert_int_equal(key_file_write(path, SLICE(KEY), &why), 0);
	assert_int_equal(key_file_read(path, &key, &why), 0);
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "adit_", "other_abc", KEY " " KEY, KEY "\n" KEY, "adit_a\r\nX: y", "adit_\xff"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_text(bad[i], 0600);
		buf_clear(&why);
		assert_int_equal(key_file_read(path, &key, &why), ERR_SYNTAX);
		check_said("holds no key of adit");
		assert_int_equal(key_file_write(path, slice_from_str(bad[i]), &why), ERR_SYNTAX);
	}
	assert_int_equal(key_file_read(keys, &key, &why), ERR_DENIED);
}

static void what_is_not_there_is_told_apart(void **state)
{
	assert_int_equal(key_file_read(path, &key, &why), ERR_NOT_FOUND);
	assert_int_equal(key_file_remove(path, &why), ERR_NOT_FOUND);
	assert_int_equal(buf_len(&why), 0);
	assert_int_equal(key_file_write(path, SLICE(KEY), &why), 0);
	assert_int_equal(key_file_remove(path, &why), 0);
	assert_int_equal(key_file_read(path, &key, &why), ERR_NOT_FOUND);
}

static void a_write_that_fails_says_so(void **state)
{
	assert_true(key_file_write("/dev/null/keys/relay", SLICE(KEY), &why) < 0);
	check_said("cannot be written");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_kept_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			one_that_others_can_read_is_refused_and_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_key_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_write_that_fails_says_so, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
