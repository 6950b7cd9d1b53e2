/* Two streams joined: bytes, backpressure, half-closes and failures of either side. */
#include "io/pump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "io/stream_tcp.h"
#include "support/loop_turn.h"
#include "support/tcp_pair.h"

#define MUCH (1u << 21)
#define OPEN_ENOUGH (1u << 18) /* more than all buffers between the peers hold */

static struct loop *loop;
static struct pump *pump;
static struct stream *streams[2];
static int peers[2]; /* who talk through the pump */
static struct buf received[2];
static unsigned moved, done;
static enum pump_end last_end;

static void on_moved(void *ctx)
{
	moved++;
}

static void on_done(void *ctx, enum pump_end end)
{
	done++;
	last_end = end;
	pump_free(&pump);
}

static const struct pump_events events = {.moved = on_moved, .done = on_done};

static int set_up(void **state)
{
	loop = loop_new();
	moved = done = 0;
	for (int i = 0; i < 2; i++) {
		int fds[2];

		tcp_pair_open_small(fds);
		assert_int_equal(stream_tcp_adopt(loop, fds[0], &streams[i]), 0);
		peers[i] = fds[1];
		received[i] = (struct buf) {0};
	}
	pump = pump_new(&streams[PUMP_A], &streams[PUMP_B], &events, NULL);
	assert_null(streams[PUMP_A]);
	assert_null(streams[PUMP_B]);
	return 0;
}

static int tear_down(void **state)
{
	pump_free(&pump);
	loop_free(&loop);
	for (int i = 0; i < 2; i++) {
		if (peers[i] >= 0)
			close(peers[i]);
		buf_release(&received[i]);
	}
	return 0;
}

static void settle(void)
{
	for (int i = 0; i < 5; i++)
		loop_turn(loop);
}

static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static enum tcp_pair_end receive(enum pump_side side)
{
	return tcp_pair_receive(peers[side], &received[side]);
}

/* Until that peer has read the end, or a reset. */
static enum tcp_pair_end receive_end(enum pump_side side)
{
	enum tcp_pair_end end;

	while ((end = receive(side)) == TCP_PAIR_OPEN)
		loop_turn(loop);
	return end;
}

static void expect(enum pump_side side, struct slice data)
{
	while (buf_len(&received[side]) < data.len) {
		assert_int_equal(receive(side), TCP_PAIR_OPEN);
		loop_turn(loop);
	}
	assert_true(slice_eq(buf_slice(&received[side]), data));
}

/* As much as the socket takes now comes off the front. */
static void send_some(enum pump_side side, struct slice *rest)
{
	ssize_t n = rest->len ? send(peers[side], rest->ptr, rest->len, MSG_NOSIGNAL) : 0;

	*rest = slice_from(*rest, n > 0 ? (size_t)n : 0);
}

/* Sends until nothing more goes in anywhere, because the other peer does not read. */
static void stuff(enum pump_side side, struct slice *rest)
{
	for (size_t before = 0; before != rest->len;) {
		before = rest->len;
		for (int i = 0; i < 10; i++) {
			send_some(side, rest);
			settle();
		}
	}
}

static void check_done(enum pump_end end)
{
	LOOP_TURN_UNTIL(loop, done);
	settle();
	assert_int_equal(done, 1);
	assert_int_equal(last_end, end);
}

/* ---- bytes ---- */

static void nothing_moves_before_the_start(void **state)
{
	tcp_pair_send(peers[PUMP_A], SLICE("a"));
	settle();
	receive(PUMP_B);
	assert_int_equal(buf_len(&received[PUMP_B]), 0);
	assert_int_equal(moved, 0);
	pump_start(pump);
	expect(PUMP_B, SLICE("a"));
	assert_int_equal(moved, 1);
}

static void bytes_go_both_ways_and_are_counted_by_their_source(void **state)
{
	pump_start(pump);
	tcp_pair_send(peers[PUMP_A], SLICE("hello"));
	tcp_pair_send(peers[PUMP_B], SLICE("hi"));
	expect(PUMP_B, SLICE("hello"));
	expect(PUMP_A, SLICE("hi"));
	assert_int_equal(pump_bytes(pump, PUMP_A), 5);
	assert_int_equal(pump_bytes(pump, PUMP_B), 2);
	assert_int_equal(done, 0);
}

static void what_was_read_before_goes_first(void **state)
{
	tcp_pair_send(peers[PUMP_A], SLICE(" and on"));
	tcp_pair_send(peers[PUMP_B], SLICE(" too"));
	pump_feed(pump, PUMP_A, SLICE("before"));
	pump_feed(pump, PUMP_B, SLICE("me"));
	pump_feed(pump, PUMP_B, SLICE(""));
	pump_start(pump);
	expect(PUMP_B, SLICE("before and on"));
	expect(PUMP_A, SLICE("me too"));
	assert_int_equal(pump_bytes(pump, PUMP_A), 13);
	assert_int_equal(pump_bytes(pump, PUMP_B), 6);
}

