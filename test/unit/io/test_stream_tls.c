/* TLS over a real socket: the contract of streams, and what TLS adds to it. */
#include "io/stream_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "crypto/tls.h"
#include "io/loop.h"
#include "io/stream_tcp.h"
#include "support/loop_turn.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"
#include "support/tls_context.h"

#define MUCH (4u << 20)

static struct loop *loop;
static struct stream_log ours; /* the server's end */
static struct stream_log theirs;
static int ready_err;
static unsigned ready_count;

static struct stream *over(int fd, struct tls *tls)
{
	struct stream *lower;

	assert_int_equal(stream_tcp_adopt(loop, fd, &lower), 0);
	lower = stream_tls_new(loop, &lower, &tls);
	assert_null(tls);
	return lower;
}

static void start(int fds[2])
{
	loop = loop_new();
	ready_count = 0;
	stream_log_init(&ours, over(fds[0], tls_accept(tls_context_server)));
	stream_log_init(&theirs, over(fds[1], tls_connect(tls_context_client, "a.test", NULL)));
}

static int set_up(void **state)
{
	int fds[2];

	tcp_pair_open(fds);
	start(fds);
	return 0;
}

static int set_up_small(void **state)
{
	int fds[2];

	tcp_pair_open_small(fds);
	start(fds);
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&ours);
	stream_log_deinit(&theirs);
	loop_free(&loop);
	return 0;
}

static void settle(void)
{
	for (int i = 0; i < 10; i++)
		loop_turn(loop);
}

static void on_ready(void *ctx, int err)
{
	ready_err = err;
	ready_count++;
	if (ctx)
		stream_close(ctx);
}

static void read_both(void)
{
	stream_read_start(ours.stream);
	stream_read_start(theirs.stream);
}

static bool write_to(struct stream_log *log, struct slice part)
{
	return stream_write(log->stream, &part, 1);
}

static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static void check_data(struct stream_log *log, struct slice expected)
{
	LOOP_TURN_UNTIL(loop, buf_len(&log->data) >= expected.len || log->failed);
	assert_true(slice_eq(buf_slice(&log->data), expected));
}

/* ---- data ---- */

static void data_passes_both_ways(void **state)
{
	read_both();
	assert_int_equal(ours.data_count + theirs.data_count, 0);
	assert_false(write_to(&theirs, SLICE("question")));
	check_data(&ours, SLICE("question"));
	assert_int_equal(theirs.drained, 1);
	assert_true(write_to(&ours, SLICE("answer")));
	check_data(&theirs, SLICE("answer"));
	assert_string_equal(tls_version(stream_tls_get(ours.stream)), "TLSv1.3");
}

static void other_streams_have_no_tls(void **state)
{
	struct stream *plain;
	int fds[2];

	tcp_pair_open(fds);
	assert_int_equal(stream_tcp_adopt(loop, fds[0], &plain), 0);
	assert_null(stream_tls_get(plain));
	stream_close(&plain);
	close(fds[1]);
}

static void much_passes_through_small_sockets(void **state)
{
	stream_set_bulk(ours.stream, true);
	read_both();
	assert_false(write_to(&theirs, much()));
	assert_false(write_to(&ours, much()));
	check_data(&ours, much());
	check_data(&theirs, much());
	LOOP_TURN_UNTIL(loop, ours.drained && theirs.drained);
	assert_int_equal(ours.drained, 1);
	assert_int_equal(theirs.drained, 1);
}

static void small_steps_are_a_record_each(void **state)
{
	stream_set_step(ours.stream, 1000);
	read_both();
	write_to(&theirs, much());
	check_data(&ours, much());
	assert_true(ours.data_count >= MUCH / 16384);
}

static void what_follows_much_is_decrypted_where_the_owner_wants_it(void **state)
{
	static char place[20000];

	ours.place = slice_of(place, sizeof(place));
	read_both();
	write_to(&theirs, much());
	check_data(&ours, much());
	assert_in_range(ours.placed, ours.data_count / 2, ours.data_count);
	assert_true(ours.placed <= ours.asked);
}

static void a_slow_reader_makes_the_writer_wait(void **state)
{
	size_t written = 0;

	read_both();
	write_to(&theirs, SLICE("x"));
	check_data(&ours, SLICE("x"));
	stream_read_stop(theirs.stream);
	assert_true(stream_room(ours.stream) > 0);
	while (write_to(&ours, slice_first(slice_from(much(), written), 10000)))
		written += 10000;
	written += 10000;
	settle();
	assert_int_equal(ours.drained, 0);
	assert_int_equal(stream_room(ours.stream), 0);
	assert_int_equal(buf_len(&theirs.data), 0);
	stream_read_start(theirs.stream);
	check_data(&theirs, slice_first(much(), written));
	LOOP_TURN_UNTIL(loop, ours.drained);
}

static void stop(struct stream_log *log)
{
	stream_read_stop(log->stream);
}

static void reading_stops_inside_an_event(void **state)
{
	unsigned count;

	read_both();
	ours.then = stop;
	write_to(&theirs, much());
	while (buf_len(&ours.data) < MUCH) {
		count = ours.data_count;
		LOOP_TURN_UNTIL(loop, ours.data_count > count);
		settle();
		assert_int_equal(ours.data_count, count + 1);
		stream_read_start(ours.stream);
		assert_int_equal(ours.data_count, count + 1);
	}
	assert_true(slice_eq(buf_slice(&ours.data), much()));
}

