/* The ends of a TCP stream: failures, close, abort, and the move to another loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "io/loop.h"
#include "io/stream_parcel.h"
#include "io/stream_tcp.h"
#include "support/loop_turn.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"

#define MUCH (1u << 20)

static struct loop *loop;
static struct stream_log notes; /* of the stream under test */
static struct buf received; /* what the peer has read */
static int peer;
static char zeroes[MUCH];

static int set_up(void **state)
{
	struct stream *stream;
	int fds[2];

	tcp_pair_open_small(fds);
	loop = loop_new();
	peer = fds[1];
	received = (struct buf) {0};
	assert_int_equal(stream_tcp_adopt(loop, fds[0], &stream), 0);
	stream_log_init(&notes, stream);
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&notes);
	loop_free(&loop);
	buf_release(&received);
	if (peer >= 0)
		close(peer);
	return 0;
}

static void settle(void)
{
	for (int i = 0; i < 5; i++)
		loop_turn(loop);
}

static bool write_some(size_t len)
{
	struct slice part = slice_of(zeroes, len);

	return stream_write(notes.stream, &part, 1);
}

static void reset_peer(void)
{
	tcp_pair_reset(peer);
	peer = -1;
}

static enum tcp_pair_end end_of_peer(void)
{
	enum tcp_pair_end end;

	while ((end = tcp_pair_receive(peer, &received)) == TCP_PAIR_OPEN)
		loop_turn(loop);
	return end;
}

static void check_failed_once(void)
{
	LOOP_TURN_UNTIL(loop, notes.failed);
	settle();
	assert_int_equal(notes.failed, 1);
	assert_int_equal(notes.err, ERR_RESET);
	assert_int_equal(notes.drained, 0);
	assert_int_equal(notes.ended, 0);
}

/* ---- failures ---- */

static void a_reset_is_reported_to_who_reads(void **state)
{
	stream_read_start(notes.stream);
	reset_peer();
	check_failed_once();
	stream_read_start(notes.stream);
	stream_shutdown(notes.stream);
	assert_false(write_some(1));
	settle();
	assert_int_equal(notes.failed, 1);
}

static void a_failed_write_is_reported_once_and_not_inside_the_call(void **state)
{
	reset_peer();
	assert_false(write_some(1));
	assert_int_equal(notes.failed, 0);
	assert_false(write_some(1));
	assert_int_equal(notes.failed, 0);
	check_failed_once();
	assert_false(write_some(1));
	settle();
	assert_int_equal(notes.failed, 1);
}

static void a_failure_with_parked_bytes_is_reported_once(void **state)
{
	assert_false(write_some(MUCH));
	assert_false(write_some(MUCH));
	settle();
	reset_peer();
	check_failed_once();
	assert_false(write_some(1));
	settle();
	assert_int_equal(notes.failed, 1);
}

static void a_stream_that_is_closed_reports_no_failure(void **state)
{
	reset_peer();
	assert_false(write_some(1));
	stream_close(&notes.stream);
	settle();
	assert_int_equal(notes.failed, 0);
}

static void close_it(struct stream_log *self)
{
	stream_close(&self->stream);
}

static void a_failure_may_be_answered_by_closing(void **state)
{
	notes.then = close_it;
	assert_false(write_some(MUCH));
	stream_read_start(notes.stream);
	settle();
	reset_peer();
	LOOP_TURN_UNTIL(loop, notes.failed);
	settle();
	assert_int_equal(notes.failed, 1);
}

/* ---- close and abort ---- */

static void a_close_is_an_orderly_end(void **state)
{
	assert_true(write_some(3));
	stream_close(&notes.stream);
	assert_null(notes.stream);
	stream_close(&notes.stream);
	assert_int_equal(end_of_peer(), TCP_PAIR_ENDED);
	assert_int_equal(buf_len(&received), 3);
}