static void more_than_fits_may_be_fed(void **state)
{
	pump_feed(pump, PUMP_A, much());
	pump_start(pump);
	tcp_pair_send(peers[PUMP_B], SLICE("x"));
	expect(PUMP_A, SLICE("x"));
	expect(PUMP_B, much());
	tcp_pair_send(peers[PUMP_A], SLICE("y"));
	while (buf_len(&received[PUMP_B]) < MUCH + 1) {
		receive(PUMP_B);
		loop_turn(loop);
	}
}

static void a_side_that_does_not_read_stops_the_other(void **state)
{
	struct slice rest = much();

	pump_start(pump);
	stuff(PUMP_A, &rest);
	assert_true(MUCH - rest.len < OPEN_ENOUGH);
	assert_true(pump_bytes(pump, PUMP_A) < OPEN_ENOUGH);
	/* The other direction is not held up. */
	tcp_pair_send(peers[PUMP_B], SLICE("meanwhile"));
	expect(PUMP_A, SLICE("meanwhile"));
	while (buf_len(&received[PUMP_B]) < MUCH) {
		send_some(PUMP_A, &rest);
		loop_turn(loop);
		assert_int_equal(receive(PUMP_B), TCP_PAIR_OPEN);
	}
	assert_true(slice_eq(buf_slice(&received[PUMP_B]), much()));
	assert_int_equal(pump_bytes(pump, PUMP_A), MUCH);
}

static void both_sides_may_be_slow_at_once(void **state)
{
	struct slice rest[2] = {much(), much()};

	pump_start(pump);
	stuff(PUMP_A, &rest[PUMP_A]);
	stuff(PUMP_B, &rest[PUMP_B]);
	while (buf_len(&received[PUMP_A]) < MUCH || buf_len(&received[PUMP_B]) < MUCH) {
		for (int i = 0; i < 2; i++) {
			send_some(i ? PUMP_B : PUMP_A, &rest[i]);
			assert_int_equal(receive(i ? PUMP_B : PUMP_A), TCP_PAIR_OPEN);
		}
		loop_turn(loop);
	}
	assert_true(slice_eq(buf_slice(&received[PUMP_A]), much()));
	assert_true(slice_eq(buf_slice(&received[PUMP_B]), much()));
}

/* ---- ends in order ---- */

static void check_half_closes(enum pump_side first)
{
	enum pump_side second = first == PUMP_A ? PUMP_B : PUMP_A;

	pump_start(pump);
	tcp_pair_send(peers[first], SLICE("question"));
	shutdown(peers[first], SHUT_WR);
	assert_int_equal(receive_end(second), TCP_PAIR_ENDED);
	assert_true(slice_eq(buf_slice(&received[second]), SLICE("question")));
	assert_int_equal(done, 0);
	tcp_pair_send(peers[second], SLICE("answer"));
	expect(first, SLICE("answer"));
	assert_int_equal(done, 0);
	shutdown(peers[second], SHUT_WR);
	assert_int_equal(receive_end(first), TCP_PAIR_ENDED);
	check_done(PUMP_END_BOTH);
}

static void a_may_end_first(void **state)
{
	check_half_closes(PUMP_A);
}

static void b_may_end_first(void **state)
{
	check_half_closes(PUMP_B);
}

static void the_end_waits_until_a_slow_side_has_everything(void **state)
{
	struct slice rest = much();

	pump_start(pump);
	stuff(PUMP_A, &rest);
	shutdown(peers[PUMP_A], SHUT_WR);
	shutdown(peers[PUMP_B], SHUT_WR);
	settle();
	assert_int_equal(done, 0);
	assert_int_equal(receive_end(PUMP_B), TCP_PAIR_ENDED);
	assert_true(slice_eq(buf_slice(&received[PUMP_B]), slice_first(much(), MUCH - rest.len)));
	assert_int_equal(receive_end(PUMP_A), TCP_PAIR_ENDED);
	check_done(PUMP_END_BOTH);
}

static void a_side_may_have_ended_before_the_start(void **state)
{
	pump_feed(pump, PUMP_A, SLICE("last words"));
	pump_end_side(pump, PUMP_A);
	pump_start(pump);
	assert_int_equal(receive_end(PUMP_B), TCP_PAIR_ENDED);
	assert_true(slice_eq(buf_slice(&received[PUMP_B]), SLICE("last words")));
	tcp_pair_send(peers[PUMP_B], SLICE("answer"));
	expect(PUMP_A, SLICE("answer"));
	assert_int_equal(done, 0);
	shutdown(peers[PUMP_B], SHUT_WR);
	assert_int_equal(receive_end(PUMP_A), TCP_PAIR_ENDED);
	check_done(PUMP_END_BOTH);
}

static void much_may_be_fed_of_a_side_that_has_ended(void **state)
{
	pump_feed(pump, PUMP_A, much());
	pump_end_side(pump, PUMP_A);
	pump_start(pump);
	shutdown(peers[PUMP_B], SHUT_WR);
	settle();
	assert_int_equal(done, 0);
	assert_int_equal(receive_end(PUMP_B), TCP_PAIR_ENDED);
	assert_true(slice_eq(buf_slice(&received[PUMP_B]), much()));
	check_done(PUMP_END_BOTH);
}

