/* Streams of a session as struct stream: its contract, at each event and on both ways to close. */
#include "wire/chan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "support/loop_turn.h"
#include "support/session_pair.h"

#define LARGE 200000u /* more than a window */

static struct session_pair pair;
static struct session_end *const client = &pair.ends[0], *const server = &pair.ends[1];
static struct stream_log near;
static struct stream_log *const far = &pair.ends[1].streams[0];
static char bytes[LARGE];

#define UNTIL(cond) LOOP_TURN_UNTIL(pair.loop, cond)

static void turns(unsigned count)
{
	while (count--)
		loop_turn(pair.loop);
}

static void start(void)
{
	session_pair_init(&pair, 0, 0, 0);
	session_pair_start(&pair, true);
	session_pair_open(&pair, 0, &near);
}

static int tear_down(void **state)
{
	stream_log_deinit(&near);
	session_pair_deinit(&pair);
	return 0;
}

static bool write_some(struct stream *s, size_t len)
{
	struct slice parts[2] = {slice_of(bytes, len / 3), slice_of(bytes, len - len / 3)};

	return stream_write(s, parts, 2);
}

static void each_side_ends_for_itself(void **state)
{
	start();
	assert_true(write_some(near.stream, 10));
	stream_shutdown(near.stream);
	UNTIL(far->ended);
	assert_int_equal(buf_len(&far->data), 10);
	assert_true(write_some(far->stream, 20));
	stream_shutdown(far->stream);
	UNTIL(near.ended);
	assert_int_equal(buf_len(&near.data), 20);
	stream_close(&near.stream);
	stream_close(&far->stream);
	UNTIL(!session_stream_count(client->session) && !session_stream_count(server->session));
	assert_int_equal(near.failed + far->failed, 0);
}

static void an_abort_is_a_failure_for_the_other_side(void **state)
{
	start();
	write_some(near.stream, 10);
	UNTIL(far->data_count);
	stream_abort(&near.stream);
	assert_int_equal(session_stream_count(client->session), 0);
	UNTIL(far->failed);
	assert_int_equal(far->err, ERR_RESET);
	turns(3);
	assert_int_equal(far->failed + far->ended, 1);
}

static void closing_behind_a_shutdown_loses_nothing(void **state)
{
	start();
	assert_false(write_some(near.stream, LARGE));
	stream_shutdown(near.stream);
	stream_close(&near.stream);
	UNTIL(far->ended);
	assert_int_equal(buf_len(&far->data), LARGE);
	assert_int_equal(session_stream_count(client->session), 1); /* it waits for the other end */
	stream_close(&far->stream);
	UNTIL(!session_stream_count(client->session) && !session_stream_count(server->session));
}

static void closing_what_was_not_finished_is_a_failure_there(void **state)
{
	start();
	assert_false(write_some(near.stream, LARGE));
	stream_close(&near.stream);
	UNTIL(far->failed);
	assert_int_equal(far->ended, 0);
}

static void drained_comes_when_all_is_on_its_way(void **state)
{
	start();
	assert_true(stream_room(near.stream) > 0);
	assert_false(write_some(near.stream, LARGE));
	assert_int_equal(stream_room(near.stream), 0);
	assert_int_equal(near.drained, 0);
	UNTIL(near.drained);
	turns(5);
	assert_int_equal(near.drained, 1);
	assert_true(stream_room(near.stream) > 0);
}

static void no_event_comes_while_it_does_not_read(void **state)
{
	start();
	server->stopped = true;
	write_some(near.stream, 10);
	stream_shutdown(near.stream);
	UNTIL(server->opened);
	turns(5);
	assert_int_equal(far->data_count + far->ended, 0);
	stream_read_start(far->stream);
	assert_int_equal(far->data_count, 0);
	UNTIL(far->ended);
	assert_int_equal(buf_len(&far->data), 10);
}

/* The links are taken away meanwhile: their silence is counted in the same queue. */
static void a_peer_that_never_ends_is_not_waited_for_for_ever(void **state)
{
	start();
	write_some(near.stream, 10);
	UNTIL(far->data_count);
	session_drop_link(client->session);
	session_drop_link(server->session);
	timeout_queue_set(pair.supplies.silence, 3);
	stream_close(&near.stream);
	assert_int_equal(session_stream_count(client->session), 1);
	UNTIL(!session_stream_count(client->session));
	timeout_queue_set(pair.supplies.silence, 3600000);
	session_pair_resume(&pair);
	UNTIL(far->failed);
	assert_int_equal(far->ended, 1);
}

