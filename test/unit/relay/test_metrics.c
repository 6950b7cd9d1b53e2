/* Counting, the buckets, and the exposition text, which promtool judges where it is installed. */
#include "relay/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/visitor_error.h"

static const struct metrics_process process = {
	.start_ms = 1795168800123u,
	.now_ms = 1795168860623u,
	.log_lines_dropped = 5,
	.resident_bytes = 8u << 20,
	.open_fds = 12,
	.max_fds = 1024,
	.has_store = true,
	.store_is_well = true,
};

/* The exposition text as a string, to be freed with buf_release. */
static const char *write_text(struct buf *text, const struct metrics *all, size_t count)
{
	const struct metrics *list[4];

	for (size_t i = 0; i < count; i++)
		list[i] = &all[i];
	buf_init(text);
	metrics_write(text, list, count, &process);
	buf_append_char(text, '\0');
	return buf_slice(text).ptr;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		print_error("missing: %s\n", line);
	assert_non_null(strstr(text, line));
}

static void workers_are_added_up(void **state)
{
	static struct metrics all[3];
	struct buf text;
	const char *t;

	metrics_add(&all[0], METRIC_REQUESTS, 3);
	metrics_add(&all[2], METRIC_REQUESTS, 4);
	metrics_add(&all[1], metrics_response(204), 2);
	metrics_add(&all[1], metrics_error(SLICE("agent-lost")), 1);
	t = write_text(&text, all, 3);
	assert_has(t, "\nadit_requests_total 7\n");
	assert_has(t, "\nadit_responses_total{class=\"2xx\"} 2\n");
	assert_has(t, "\nadit_responses_total{class=\"5xx\"} 0\n");
	assert_has(t, "\nadit_errors_total{code=\"agent-lost\"} 1\n");
	buf_release(&text);
}

static void a_gauge_that_moved_between_workers_sums_up(void **state)
{
	static struct metrics all[2];
	struct buf text;

	metrics_add(&all[0], METRIC_VISITORS_OPEN, 3);
	metrics_sub(&all[1], METRIC_VISITORS_OPEN, 1);
	assert_has(write_text(&text, all, 2), "\nadit_visitor_connections_open 2\n");
	buf_release(&text);
	metrics_sub(&all[1], METRIC_VISITORS_OPEN, 3);
	assert_has(write_text(&text, all, 2), "\nadit_visitor_connections_open 0\n");
	buf_release(&text);
}

static void times_fall_into_the_bucket_that_they_do_not_exceed(void **state)
{
	static struct metrics m;
	struct buf text;
	const char *t;

	metrics_observe(&m, METRIC_TIME_FIRST_BYTE, 0);
	metrics_observe(&m, METRIC_TIME_FIRST_BYTE, 500);
	metrics_observe(&m, METRIC_TIME_FIRST_BYTE, 501);
	metrics_observe(&m, METRIC_TIME_FIRST_BYTE, 60000000);
	metrics_observe(&m, METRIC_TIME_FIRST_BYTE, 60000001);
	t = write_text(&text, &m, 1);
	assert_has(t, "\nadit_first_byte_seconds_bucket{le=\"0.0005\"} 2\n");
	assert_has(t, "\nadit_first_byte_seconds_bucket{le=\"0.001\"} 3\n");
	assert_has(t, "\nadit_first_byte_seconds_bucket{le=\"30\"} 3\n");
	assert_has(t, "\nadit_first_byte_seconds_bucket{le=\"60\"} 4\n");
	assert_has(t, "\nadit_first_byte_seconds_bucket{le=\"+Inf\"} 5\n");
	assert_has(t, "\nadit_first_byte_seconds_sum 120.001002\n");
	assert_has(t, "\nadit_first_byte_seconds_count 5\n");
	assert_has(t, "\nadit_request_duration_seconds_count 0\n");
	buf_release(&text);
}

