/* Log lines: their shape in both formats, one line whatever comes in, levels, and the terminal. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pty.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/log_text.h"
#include "base/mem.h"

#define WALL_MS 1795168800123u /* 2026-11-20T10:00:00.123Z */

static int setup(void **state)
{
	setenv("TZ", "UTC", 1);
	unsetenv("NO_COLOR");
	return 0;
}

static void assert_line(
	enum log_format format, const struct log_field *fields, size_t count, const char *want)
{
	struct buf line;

	buf_init(&line);
	log_format_line(&line, format,
		&(struct log_record) {LOG_INFO, WALL_MS, "tunnel up", fields, count});
	buf_append_char(&line, '\0');
	assert_string_equal(buf_slice(&line).ptr, want);
	buf_release(&line);
}

static void a_text_line_names_time_level_sentence_and_fields(void **state)
{
	const struct log_field fields[] = {LOG_STR("tunnel", SLICE("clever-wombat-42")),
		LOG_INT("port", 40123), LOG_STR("note", SLICE("two words"))};

	assert_line(LOG_FORMAT_TEXT, NULL, 0, "10:00:00.123 info  tunnel up\n");
	assert_line(LOG_FORMAT_TEXT, fields, 3,
		"10:00:00.123 info  tunnel up  tunnel=clever-wombat-42 port=40123 "
		"note=\"two words\"\n");
}

static void a_json_line_is_an_object_in_fixed_order(void **state)
{
	const struct log_field fields[] = {LOG_STR("tunnel", SLICE("clever-wombat-42")),
		LOG_INT("port", 40123), LOG_INT("least", INT64_MIN), LOG_INT("most", INT64_MAX)};

	assert_line(LOG_FORMAT_JSON, NULL, 0,
		"{\"time\":\"2026-11-20T10:00:00.123Z\",\"level\":\"info\",\"msg\":\"tunnel up\"}"
		"\n");
	assert_line(LOG_FORMAT_JSON, fields, 4,
		"{\"time\":\"2026-11-20T10:00:00.123Z\",\"level\":\"info\",\"msg\":\"tunnel up\","
		"\"tunnel\":\"clever-wombat-42\",\"port\":40123,\"least\":-9223372036854775808,"
		"\"most\":9223372036854775807}\n");
}

static void every_level_has_its_name(void **state)
{
	static const char *const names[] = {" error ", " warn  ", " info  ", " debug "};

	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		struct buf line;

		buf_init(&line);
		log_format_line(&line, LOG_FORMAT_TEXT,
			&(struct log_record) {(enum log_level)level, WALL_MS, "x", NULL, 0});
		assert_memory_equal(buf_slice(&line).ptr + 12, names[level], 7);
		buf_release(&line);
	}
}