static void stop_and_start(struct stream_log *log)
{
	stream_read_stop(log->stream);
	stream_read_start(log->stream);
}

static void reading_stops_and_starts_inside_an_event(void **state)
{
	read_both();
	ours.then = stop_and_start;
	write_to(&theirs, much());
	check_data(&ours, much());
}

static void shut_down(struct stream_log *log)
{
	stream_shutdown(log->stream);
}

static void what_is_left_is_read_before_the_end(void **state)
{
	read_both();
	ours.then = stop;
	write_to(&theirs, slice_first(much(), 200000));
	stream_shutdown(theirs.stream);
	while (!ours.ended) {
		stream_read_start(ours.stream);
		loop_turn(loop);
	}
	assert_true(slice_eq(buf_slice(&ours.data), slice_first(much(), 200000)));
	assert_int_equal(ours.failed, 0);
}

/* ---- the handshake ---- */

static void readiness_is_told_once_and_without_reading(void **state)
{
	stream_tls_on_ready(ours.stream, on_ready, NULL);
	stream_tls_on_ready(theirs.stream, on_ready, NULL);
	assert_int_equal(ready_count, 0);
	write_to(&theirs, SLICE("early"));
	LOOP_TURN_UNTIL(loop, ready_count == 2);
	assert_int_equal(ready_err, 0);
	settle();
	assert_int_equal(ours.data_count, 0);
	stream_read_start(ours.stream);
	assert_int_equal(ours.data_count, 0);
	check_data(&ours, SLICE("early"));
	assert_int_equal(ready_count, 2);
}

static void a_stream_may_close_when_it_is_ready(void **state)
{
	stream_tls_on_ready(theirs.stream, on_ready, &theirs.stream);
	stream_read_start(ours.stream);
	LOOP_TURN_UNTIL(loop, ours.ended || ours.failed);
	assert_null(theirs.stream);
	assert_int_equal(ours.ended, 1);
}

static void what_is_written_early_goes_out_in_order(void **state)
{
	assert_false(write_to(&theirs, SLICE("a")));
	assert_false(write_to(&theirs, SLICE("b")));
	stream_shutdown(theirs.stream);
	read_both();
	LOOP_TURN_UNTIL(loop, ours.ended);
	assert_true(slice_eq(buf_slice(&ours.data), SLICE("ab")));
	assert_int_equal(theirs.drained, 1);
}

/* ---- ends ---- */

static void each_side_ends_by_itself(void **state)
{
	read_both();
	write_to(&theirs, SLICE("question"));
	stream_shutdown(theirs.stream);
	LOOP_TURN_UNTIL(loop, ours.ended);
	assert_true(slice_eq(buf_slice(&ours.data), SLICE("question")));
	write_to(&ours, much());
	ours.then = shut_down;
	LOOP_TURN_UNTIL(loop, theirs.ended);
	assert_true(slice_eq(buf_slice(&theirs.data), much()));
	assert_int_equal(ours.failed + theirs.failed, 0);
}

static void an_orderly_close_says_so(void **state)
{
	read_both();
	write_to(&theirs, SLICE("x"));
	check_data(&ours, SLICE("x"));
	stream_close(&ours.stream);
	LOOP_TURN_UNTIL(loop, theirs.ended || theirs.failed);
	assert_int_equal(theirs.ended, 1);
	assert_int_equal(theirs.failed, 0);
}

static void a_stream_may_close_with_parked_bytes(void **state)
{
	read_both();
	write_to(&theirs, SLICE("x"));
	check_data(&ours, SLICE("x"));
	stream_read_stop(theirs.stream);
	assert_false(write_to(&ours, much()));
	stream_close(&ours.stream);
	ours.then = stop;
	settle();
}

static void close_it(struct stream_log *log)
{
	stream_close(&log->stream);
}

static void a_stream_may_close_inside_any_event(void **state)
{
	read_both();
	ours.then = close_it;
	write_to(&theirs, slice_first(much(), 100000));
	LOOP_TURN_UNTIL(loop, !ours.stream);
	assert_int_equal(ours.data_count, 1);
	settle();
	assert_int_equal(ours.data_count + ours.ended + ours.failed, 1);
}

int main(void)
{
#define TLS_TEST(test, how) cmocka_unit_test_setup_teardown(test, how, tear_down)
	const struct CMUnitTest tests[] = {
		TLS_TEST(data_passes_both_ways, set_up),
		TLS_TEST(other_streams_have_no_tls, set_up),
		TLS_TEST(much_passes_through_small_sockets, set_up_small),
		TLS_TEST(small_steps_are_a_record_each, set_up),
		TLS_TEST(what_follows_much_is_decrypted_where_the_owner_wants_it, set_up),
		TLS_TEST(a_slow_reader_makes_the_writer_wait, set_up_small),
		TLS_TEST(reading_stops_inside_an_event, set_up),
		TLS_TEST(reading_stops_and_starts_inside_an_event, set_up),
		TLS_TEST(what_is_left_is_read_before_the_end, set_up),
		TLS_TEST(readiness_is_told_once_and_without_reading, set_up),
		TLS_TEST(a_stream_may_close_when_it_is_ready, set_up),
		TLS_TEST(what_is_written_early_goes_out_in_order, set_up),
		TLS_TEST(each_side_ends_by_itself, set_up),
		TLS_TEST(an_orderly_close_says_so, set_up),
		TLS_TEST(a_stream_may_close_with_parked_bytes, set_up_small),
		TLS_TEST(a_stream_may_close_inside_any_event, set_up),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, tls_context_open, tls_context_close);
}