static void every_status_has_a_class(void **state)
{
	static const struct {
		unsigned status;
		enum metric metric;
	} cases[] = {
		{0, METRIC_RESPONSES_1XX},
		{101, METRIC_RESPONSES_1XX},
		{199, METRIC_RESPONSES_1XX},
		{200, METRIC_RESPONSES_2XX},
		{304, METRIC_RESPONSES_3XX},
		{499, METRIC_RESPONSES_4XX},
		{500, METRIC_RESPONSES_5XX},
		{599, METRIC_RESPONSES_5XX},
		{600, METRIC_RESPONSES_5XX},
		{999, METRIC_RESPONSES_5XX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(metrics_response(cases[i].status), cases[i].metric);
}

static void every_error_code_is_counted_and_unknown_ones_as_other(void **state)
{
	assert_int_equal(metrics_error(SLICE("tunnel-not-found")), METRIC_ERROR_TUNNEL_NOT_FOUND);
	assert_int_equal(metrics_error(SLICE("response-timeout")), METRIC_ERROR_RESPONSE_TIMEOUT);
	for (int i = 0; i < VISITOR_ERROR_COUNT; i++) {
		const char *code = visitor_error_get((enum visitor_error)i)->code;

		assert_int_equal(metrics_error(slice_from_str(code)),
			METRIC_ERROR_OTHER - VISITOR_ERROR_COUNT + i);
	}
	assert_int_equal(metrics_error(SLICE("other")), METRIC_ERROR_OTHER);
	assert_int_equal(metrics_error(SLICE("")), METRIC_ERROR_OTHER);
	assert_int_equal(metrics_error(SLICE("tunnel-not-foun")), METRIC_ERROR_OTHER);
	assert_int_equal(metrics_error(SLICE("tunnel-not-found\"")), METRIC_ERROR_OTHER);
}

static void the_process_is_described(void **state)
{
	struct buf text;
	const char *t = write_text(&text, NULL, 0);

	assert_has(t, "\nadit_log_lines_dropped_total 5\n");
	assert_has(t, "\nadit_store_up 1\n");
	assert_has(t, "\nadit_process_resident_memory_bytes 8388608\n");
	assert_has(t, "\nadit_process_open_fds 12\n");
	assert_has(t, "\nadit_process_start_time_seconds 1795168800.123000\n");
	assert_has(t, "\nadit_process_uptime_seconds 60.500000\n");
	assert_has(t, "\nadit_requests_total 0\n");
	buf_release(&text);
}

static void every_name_is_described_once(void **state)
{
	struct buf text;
	const char *t = write_text(&text, NULL, 0);

	for (const char *at = strstr(t, "# TYPE "); at; at = strstr(at + 1, "# TYPE ")) {
		char head[100] = "";
		const char *again;

		sscanf(at, "%*s %*s %90s", head);
		strcat(head, " ");
		again = strstr(at + 7 + strlen(head), head);
		while (again && memcmp(again - 7, "# TYPE ", 7) != 0)
			again = strstr(again + 1, head);
		assert_null(again);
	}
	buf_release(&text);
}

static void *run_writer(void *arg)
{
	for (int i = 0; i < 100000; i++) {
		metrics_add(arg, METRIC_REQUESTS, 1);
		metrics_observe(arg, METRIC_TIME_DURATION, (uint64_t)i);
	}
	return NULL;
}

static void a_scrape_may_read_while_workers_write(void **state)
{
	static struct metrics all[2];
	pthread_t threads[2];
	struct buf text;

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_writer, &all[i]), 0);
	for (int i = 0; i < 10; i++) {
		write_text(&text, all, 2);
		buf_release(&text);
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_has(write_text(&text, all, 2), "\nadit_requests_total 200000\n");
	buf_release(&text);
}

static void promtool_finds_nothing_to_complain_about(void **state)
{
	static struct metrics m;
	struct buf text;
	FILE *tool;

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		skip();
	metrics_observe(&m, METRIC_TIME_DURATION, 1234);
	write_text(&text, &m, 1);
	tool = popen("promtool check metrics", "w");
	assert_non_null(tool);
	fwrite(buf_slice(&text).ptr, 1, buf_len(&text) - 1, tool);
	assert_int_equal(pclose(tool), 0);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_are_added_up),
		cmocka_unit_test(a_gauge_that_moved_between_workers_sums_up),
		cmocka_unit_test(times_fall_into_the_bucket_that_they_do_not_exceed),
		cmocka_unit_test(every_status_has_a_class),
		cmocka_unit_test(every_error_code_is_counted_and_unknown_ones_as_other),
		cmocka_unit_test(the_process_is_described),
		cmocka_unit_test(every_name_is_described_once),
		cmocka_unit_test(a_scrape_may_read_while_workers_write),
		cmocka_unit_test(promtool_finds_nothing_to_complain_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