/* Injection through a value, a sentence, and both with 64 KiB of one byte. */
static void it_is_one_line_whatever_comes_in(void **state)
{
	static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
	char *evil = mem_alloc(65536);

	for (int c = 0; c < 256; c++) {
		struct log_field fields[3];

		memset(evil, c, 65536);
		for (size_t i = 0; i < 3; i++)
			fields[i] = LOG_STR("value", slice_of(evil, 65536));
		evil[65535] = '\0';
		for (size_t f = 0; f < 2; f++) {
			struct buf line;
			struct slice text;

			buf_init(&line);
			log_format_line(&line, formats[f],
				&(struct log_record) {LOG_WARN, WALL_MS, evil, fields, 3});
			text = buf_slice(&line);
			assert_int_equal(slice_find(text, '\n'), text.len - 1);
			assert_true(text.len < 5 * LOG_TEXT_ROOM);
			for (size_t i = 0; i + 1 < text.len; i++)
				assert_true(
					(unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
			buf_release(&line);
		}
	}
	mem_free(evil);
}

static void lines_are_appended_to_what_is_there(void **state)
{
	struct buf lines;

	buf_init(&lines);
	for (int i = 0; i < 100; i++)
		log_format_line(&lines, LOG_FORMAT_TEXT,
			&(struct log_record) {LOG_INFO, WALL_MS, "x", NULL, 0});
	assert_int_equal(buf_len(&lines), 100 * strlen("10:00:00.123 info  x\n"));
	buf_release(&lines);
}

static size_t read_from(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return len;
}

static void only_wanted_levels_are_written_and_evaluated(void **state)
{
	int ends[2], evaluated = 0;
	char text[1000];
	struct log *log;

	assert_int_equal(pipe(ends), 0);
	log = log_new(ends[1], LOG_INFO, LOG_FORMAT_TEXT);
	assert_true(log_wants(log, LOG_ERROR));
	assert_true(log_wants(log, LOG_INFO));
	assert_false(log_wants(log, LOG_DEBUG));
	log_debug(log, "no", LOG_INT("evaluated", ++evaluated));
	assert_int_equal(evaluated, 0);
	log_set_level(log, LOG_DEBUG);
	log_debug(log, "one", LOG_INT("evaluated", ++evaluated));
	assert_int_equal(evaluated, 1);
	log_set_level(log, LOG_ERROR);
	log_warn(log, "no");
	log_error(log, "two");
	log_free(&log);
	assert_null(log);
	close(ends[1]);
	read_from(ends[0], text, sizeof(text));
	assert_non_null(strstr(text, " debug one  evaluated=1\n"));
	assert_non_null(strstr(text, " error two\n"));
	assert_null(strstr(text, "no"));
	close(ends[0]);
}

static void handing_over_lines_writes_them_and_empties_the_buffer(void **state)
{
	char text[100];
	struct buf lines;
	struct log *log;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	log = log_new(ends[1], LOG_INFO, LOG_FORMAT_AUTO);
	assert_int_equal(log_get_format(log), LOG_FORMAT_JSON);
	buf_init(&lines);
	buf_append_str(&lines, "one\ntwo\n");
	log_put_lines(log, &lines, 2);
	assert_int_equal(buf_len(&lines), 0);
	log_put_lines(log, &lines, 0);
	assert_int_equal(log_dropped(log), 0);
	log_free(&log);
	close(ends[1]);
	read_from(ends[0], text, sizeof(text));
	assert_string_equal(text, "one\ntwo\n");
	buf_release(&lines);
	close(ends[0]);
}

static void what_did_not_fit_is_told_in_a_line_of_the_same_format(void **state)
{
	const size_t count = 3000;
	char text[4096], *start;
	struct buf lines;
	struct log *log;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	log = log_new(ends[1], LOG_INFO, LOG_FORMAT_JSON);
	buf_init(&lines);
	memset(buf_reserve(&lines, count * 1024), 'a', count * 1024);
	buf_commit(&lines, count * 1024 - 1);
	buf_append_char(&lines, '\n');
	log_put_lines(log, &lines, 1);
	assert_int_equal(log_dropped(log), 1);
	log_free(&log);
	close(ends[1]);
	read_from(ends[0], text, sizeof(text));
	start = strstr(text, "\"level\":\"warn\",\"msg\":\"log lines dropped\",\"count\":1}\n");
	assert_non_null(start);
	buf_release(&lines);
	close(ends[0]);
}

static void check_terminal(const char *want, bool is_coloured)
{
	struct termios raw;
	int primary, secondary;
	char text[1000];
	struct log *log;
	ssize_t n;

	assert_int_equal(openpty(&primary, &secondary, NULL, NULL, NULL), 0);
	tcgetattr(secondary, &raw);
	cfmakeraw(&raw);
	tcsetattr(secondary, TCSANOW, &raw);
	log = log_new(secondary, LOG_INFO, LOG_FORMAT_AUTO);
	assert_int_equal(log_get_format(log), LOG_FORMAT_TEXT);
	log_warn(log, "careful", LOG_STR("what", SLICE("\033]0;evil\a")));
	log_free(&log);
	n = read(primary, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text + strlen("10:00:00.123"), want);
	assert_int_equal(strchr(text, '\033') != NULL, is_coloured);
	close(primary);
	close(secondary);
}

static void a_terminal_gets_text_with_colours_unless_told_otherwise(void **state)
{
	check_terminal(" \033[33mwarn\033[0m  careful  what=\"\\u001b]0;evil\\u0007\"\n", true);
	setenv("NO_COLOR", "1", 1);
	check_terminal(" warn  careful  what=\"\\u001b]0;evil\\u0007\"\n", false);
}

static void no_log_takes_every_call(void **state)
{
	struct log *log = NULL;
	struct buf lines;

	buf_init(&lines);
	buf_append_str(&lines, "x\n");
	log_info(log, "nobody hears", LOG_INT("x", 1));
	log_debug(log, "nobody hears");
	log_set_level(log, LOG_DEBUG);
	assert_false(log_wants(log, LOG_ERROR));
	assert_int_equal(log_dropped(log), 0);
	log_put_lines(log, &lines, 1);
	assert_int_equal(buf_len(&lines), 0);
	log_free(&log);
	buf_release(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_names_time_level_sentence_and_fields),
		cmocka_unit_test(a_json_line_is_an_object_in_fixed_order),
		cmocka_unit_test(every_level_has_its_name),
		cmocka_unit_test(it_is_one_line_whatever_comes_in),
		cmocka_unit_test(lines_are_appended_to_what_is_there),
		cmocka_unit_test(only_wanted_levels_are_written_and_evaluated),
		cmocka_unit_test(handing_over_lines_writes_them_and_empties_the_buffer),
		cmocka_unit_test(what_did_not_fit_is_told_in_a_line_of_the_same_format),
		cmocka_unit_test(a_terminal_gets_text_with_colours_unless_told_otherwise),
		cmocka_unit_test(no_log_takes_every_call),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
