/* A TCP stream while it lives: reading, writing, both half-closes, what is parked. */
#include "io/stream_tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "io/loop.h"
#include "support/loop_turn.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"

#define MUCH (1u << 20)

struct fixture {
	struct loop *loop;
	struct stream_log log; /* of the stream under test */
	struct buf sent; /* everything that was written to it */
	struct buf received; /* what the peer has read */
	int peer;
};

static struct fixture fixture;

static void start(int fds[2])
{
	struct stream *stream;

	fixture = (struct fixture) {.loop = loop_new(), .peer = fds[1]};
	assert_int_equal(stream_tcp_adopt(fixture.loop, fds[0], &stream), 0);
	stream_log_init(&fixture.log, stream);
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
	stream_log_deinit(&fixture.log);
	loop_free(&fixture.loop);
	buf_release(&fixture.sent);
	buf_release(&fixture.received);
	close(fixture.peer);
	return 0;
}

/* Some turns in which nothing is expected to happen. */
static void settle(void)
{
	for (int i = 0; i < 5; i++)
		loop_turn(fixture.loop);
}

static bool write_one(struct slice part)
{
	buf_append_slice(&fixture.sent, part);
	return stream_write(fixture.log.stream, &part, 1);
}

/* Bytes whose order can be told. */
static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static enum tcp_pair_end receive(void)
{
	return tcp_pair_receive(fixture.peer, &fixture.received);
}

static void receive_all(void)
{
	while (buf_len(&fixture.received) < buf_len(&fixture.sent)) {
		loop_turn(fixture.loop);
		assert_int_equal(receive(), TCP_PAIR_OPEN);
	}
	assert_true(slice_eq(buf_slice(&fixture.received), buf_slice(&fixture.sent)));
}

static void check_data(struct slice expected)
{
	assert_true(slice_eq(buf_slice(&fixture.log.data), expected));
}

/* ---- reading ---- */

static void nothing_is_read_before_reading_starts(void **state)
{
	struct stream_log *log = &fixture.log;

	tcp_pair_send(fixture.peer, SLICE("abc"));
	settle();
	assert_int_equal(log->data_count, 0);
	stream_read_start(log->stream);
	assert_int_equal(log->data_count, 0);
	LOOP_TURN_UNTIL(fixture.loop, log->data_count);
	check_data(SLICE("abc"));
}

static void stop_reading(struct stream_log *log)
{
	stream_read_stop(log->stream);
}

static void reading_stops_inside_an_event_and_starts_again(void **state)
{
	struct stream_log *log = &fixture.log;

	log->then = stop_reading;
	stream_read_start(log->stream);
	stream_read_start(log->stream);
	tcp_pair_send(fixture.peer, SLICE("a"));
	LOOP_TURN_UNTIL(fixture.loop, log->data_count == 1);
	tcp_pair_send(fixture.peer, SLICE("b"));
	settle();
	assert_int_equal(log->data_count, 1);
	stream_read_start(log->stream);
	LOOP_TURN_UNTIL(fixture.loop, log->data_count == 2);
	check_data(SLICE("ab"));
}

static void the_other_side_may_end_and_still_be_written_to(void **state)
{
	struct stream_log *log = &fixture.log;

	stream_read_start(log->stream);
	tcp_pair_send(fixture.peer, SLICE("last"));
	shutdown(fixture.peer, SHUT_WR);
	LOOP_TURN_UNTIL(fixture.loop, log->ended);
	check_data(SLICE("last"));
	assert_true(write_one(SLICE("answer")));
	receive_all();
	settle();
	assert_int_equal(log->ended, 1);
	assert_int_equal(log->failed, 0);
}

