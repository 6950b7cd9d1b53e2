/* Moving a TLS connection from loop to loop with all that was received before. */
#include "io/stream_parcel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/err.h"
#include "crypto/tls.h"
#include "io/loop.h"
#include "io/stream_tcp.h"
#include "io/stream_tls.h"
#include "support/loop_turn.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"
#include "support/tls_context.h"

#define MUCH (1u << 20)

static struct loop *loop, *other;
static struct stream_log ours, moved, theirs;
static struct stream_parcel parcel;
static bool is_ready;
static struct buf all; /* what both streams of the server have read */

static struct stream *over(int fd, struct tls *tls)
{
	struct stream *lower;

	assert_int_equal(stream_tcp_adopt(loop, fd, &lower), 0);
	return stream_tls_new(loop, &lower, &tls);
}

static int set_up(void **state)
{
	int fds[2];

	tcp_pair_open(fds);
	loop = loop_new();
	other = loop_new();
	moved = (struct stream_log) {0};
	stream_log_init(&ours, over(fds[0], tls_accept(tls_context_server)));
	stream_log_init(&theirs, over(fds[1], tls_connect(tls_context_client, "a.test", NULL)));
	stream_read_start(theirs.stream);
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&ours);
	stream_log_deinit(&moved);
	stream_log_deinit(&theirs);
	buf_release(&all);
	loop_free(&loop);
	loop_free(&other);
	return 0;
}

static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static bool write_to(struct stream_log *log, struct slice part)
{
	return stream_write(log->stream, &part, 1);
}

static void detach(struct stream_log *log)
{
	assert_int_equal(stream_detach(&log->stream, &parcel), 0);
	assert_null(log->stream);
	assert_non_null(parcel.tls);
}

static void adopt(void)
{
	struct stream *stream;

	assert_int_equal(stream_parcel_adopt(&parcel, other, &stream), 0);
	assert_null(parcel.tls);
	stream_log_init(&moved, stream);
	stream_read_start(stream);
	assert_int_equal(moved.data_count, 0);
}

static void nothing_is_lost_when_it_moves_inside_an_event(void **state)
{
	ours.then = detach;
	stream_read_start(ours.stream);
	write_to(&theirs, much());
	LOOP_TURN_UNTIL(loop, !ours.stream);
	assert_int_equal(ours.data_count, 1);
	adopt();
	while (buf_len(&ours.data) + buf_len(&moved.data) < MUCH) {
		loop_turn(loop);
		loop_turn(other);
	}
	buf_append_slice(&all, buf_slice(&ours.data));
	buf_append_slice(&all, buf_slice(&moved.data));
	assert_true(slice_eq(buf_slice(&all), much()));
	assert_true(write_to(&moved, SLICE("answer")));
	LOOP_TURN_UNTIL(loop, theirs.data_count);
	assert_true(slice_eq(buf_slice(&theirs.data), SLICE("answer")));
}

static void on_ready(void *ctx, int err)
{
	assert_int_equal(err, 0);
	is_ready = true;
	if (ctx)
		detach(ctx);
}

static void what_is_parked_moves_along(void **state)
{
	write_to(&theirs, slice_first(much(), 30000));
	stream_shutdown(theirs.stream);
	is_ready = false;
	stream_tls_on_ready(ours.stream, on_ready, NULL);
	LOOP_TURN_UNTIL(loop, is_ready);
	detach(&ours);
	assert_true(buf_len(&parcel.ciphertext) > 30000);
	adopt();
	LOOP_TURN_UNTIL(other, moved.ended);
	assert_true(slice_eq(buf_slice(&moved.data), slice_first(much(), 30000)));
}

static void what_stands_behind_the_handshake_moves_along(void **state)
{
	write_to(&theirs, slice_first(much(), 30000));
	stream_tls_on_ready(ours.stream, on_ready, &ours);
	LOOP_TURN_UNTIL(loop, !ours.stream);
	assert_true(buf_len(&parcel.ciphertext) > 30000);
	adopt();
	LOOP_TURN_UNTIL(other, buf_len(&moved.data) == 30000);
	assert_true(slice_eq(buf_slice(&moved.data), slice_first(much(), 30000)));
}

static void a_full_stream_moves_when_it_has_drained(void **state)
{
	stream_read_start(ours.stream);
	assert_int_equal(stream_detach(&ours.stream, &parcel), ERR_BUSY);
	LOOP_TURN_UNTIL(loop, ours.drained == 1);
	stream_read_stop(theirs.stream);
	while (write_to(&ours, much()))
		continue;
	assert_int_equal(stream_detach(&ours.stream, &parcel), ERR_BUSY);
	stream_read_start(theirs.stream);
	LOOP_TURN_UNTIL(loop, ours.drained == 2);
	detach(&ours);
	stream_parcel_deinit(&parcel);
	assert_int_equal(parcel.fd, -1);
	LOOP_TURN_UNTIL(loop, theirs.failed || theirs.ended);
	assert_int_equal(theirs.err, ERR_ENDED);
}

/* ---- another thread ---- */

static struct loop_task arrival;

static void echo(struct stream_log *log)
{
	struct slice part = buf_slice(&log->data);

	if (log->ended) {
		stream_close(&log->stream);
		loop_stop(other);
	} else {
		stream_write(log->stream, &part, 1);
		buf_clear(&log->data);
	}
}

static void on_arrival(struct loop_task *task)
{
	struct stream *stream;

	CHECK(stream_parcel_adopt(&parcel, other, &stream) == 0);
	stream_log_init(&moved, stream);
	moved.then = echo;
	stream_read_start(stream);
}

static void *run(void *ctx)
{
	loop_run(ctx);
	return NULL;
}

static void send_away(struct stream_log *log)
{
	detach(log);
	loop_post(other, &arrival);
}

static void it_goes_on_in_another_thread(void **state)
{
	pthread_t thread;
	size_t first;

	loop_task_init(&arrival, on_arrival);
	assert_int_equal(pthread_create(&thread, NULL, run, other), 0);
	ours.then = send_away;
	stream_read_start(ours.stream);
	write_to(&theirs, much());
	LOOP_TURN_UNTIL(loop, !ours.stream);
	first = buf_len(&ours.data);
	LOOP_TURN_UNTIL(loop, buf_len(&theirs.data) == MUCH - first);
	assert_true(slice_eq(buf_slice(&theirs.data), slice_from(much(), first)));
	stream_shutdown(theirs.stream);
	LOOP_TURN_UNTIL(loop, theirs.ended);
	pthread_join(thread, NULL);
}

int main(void)
{
#define PARCEL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		PARCEL_TEST(nothing_is_lost_when_it_moves_inside_an_event),
		PARCEL_TEST(what_is_parked_moves_along),
		PARCEL_TEST(what_stands_behind_the_handshake_moves_along),
		PARCEL_TEST(a_full_stream_moves_when_it_has_drained),
		PARCEL_TEST(it_goes_on_in_another_thread),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, tls_context_open, tls_context_close);
}
