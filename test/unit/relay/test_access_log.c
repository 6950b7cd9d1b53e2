/* Access lines: their exact shape, injection, what is left out, batches, and their price. */
#include "relay/access_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#define WALL_MS 1795168800123u /* 2026-11-20T10:00:00.123Z */

static const struct access_record typical = {
	.visitor = SLICE("203.0.113.7"),
	.tunnel = SLICE("clever-wombat-42"),
	.method = SLICE("GET"),
	.path = SLICE("/api/v1/items?token=secret"),
	.request_id = SLICE("0123456789abcdef0123456789abcdef"),
	.status = 200,
	.ended = ACCESS_COMPLETE,
	.bytes_in = 412,
	.bytes_out = 10240,
	.first_byte_us = 1234,
	.duration_us = 56007,
};

struct fixture {
	int fd;
	struct log *log;
	struct access_log *access;
	struct buf text;
};

static void open_fixture(struct fixture *f, enum log_format format)
{
	char path[] = "/tmp/test_access_log.XXXXXX";

	setenv("TZ", "UTC", 1);
	f->fd = mkstemp(path);
	assert_true(f->fd >= 0);
	unlink(path);
	f->log = log_new(f->fd, LOG_INFO, format);
	f->access = access_log_new(f->log);
	buf_init(&f->text);
}

/* Ends the logs and gives what they wrote, as a string. */
static const char *finish(struct fixture *f)
{
	off_t size;

	access_log_free(&f->access);
	assert_null(f->access);
	log_free(&f->log);
	size = lseek(f->fd, 0, SEEK_END);
	assert_int_equal(
		pread(f->fd, buf_reserve(&f->text, (size_t)size + 1), (size_t)size, 0), size);
	buf_commit(&f->text, (size_t)size);
	buf_append_char(&f->text, '\0');
	return buf_slice(&f->text).ptr;
}

static void close_fixture(struct fixture *f)
{
	buf_release(&f->text);
	close(f->fd);
}

static void assert_written(
	enum log_format format, const struct access_record *record, const char *want)
{
	struct fixture f;

	open_fixture(&f, format);
	assert_false(access_log_put(f.access, record, WALL_MS));
	assert_string_equal(finish(&f), want);
	close_fixture(&f);
}

static void a_request_is_one_line_in_fixed_order(void **state)
{
	assert_written(LOG_FORMAT_JSON, &typical,
		"{\"time\":\"2026-11-20T10:00:00.123Z\",\"level\":\"info\",\"msg\":\"request\","
		"\"visitor\":\"203.0.113.7\",\"tunnel\":\"clever-wombat-42\",\"method\":\"GET\","
		"\"path\":\"/api/v1/items\",\"status\":200,\"in\":412,\"out\":10240,"
		"\"ttfb_ms\":1.234,\"ms\":56.007,\"ended\":\"complete\","
		"\"id\":\"0123456789abcdef0123456789abcdef\"}\n");
	assert_written(LOG_FORMAT_TEXT, &typical,
		"10:00:00.123 info  request  visitor=203.0.113.7 tunnel=clever-wombat-42 "
		"method=GET path=/api/v1/items status=200 in=412 out=10240 ttfb_ms=1.234 "
		"ms=56.007 ended=complete id=0123456789abcdef0123456789abcdef\n");
}

static void an_error_and_a_missing_first_byte_are_shown(void **state)
{
	struct access_record record = typical;

	record.status = 502;
	record.error_code = SLICE("agent-lost");
	record.ended = ACCESS_AGENT;
	record.first_byte_us = UINT64_MAX;
	record.tunnel = SLICE("");
	assert_written(LOG_FORMAT_JSON, &record,
		"{\"time\":\"2026-11-20T10:00:00.123Z\",\"level\":\"info\",\"msg\":\"request\","
		"\"visitor\":\"203.0.113.7\",\"tunnel\":\"\",\"method\":\"GET\","
		"\"path\":\"/api/v1/items\",\"status\":502,\"in\":412,\"out\":10240,"
		"\"ttfb_ms\":null,\"ms\":56.007,\"ended\":\"agent\",\"error\":\"agent-lost\","
		"\"id\":\"0123456789abcdef0123456789abcdef\"}\n");
	assert_written(LOG_FORMAT_TEXT, &record,
		"10:00:00.123 info  request  visitor=203.0.113.7 tunnel=\"\" "
		"method=GET path=/api/v1/items status=502 in=412 out=10240 ttfb_ms=- "
		"ms=56.007 ended=agent error=agent-lost id=0123456789abcdef0123456789abcdef\n");
}

static void who_ended_it_is_named(void **state)
{
	static const char *const names[] = {"\"ended\":\"complete\"", "\"ended\":\"visitor\"",
		"\"ended\":\"agent\"", "\"ended\":\"relay\""};
	struct access_record record = typical;

	for (int end = ACCESS_COMPLETE; end <= ACCESS_RELAY; end++) {
		struct fixture f;

		open_fixture(&f, LOG_FORMAT_JSON);
		record.ended = (enum access_end)end;
		access_log_put(f.access, &record, WALL_MS);
		assert_non_null(strstr(finish(&f), names[end]));
		close_fixture(&f);
	}
}