static void parked_bytes_are_lost_by_a_close_without_an_event(void **state)
{
	assert_false(write_some(MUCH));
	assert_false(write_some(MUCH));
	stream_close(&notes.stream);
	assert_int_equal(end_of_peer(), TCP_PAIR_ENDED);
	assert_true(buf_len(&received) < 2 * MUCH);
	assert_int_equal(notes.drained + notes.failed + notes.ended, 0);
}

static void no_event_comes_after_a_close_inside_one(void **state)
{
	notes.then = close_it;
	stream_read_start(notes.stream);
	tcp_pair_send(peer, SLICE("a"));
	shutdown(peer, SHUT_WR);
	LOOP_TURN_UNTIL(loop, notes.data_count);
	settle();
	assert_int_equal(notes.data_count, 1);
	assert_int_equal(notes.ended + notes.failed, 0);
}

static void an_abort_is_a_reset(void **state)
{
	assert_true(write_some(3));
	stream_abort(&notes.stream);
	assert_null(notes.stream);
	stream_abort(&notes.stream);
	assert_int_equal(end_of_peer(), TCP_PAIR_RESET);
}

static void an_abort_with_parked_bytes_is_a_reset(void **state)
{
	assert_false(write_some(MUCH));
	settle();
	stream_abort(&notes.stream);
	assert_int_equal(end_of_peer(), TCP_PAIR_RESET);
	assert_int_equal(notes.drained + notes.failed, 0);
}

static void an_abort_after_a_half_close_is_a_reset(void **state)
{
	stream_shutdown(notes.stream);
	stream_abort(&notes.stream);
	assert_int_equal(end_of_peer(), TCP_PAIR_RESET);
}

static void an_abort_with_parked_bytes_after_a_half_close_is_a_reset(void **state)
{
	assert_false(write_some(MUCH));
	stream_shutdown(notes.stream);
	stream_abort(&notes.stream);
	assert_int_equal(end_of_peer(), TCP_PAIR_RESET);
}

/* ---- from loop to loop ---- */

static void a_stream_moves_to_another_loop_with_what_was_not_read(void **state)
{
	struct loop *other = loop_new();
	struct stream_parcel parcel;
	struct stream_log moved;
	struct stream *stream;

	stream_read_start(notes.stream);
	tcp_pair_send(peer, SLICE("a"));
	LOOP_TURN_UNTIL(loop, notes.data_count);
	tcp_pair_send(peer, SLICE("b"));
	assert_int_equal(stream_detach(&notes.stream, &parcel), 0);
	assert_null(notes.stream);
	assert_null(parcel.tls);
	assert_int_not_equal(fcntl(parcel.fd, F_GETFD) & FD_CLOEXEC, 0);
	settle();
	assert_int_equal(stream_parcel_adopt(&parcel, other, &stream), 0);
	stream_log_init(&moved, stream);
	stream_read_start(stream);
	LOOP_TURN_UNTIL(other, moved.data_count);
	tcp_pair_send(peer, SLICE("c"));
	settle();
	LOOP_TURN_UNTIL(other, moved.data_count == 2);
	assert_true(slice_eq(buf_slice(&notes.data), SLICE("a")));
	assert_true(slice_eq(buf_slice(&moved.data), SLICE("bc")));
	stream_log_deinit(&moved);
	loop_free(&other);
	assert_int_equal(end_of_peer(), TCP_PAIR_ENDED);
}

/* Another thread that adopts what it is sent, and sends back what it reads. */
struct echo {
	struct loop_task task;
	struct loop *loop;
	struct stream_log log;
	struct stream_parcel parcel;
};

static void echo_on_event(struct stream_log *self)
{
	struct echo *echo = CONTAINER_OF(self, struct echo, log);
	struct slice part = buf_slice(&self->data);

	if (self->ended) {
		stream_close(&self->stream);
		loop_stop(echo->loop);
		return;
	}
	CHECK(stream_write(self->stream, &part, 1));
	buf_clear(&self->data);
}