static void a_half_closed_stream_still_reads(void **state)
{
	struct stream_log *log = &fixture.log;

	stream_read_start(log->stream);
	assert_true(write_one(SLICE("last")));
	stream_shutdown(log->stream);
	stream_shutdown(log->stream);
	LOOP_TURN_UNTIL(fixture.loop, receive() == TCP_PAIR_ENDED);
	assert_true(slice_eq(buf_slice(&fixture.received), SLICE("last")));
	tcp_pair_send(fixture.peer, SLICE("answer"));
	LOOP_TURN_UNTIL(fixture.loop, log->data_count);
	check_data(SLICE("answer"));
	shutdown(fixture.peer, SHUT_WR);
	LOOP_TURN_UNTIL(fixture.loop, log->ended);
	assert_int_equal(log->failed, 0);
}

/* ---- writing ---- */

static void writes_that_fit_go_out_inside_the_call(void **state)
{
	struct slice parts[STREAM_PARTS_MAX];

	for (size_t i = 0; i < STREAM_PARTS_MAX; i++) {
		parts[i] = slice_of("0123456789abcdefghijklmnopqrstuv", i % 7);
		buf_append_slice(&fixture.sent, parts[i]);
	}
	assert_true(stream_write(fixture.log.stream, parts, STREAM_PARTS_MAX));
	assert_true(write_one(SLICE("")));
	receive();
	assert_true(slice_eq(buf_slice(&fixture.received), buf_slice(&fixture.sent)));
	settle();
	assert_int_equal(fixture.log.drained, 0);
}

static void what_does_not_fit_is_parked_and_drains_once_in_order(void **state)
{
	struct stream_log *log = &fixture.log;

	assert_false(write_one(much()));
	for (int i = 0; i < 10; i++) {
		assert_false(write_one(slice_first(much(), 1000u * i)));
		settle();
	}
	assert_int_equal(log->drained, 0);
	assert_false(stream_tcp_is_delivered(log->stream));
	receive_all();
	LOOP_TURN_UNTIL(fixture.loop, log->drained);
	settle();
	assert_int_equal(log->drained, 1);
	assert_int_equal(log->failed, 0);
	assert_true(write_one(SLICE("and on")));
	receive_all();
}

/* The socket takes some of the first parts, and stops inside one of them. */
static void parts_are_cut_anywhere_without_losing_a_byte(void **state)
{
	struct slice parts[STREAM_PARTS_MAX];

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < STREAM_PARTS_MAX; i++) {
			parts[i] = slice_first(slice_from(much(), 997 * i), 701 * (i % 5) + round);
			buf_append_slice(&fixture.sent, parts[i]);
		}
		(void)stream_write(fixture.log.stream, parts, STREAM_PARTS_MAX);
		if (round % 3 == 0)
			receive_all();
	}
	receive_all();
	settle();
	assert_int_equal(fixture.log.failed, 0);
}

static void write_much_again(struct stream_log *log)
{
	if (log->drained < 3)
		assert_false(write_one(much()));
}

static void a_drained_stream_may_be_filled_again_at_once(void **state)
{
	struct stream_log *log = &fixture.log;

	log->then = write_much_again;
	assert_false(write_one(much()));
	receive_all();
	while (log->drained < 3)
		receive_all();
	receive_all();
	settle();
	assert_int_equal(log->drained, 3);
}

static void a_half_close_waits_for_what_is_parked(void **state)
{
	enum tcp_pair_end end;

	assert_false(write_one(much()));
	stream_shutdown(fixture.log.stream);
	while ((end = receive()) == TCP_PAIR_OPEN)
		loop_turn(fixture.loop);
	assert_int_equal(end, TCP_PAIR_ENDED);
	assert_true(slice_eq(buf_slice(&fixture.received), much()));
	LOOP_TURN_UNTIL(fixture.loop, fixture.log.drained);
}

static void delivered_means_that_the_other_kernel_has_it(void **state)
{
	struct stream_log *log = &fixture.log;

	assert_true(stream_tcp_is_delivered(log->stream));
	assert_true(write_one(SLICE("a")));
	/* Nobody has read it yet. */
	LOOP_TURN_UNTIL(fixture.loop, stream_tcp_is_delivered(log->stream));
	assert_false(write_one(much()));
	settle();
	assert_false(stream_tcp_is_delivered(log->stream));
	receive_all();
	LOOP_TURN_UNTIL(fixture.loop, log->drained);
	LOOP_TURN_UNTIL(fixture.loop, stream_tcp_is_delivered(log->stream));
}