/* It takes its time, and what it has not taken yet is not thrown away. */
static void a_peer_that_reads_slowly_gets_all_of_it(void **state)
{
	uint64_t until;

	start();
	server->stopped = true;
	assert_false(write_some(near.stream, LARGE));
	UNTIL(server->opened);
	stream_shutdown(near.stream);
	stream_close(&near.stream);
	session_drop_link(client->session);
	session_drop_link(server->session);
	timeout_queue_set(pair.supplies.silence, 3);
	until = loop_clock_us() + 20000;
	UNTIL(loop_clock_us() > until);
	timeout_queue_set(pair.supplies.silence, 3600000);
	session_pair_resume(&pair);
	stream_read_start(far->stream);
	UNTIL(far->ended || far->failed);
	assert_int_equal(far->failed, 0);
	assert_int_equal(buf_len(&far->data), LARGE);
}

/* ---- closed inside each of its events ---- */

static void close_it(struct stream_log *log)
{
	stream_close(&log->stream);
}

static void abort_it(struct stream_log *log)
{
	stream_abort(&log->stream);
}

static void (*const ways[])(struct stream_log *log) = {close_it, abort_it};

static void it_may_be_closed_with_its_first_bytes(void **state)
{
	for (unsigned way = 0; way < 2; way++) {
		start();
		server->then_stream = ways[way];
		write_some(near.stream, LARGE);
		stream_shutdown(near.stream);
		UNTIL(far->data_count && !far->stream);
		UNTIL(near.failed || near.ended);
		turns(5);
		assert_int_equal(far->data_count, 1);
		assert_int_equal(far->ended + far->failed, 0);
		if (way == 0)
			tear_down(state);
	}
}

static void it_may_be_closed_at_the_end(void **state)
{
	for (unsigned way = 0; way < 2; way++) {
		start();
		server->then_stream = ways[way];
		stream_shutdown(near.stream);
		UNTIL(far->ended && !far->stream);
		UNTIL(near.failed || near.ended);
		assert_int_equal(near.failed, way); /* an end, or a reset */
		if (way == 0)
			tear_down(state);
	}
}

static void it_may_be_closed_when_it_drained(void **state)
{
	for (unsigned way = 0; way < 2; way++) {
		start();
		near.then = ways[way];
		assert_false(write_some(near.stream, LARGE));
		UNTIL(near.drained && !near.stream);
		UNTIL(far->failed || far->ended);
		assert_int_equal(far->failed, way);
		if (way == 0)
			tear_down(state);
	}
}

static void it_may_be_closed_when_it_failed(void **state)
{
	for (unsigned way = 0; way < 2; way++) {
		start();
		server->then_stream = ways[way];
		server->stopped = true;
		write_some(near.stream, 5);
		UNTIL(server->opened);
		stream_abort(&near.stream);
		UNTIL(far->failed && !far->stream);
		turns(3);
		if (way == 0)
			tear_down(state);
	}
}

static void it_may_be_closed_between_its_failure_and_the_news(void **state)
{
	start();
	write_some(near.stream, 5);
	UNTIL(far->data_count);
	session_free(&client->session);
	stream_close(&near.stream);
	turns(3);
	assert_int_equal(near.failed, 0);
}

/* ---- the bare struct ---- */

static void one_that_no_session_takes_is_thrown_away(void **state)
{
	struct mux_stream *s;

	start();
	s = chan_new(pair.loop, NULL, pair.supplies.silence);
	assert_ptr_equal(chan_mux_stream(chan_stream(s)), s);
	chan_discard(s);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_side_ends_for_itself),
		T(an_abort_is_a_failure_for_the_other_side),
		T(closing_behind_a_shutdown_loses_nothing),
		T(closing_what_was_not_finished_is_a_failure_there),
		T(drained_comes_when_all_is_on_its_way),
		T(no_event_comes_while_it_does_not_read),
		T(a_peer_that_never_ends_is_not_waited_for_for_ever),
		T(a_peer_that_reads_slowly_gets_all_of_it),
		T(it_may_be_closed_with_its_first_bytes),
		T(it_may_be_closed_at_the_end),
		T(it_may_be_closed_when_it_drained),
		T(it_may_be_closed_when_it_failed),
		T(it_may_be_closed_between_its_failure_and_the_news),
		T(one_that_no_session_takes_is_thrown_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