/* ---- failures ---- */

static void fail_peer(enum pump_side side)
{
	tcp_pair_reset(peers[side]);
	peers[side] = -1;
}

static void a_failure_of_a_resets_b(void **state)
{
	pump_start(pump);
	fail_peer(PUMP_A);
	assert_int_equal(receive_end(PUMP_B), TCP_PAIR_RESET);
	check_done(PUMP_END_A);
}

static void a_failure_of_b_resets_a(void **state)
{
	pump_start(pump);
	fail_peer(PUMP_B);
	assert_int_equal(receive_end(PUMP_A), TCP_PAIR_RESET);
	check_done(PUMP_END_B);
}

static void a_failure_of_a_slow_side_is_noticed(void **state)
{
	struct slice rest = much();

	pump_start(pump);
	stuff(PUMP_A, &rest);
	fail_peer(PUMP_B);
	assert_int_equal(receive_end(PUMP_A), TCP_PAIR_RESET);
	check_done(PUMP_END_B);
}

static void a_failure_after_an_end_is_noticed_by_writing(void **state)
{
	pump_start(pump);
	shutdown(peers[PUMP_A], SHUT_WR);
	assert_int_equal(receive_end(PUMP_B), TCP_PAIR_ENDED);
	fail_peer(PUMP_A);
	while (!done) {
		(void)send(peers[PUMP_B], "x", 1, MSG_NOSIGNAL);
		loop_turn(loop);
	}
	check_done(PUMP_END_A);
}

static void a_pump_that_is_freed_resets_both_and_says_nothing(void **state)
{
	pump_start(pump);
	pump_free(&pump);
	assert_null(pump);
	pump_free(&pump);
	assert_int_equal(receive_end(PUMP_A), TCP_PAIR_RESET);
	assert_int_equal(receive_end(PUMP_B), TCP_PAIR_RESET);
	assert_int_equal(done, 0);
}

static void nothing_moves_while_it_is_paused(void **state)
{
	struct slice rest = SLICE("kept back"), back = SLICE("so is this");

	pump_start(pump);
	pump_pause(pump);
	send_some(PUMP_A, &rest);
	send_some(PUMP_B, &back);
	settle();
	assert_int_equal(moved, 0);
	assert_int_equal(receive(PUMP_B), TCP_PAIR_OPEN);
	assert_int_equal(buf_len(&received[PUMP_B]), 0);
	pump_go_on(pump);
	expect(PUMP_B, SLICE("kept back"));
	expect(PUMP_A, SLICE("so is this"));
}

/* What was full, and has room again, is not read either. */
static void a_drained_side_does_not_end_the_pause(void **state)
{
	struct slice rest = much();

	pump_start(pump);
	for (size_t before = 0; before != rest.len; settle()) {
		before = rest.len;
		send_some(PUMP_A, &rest);
	}
	pump_pause(pump);
	settle();
	while (receive(PUMP_B) == TCP_PAIR_OPEN &&
		buf_len(&received[PUMP_B]) < pump_bytes(pump, PUMP_A))
		loop_turn(loop);
	for (int i = 0; i < 5; i++)
		send_some(PUMP_A, &rest);
	settle();
	assert_int_equal(receive(PUMP_B), TCP_PAIR_OPEN);
	assert_int_equal(buf_len(&received[PUMP_B]), pump_bytes(pump, PUMP_A));
	pump_go_on(pump);
	while (rest.len) {
		send_some(PUMP_A, &rest);
		receive(PUMP_B);
		loop_turn(loop);
	}
	expect(PUMP_B, much());
}

int main(void)
{
#define PUMP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		PUMP_TEST(nothing_moves_while_it_is_paused),
		PUMP_TEST(a_drained_side_does_not_end_the_pause),
		PUMP_TEST(nothing_moves_before_the_start),
		PUMP_TEST(bytes_go_both_ways_and_are_counted_by_their_source),
		PUMP_TEST(what_was_read_before_goes_first),
		PUMP_TEST(more_than_fits_may_be_fed),
		PUMP_TEST(a_side_that_does_not_read_stops_the_other),
		PUMP_TEST(both_sides_may_be_slow_at_once),
		PUMP_TEST(a_may_end_first),
		PUMP_TEST(b_may_end_first),
		PUMP_TEST(the_end_waits_until_a_slow_side_has_everything),
		PUMP_TEST(a_side_may_have_ended_before_the_start),
		PUMP_TEST(much_may_be_fed_of_a_side_that_has_ended),
		PUMP_TEST(a_failure_of_a_resets_b),
		PUMP_TEST(a_failure_of_b_resets_a),
		PUMP_TEST(a_failure_of_a_slow_side_is_noticed),
		PUMP_TEST(a_failure_after_an_end_is_noticed_by_writing),
		PUMP_TEST(a_pump_that_is_freed_resets_both_and_says_nothing),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