static void an_acknowledgement_is_heard_for_a_while(void **state)
{
	struct stream_log *log = &fixture.log;

	assert_true(write_one(SLICE("a")));
	LOOP_TURN_UNTIL(fixture.loop, stream_tcp_is_heard(log->stream, 3600000000));
	assert_false(stream_tcp_is_heard(log->stream, 0));
	LOOP_TURN_UNTIL(fixture.loop, !stream_tcp_is_heard(log->stream, 1000));
}

static void a_stream_has_room_until_bytes_are_parked(void **state)
{
	struct stream_log *log = &fixture.log;
	size_t room = stream_room(log->stream);

	assert_true(room > 0);
	/* It never promises too much. */
	assert_true(write_one(slice_first(much(), room)));
	assert_false(write_one(much()));
	assert_int_equal(stream_room(log->stream), 0);
	receive_all();
	LOOP_TURN_UNTIL(fixture.loop, log->drained);
	assert_true(stream_room(log->stream) > 0);
}

static void a_stream_is_quiet_until_something_comes(void **state)
{
	struct stream_log *log = &fixture.log;

	assert_true(stream_tcp_is_quiet(log->stream));
	tcp_pair_send(fixture.peer, SLICE("a"));
	assert_false(stream_tcp_is_quiet(log->stream));
	stream_read_start(log->stream);
	LOOP_TURN_UNTIL(fixture.loop, log->data_count);
	assert_true(stream_tcp_is_quiet(log->stream));
	shutdown(fixture.peer, SHUT_WR);
	assert_false(stream_tcp_is_quiet(log->stream));
}

static int option(int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(
		getsockopt(stream_tcp_fd(fixture.log.stream), level, name, &value, &len), 0);
	return value;
}

static void sockets_get_their_options(void **state)
{
	assert_int_equal(option(IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(SOL_SOCKET, SO_KEEPALIVE), 0);
	stream_tcp_set_keepalive(fixture.log.stream, 30, 45000);
	assert_int_equal(option(SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 45000);
}

static void a_link_gives_up_and_holds_little_back(void **state)
{
	stream_tcp_tune_link(fixture.log.stream, 30000);
	assert_int_equal(option(SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
	assert_int_equal(option(IPPROTO_TCP, TCP_NOTSENT_LOWAT), STREAM_TCP_LINK_UNSENT);
}

int main(void)
{
#define STREAM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define SMALL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_small, tear_down)
	const struct CMUnitTest tests[] = {
		STREAM_TEST(nothing_is_read_before_reading_starts),
		STREAM_TEST(reading_stops_inside_an_event_and_starts_again),
		STREAM_TEST(the_other_side_may_end_and_still_be_written_to),
		STREAM_TEST(a_half_closed_stream_still_reads),
		STREAM_TEST(writes_that_fit_go_out_inside_the_call),
		SMALL_TEST(what_does_not_fit_is_parked_and_drains_once_in_order),
		SMALL_TEST(parts_are_cut_anywhere_without_losing_a_byte),
		SMALL_TEST(a_drained_stream_may_be_filled_again_at_once),
		SMALL_TEST(a_half_close_waits_for_what_is_parked),
		SMALL_TEST(delivered_means_that_the_other_kernel_has_it),
		SMALL_TEST(an_acknowledgement_is_heard_for_a_while),
		SMALL_TEST(a_stream_has_room_until_bytes_are_parked),
		STREAM_TEST(a_stream_is_quiet_until_something_comes),
		STREAM_TEST(sockets_get_their_options),
		STREAM_TEST(a_link_gives_up_and_holds_little_back),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
