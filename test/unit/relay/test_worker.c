/* What a worker owns: request ids, timeouts by the options, access lines in time. */
#include "relay/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/loop_turn.h"

#define IDS 20000

static struct relay_shared shared;
static struct relay_conf conf;
static struct worker *worker;
static struct timeout entry;

static void on_entry(struct timeout *timeout)
{
	/* Only its deadline matters. */
}

static int set_up(void **state)
{
	shared = (struct relay_shared) {0};
	conf = (struct relay_conf) {.grace_ms = 30000, .idle_timeout_ms = 5000};
	worker = worker_new(3, &shared, &conf);
	timeout_init(&entry, on_entry);
	return 0;
}

static int tear_down(void **state)
{
	worker_free(&worker);
	worker_free(&worker);
	return worker != NULL;
}

/* How long an entry of this queue would wait; 0: for ever. */
static uint64_t duration(enum worker_timeout id)
{
	uint64_t deadline;

	timeout_arm(worker->timeouts[id], &entry);
	deadline = timeout_is_armed(&entry) ? entry.deadline : loop_now(worker->loop);
	timeout_disarm(&entry);
	return deadline - loop_now(worker->loop);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, WORKER_REQUEST_ID_LEN);
}

static void request_ids_are_hexadecimal_and_never_the_same(void **state)
{
	static char ids[2 * IDS][WORKER_REQUEST_ID_LEN];
	struct worker *other = worker_new(4, &shared, &conf);

	for (size_t i = 0; i < 2 * IDS; i++) {
		worker_next_request_id(i % 2 ? worker : other, ids[i]);
		for (int k = 0; k < WORKER_REQUEST_ID_LEN; k++)
			assert_non_null(memchr("0123456789abcdef", ids[i][k], 16));
	}
	qsort(ids, 2 * IDS, sizeof(ids[0]), compare_ids);
	for (size_t i = 1; i < 2 * IDS; i++)
		assert_int_not_equal(compare_ids(ids[i - 1], ids[i]), 0);
	worker_free(&other);
}

static void timeouts_are_those_of_the_options(void **state)
{
	const struct relay_conf other = {
		.head_timeout_ms = 1,
		.keep_alive_timeout_ms = 2,
		.request_timeout_ms = 3,
		.websocket_timeout_ms = 4,
		.response_timeout_ms = 5,
		.grace_ms = 7000,
	};

	assert_int_equal(worker->index, 3);
	assert_int_equal(duration(WORKER_IDLE), 5000);
	assert_int_equal(duration(WORKER_GRACE), 30000);
	assert_int_equal(duration(WORKER_FIRST_CONNECT), 30000);
	worker_set_conf(worker, &other);
	assert_ptr_equal(worker->conf, &other);
	assert_int_equal(duration(WORKER_HEAD_TIMEOUT), 1);
	assert_int_equal(duration(WORKER_KEEP_ALIVE), 2);
	assert_int_equal(duration(WORKER_SOCKET_WAIT), 3);
	assert_int_equal(duration(WORKER_UPGRADE_WAIT), 4);
	assert_int_equal(duration(WORKER_RESPONSE), 5);
	assert_int_equal(duration(WORKER_IDLE), 0);
	assert_int_equal(duration(WORKER_GRACE), 7000);
	assert_int_equal(duration(WORKER_FIRST_CONNECT), 7000);
}

/* S14: without grace a tunnel goes with its last socket, but somebody must be able to connect. */
static void no_grace_still_leaves_time_to_connect(void **state)
{
	conf.grace_ms = 0;
	worker_set_conf(worker, &conf);
	assert_int_equal(duration(WORKER_GRACE), 1);
	assert_int_equal(duration(WORKER_FIRST_CONNECT), 1000);
}

static void fixed_timeouts_are_never_off(void **state)
{
	static const enum worker_timeout ids[] = {WORKER_LINGER, WORKER_HALF_CLOSED,
		WORKER_HALF_PAUSED, WORKER_HEAD_REST, WORKER_SURPLUS, WORKER_ACCEPT_RETRY,
		WORKER_ACCESS_LOG};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		assert_true(duration(ids[i]) > 0);
}

/* Turns the loop until a line came. */
static void read_lines(int fd, struct buf *lines)
{
	while (!buf_len(lines)) {
		ssize_t n = read(fd, buf_reserve(lines, 4096), 4096);

		if (n > 0)
			buf_commit(lines, (size_t)n);
		loop_turn(worker->loop);
	}
}

static void access_lines_are_handed_over_in_time(void **state)
{
	const struct access_record record = {
		.visitor = SLICE("192.0.2.7"),
		.method = SLICE("GET"),
		.path = SLICE("/some/path"),
		.status = 200,
		.first_byte_us = UINT64_MAX,
	};
	struct buf lines = {0};
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
	worker_free(&worker);
	shared.log = log_new(pipes[1], LOG_INFO, LOG_FORMAT_TEXT);
	worker = worker_new(0, &shared, &conf);
	worker_log_access(worker, &record);
	assert_false(timeout_is_armed(&worker->access_timeout));
	conf.access_log = true;
	worker_log_access(worker, &record);
	worker_log_access(worker, &record);
	assert_true(timeout_is_armed(&worker->access_timeout));
	read_lines(pipes[0], &lines);
	assert_true(slice_find(buf_slice(&lines), '\n') < buf_len(&lines));
	assert_non_null(memmem(buf_slice(&lines).ptr, buf_len(&lines), "/some/path", 10));
	assert_false(timeout_is_armed(&worker->access_timeout));
	worker_free(&worker);
	log_free(&shared.log);
	buf_release(&lines);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_scratch_buffer_that_grew_is_given_back(void **state)
{
	const struct access_record record = {.method = SLICE("GET")};

	buf_reserve(&worker->out, 1000);
	worker_log_access(worker, &record);
	assert_true(worker->out.cap >= 1000);
	buf_reserve(&worker->out, 1000000);
	worker_log_access(worker, &record);
	assert_int_equal(worker->out.cap, 0);
}

int main(void)
{
#define WORKER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WORKER_TEST(request_ids_are_hexadecimal_and_never_the_same),
		WORKER_TEST(timeouts_are_those_of_the_options),
		WORKER_TEST(no_grace_still_leaves_time_to_connect),
		WORKER_TEST(fixed_timeouts_are_never_off),
		WORKER_TEST(access_lines_are_handed_over_in_time),
		WORKER_TEST(a_scratch_buffer_that_grew_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