static void echo_on_posted(struct loop_task *task)
{
	struct echo *echo = CONTAINER_OF(task, struct echo, task);
	struct stream *stream;

	CHECK(stream_parcel_adopt(&echo->parcel, echo->loop, &stream) == 0);
	stream_log_init(&echo->log, stream);
	echo->log.then = echo_on_event;
	stream_read_start(stream);
}

static void *echo_run(void *ctx)
{
	loop_run(((struct echo *)ctx)->loop);
	return NULL;
}

static void a_stream_moves_to_the_loop_of_another_thread(void **state)
{
	struct echo echo = {.loop = loop_new()};
	pthread_t thread;

	loop_task_init(&echo.task, echo_on_posted);
	assert_int_equal(pthread_create(&thread, NULL, echo_run, &echo), 0);
	tcp_pair_send(peer, SLICE("hello"));
	assert_int_equal(stream_detach(&notes.stream, &echo.parcel), 0);
	loop_post(echo.loop, &echo.task);
	while (buf_len(&received) < 5)
		assert_int_equal(tcp_pair_receive(peer, &received), TCP_PAIR_OPEN);
	shutdown(peer, SHUT_WR);
	assert_int_equal(end_of_peer(), TCP_PAIR_ENDED);
	pthread_join(thread, NULL);
	assert_true(slice_eq(buf_slice(&received), SLICE("hello")));
	stream_log_deinit(&echo.log);
	loop_free(&echo.loop);
}

static void a_stream_stays_when_there_is_no_descriptor(void **state)
{
	struct stream_parcel parcel;
	struct rlimit usual, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = usual;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(stream_detach(&notes.stream, &parcel), ERR_NO_FDS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	stream_read_start(notes.stream);
	tcp_pair_send(peer, SLICE("a"));
	LOOP_TURN_UNTIL(loop, notes.data_count);
}

static void a_stream_with_parked_bytes_moves_when_they_are_gone(void **state)
{
	static char much[4 << 20];
	struct slice part = slice_of(much, sizeof(much));
	struct stream_parcel parcel;

	assert_false(stream_write(notes.stream, &part, 1));
	assert_int_equal(stream_detach(&notes.stream, &parcel), ERR_BUSY);
	while (!notes.drained) {
		loop_turn(loop);
		tcp_pair_receive(peer, &received);
	}
	assert_int_equal(stream_detach(&notes.stream, &parcel), 0);
	stream_parcel_deinit(&parcel);
}

static void what_is_no_descriptor_is_not_adopted(void **state)
{
	struct stream *stream = NULL;

	assert_true(stream_tcp_adopt(loop, -1, &stream) < 0);
	assert_null(stream);
	settle();
}

int main(void)
{
#define END_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		END_TEST(a_reset_is_reported_to_who_reads),
		END_TEST(a_failed_write_is_reported_once_and_not_inside_the_call),
		END_TEST(a_failure_with_parked_bytes_is_reported_once),
		END_TEST(a_stream_that_is_closed_reports_no_failure),
		END_TEST(a_failure_may_be_answered_by_closing),
		END_TEST(a_close_is_an_orderly_end),
		END_TEST(parked_bytes_are_lost_by_a_close_without_an_event),
		END_TEST(no_event_comes_after_a_close_inside_one),
		END_TEST(an_abort_is_a_reset),
		END_TEST(an_abort_with_parked_bytes_is_a_reset),
		END_TEST(an_abort_after_a_half_close_is_a_reset),
		END_TEST(an_abort_with_parked_bytes_after_a_half_close_is_a_reset),
		END_TEST(a_stream_moves_to_another_loop_with_what_was_not_read),
		END_TEST(a_stream_moves_to_the_loop_of_another_thread),
		END_TEST(a_stream_stays_when_there_is_no_descriptor),
		END_TEST(a_stream_with_parked_bytes_moves_when_they_are_gone),
		END_TEST(what_is_no_descriptor_is_not_adopted),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