static void a_query_is_never_logged(void **state)
{
	static const char *const targets[] = {"/?secret", "/a?b?secret", "?secret", "/a?#secret"};

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct access_record record = typical;
		struct fixture f;

		open_fixture(&f, LOG_FORMAT_TEXT);
		record.path = slice_from_str(targets[i]);
		access_log_put(f.access, &record, WALL_MS);
		assert_null(strstr(finish(&f), "secret"));
		close_fixture(&f);
	}
}

static void a_path_at_the_limit_is_whole_and_one_more_is_cut(void **state)
{
	char path[600];

	memset(path, 'p', sizeof(path));
	for (size_t len = 511; len <= 514; len++) {
		struct access_record record = typical;
		struct fixture f;
		const char *line;

		open_fixture(&f, LOG_FORMAT_JSON);
		path[len] = '?';
		record.path = slice_of(path, sizeof(path));
		access_log_put(f.access, &record, WALL_MS);
		line = finish(&f);
		assert_int_equal(strstr(line, "p\u2026\"") != NULL, len > 512);
		assert_int_equal(
			strspn(strstr(line, "\"path\":\"") + 8, "p"), len > 512 ? 512 : len);
		close_fixture(&f);
		path[len] = 'p';
	}
}

static void hostile_values_make_one_clean_line(void **state)
{
	static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
	char *evil = mem_alloc(65536);

	for (int c = 0; c < 256; c += c < 0x20 ? 1 : 13) {
		struct slice value = slice_of(memset(evil, c, 65536), 65536);
		struct access_record record = typical;

		record.visitor = record.tunnel = record.method = record.path = value;
		record.request_id = record.error_code = value;
		for (size_t i = 0; i < 2; i++) {
			struct fixture f;
			const char *line;
			size_t len;

			open_fixture(&f, formats[i]);
			access_log_put(f.access, &record, WALL_MS);
			line = finish(&f);
			len = strlen(line);
			assert_int_equal(len, buf_len(&f.text) - 1);
			assert_ptr_equal(strchr(line, '\n'), line + len - 1);
			for (size_t at = 0; at + 1 < len; at++)
				assert_true((unsigned char)line[at] >= 0x20 && line[at] != 0x7f);
			close_fixture(&f);
		}
	}
	mem_free(evil);
}

static void a_flush_is_asked_for_and_made_up_for(void **state)
{
	struct fixture f;
	unsigned asked_at = 0;
	size_t lines = 0;

	open_fixture(&f, LOG_FORMAT_JSON);
	for (unsigned i = 1; i <= 2000; i++) {
		if (access_log_put(f.access, &typical, WALL_MS) && !asked_at)
			asked_at = i;
	}
	for (const char *at = strchr(finish(&f), '\n'); at; at = strchr(at + 1, '\n'))
		lines++;
	assert_int_equal(lines, 2000);
	assert_in_range(asked_at, ACCESS_LOG_FLUSH / 400, ACCESS_LOG_FLUSH / 200);
	close_fixture(&f);
}

static void nothing_is_written_below_info(void **state)
{
	struct fixture f;

	open_fixture(&f, LOG_FORMAT_JSON);
	log_set_level(f.log, LOG_WARN);
	assert_false(access_log_put(f.access, &typical, WALL_MS));
	assert_string_equal(finish(&f), "");
	close_fixture(&f);
}

/* Prints the price of a line; how fast the machine is decides nothing here. */
static void the_price_of_a_line_is_told(void **state)
{
	static const char *const names[] = {"text", "json"};
	static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
	const unsigned rounds = 20000;

	for (size_t i = 0; i < 2; i++) {
		struct timespec start, end;
		struct fixture f;

		open_fixture(&f, formats[i]);
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (unsigned n = 0; n < rounds; n++) {
			if (access_log_put(f.access, &typical, WALL_MS + n / 100))
				access_log_flush(f.access);
		}
		clock_gettime(CLOCK_MONOTONIC, &end);
		print_message("%s: %.0f ns a line, flushes included\n", names[i],
			((double)(end.tv_sec - start.tv_sec) * 1e9 +
				(double)(end.tv_nsec - start.tv_nsec)) /
				rounds);
		finish(&f);
		close_fixture(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_one_line_in_fixed_order),
		cmocka_unit_test(an_error_and_a_missing_first_byte_are_shown),
		cmocka_unit_test(who_ended_it_is_named),
		cmocka_unit_test(a_query_is_never_logged),
		cmocka_unit_test(a_path_at_the_limit_is_whole_and_one_more_is_cut),
		cmocka_unit_test(hostile_values_make_one_clean_line),
		cmocka_unit_test(a_flush_is_asked_for_and_made_up_for),
		cmocka_unit_test(nothing_is_written_below_info),
		cmocka_unit_test(the_price_of_a_line_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
