/* How much a read of a TCP stream brings, and where it goes. */
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
#include "support/stream_log.h"
#include "support/tcp_pair.h"

#define MUCH (1u << 20)

static struct loop *loop;
static struct stream_log notes; /* of the stream under test */
static int peer;
static size_t after_much; /* the largest read that came behind one of STREAM_READ_MUCH */

static int set_up(void **state)
{
	struct stream *stream;
	int fds[2];

	tcp_pair_open(fds);
	loop = loop_new();
	peer = fds[1];
	after_much = 0;
	assert_int_equal(stream_tcp_adopt(loop, fds[0], &stream), 0);
	stream_log_init(&notes, stream);
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&notes);
	loop_free(&loop);
	close(peer);
	return 0;
}

/* Bytes whose order can be told. */
static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static void stop_reading(struct stream_log *log)
{
	stream_read_stop(log->stream);
}

/* Everything is sent, and read one event at a time; returns the largest. */
static size_t largest_read(void)
{
	struct slice rest = much();
	size_t largest = 0, last = 0;

	notes.then = stop_reading;
	while (buf_len(&notes.data) < MUCH) {
		size_t before = buf_len(&notes.data), now;
		ssize_t n;

		while ((n = send(peer, rest.ptr, rest.len, MSG_NOSIGNAL)) > 0)
			rest = slice_from(rest, (size_t)n);
		stream_read_start(notes.stream);
		loop_turn(loop);
		now = buf_len(&notes.data) - before;
		largest = now > largest ? now : largest;
		if (last >= STREAM_READ_MUCH && now > after_much)
			after_much = now;
		last = now ? now : last;
	}
	assert_true(slice_eq(buf_slice(&notes.data), much()));
	return largest;
}

static void an_event_brings_no_more_than_one_read(void **state)
{
	assert_in_range(largest_read(), 1, STREAM_READ_SMALL);
}

static void reads_may_be_large_where_that_is_wanted(void **state)
{
	stream_set_bulk(notes.stream, true);
	assert_in_range(largest_read(), STREAM_READ_SMALL + 1, STREAM_READ_BULK);
}

static void reads_may_be_small_where_that_is_wanted(void **state)
{
	stream_set_step(notes.stream, 5000);
	assert_in_range(largest_read(), 1, 5000);
}

/* Also where they go elsewhere. */
static void no_read_is_larger_than_a_step(void **state)
{
	static char place[20000];

	notes.place = slice_of(place, sizeof(place));
	stream_set_step(notes.stream, 17000);
	assert_in_range(largest_read(), 1, 17000);
}

static void reads_are_as_usual_behind_small_ones(void **state)
{
	stream_set_step(notes.stream, 5000);
	stream_set_bulk(notes.stream, false);
	assert_in_range(largest_read(), 5001, STREAM_READ_SMALL);
}

static void reads_that_follow_much_go_where_the_owner_wants_them(void **state)
{
	static char place[20000];

	notes.place = slice_of(place, sizeof(place));
	largest_read();
	assert_in_range(notes.placed, MUCH / sizeof(place) / 4, notes.asked);
	assert_in_range(notes.placed, notes.data_count / 3, notes.data_count);
}

static void little_is_read_while_the_owner_has_no_room(void **state)
{
	stream_set_bulk(notes.stream, true);
	notes.place = slice_of("", 0);
	largest_read();
	assert_in_range(after_much, 1, STREAM_READ_PARKED);
	assert_int_equal(notes.placed, 0);
}

static void reads_that_follow_little_go_anywhere(void **state)
{
	stream_read_start(notes.stream);
	for (unsigned i = 1; i < 5; i++) {
		tcp_pair_send(peer, SLICE("little"));
		LOOP_TURN_UNTIL(loop, notes.data_count == i);
	}
	assert_int_equal(notes.asked, 0);
}

/* All is sent as fast as the kernel takes it, and read; returns the most that one turn brought. */
static size_t most_of_a_turn(void)
{
	struct slice rest = much();
	size_t most = 0;

	stream_read_start(notes.stream);
	while (buf_len(&notes.data) < MUCH) {
		size_t before = buf_len(&notes.data), now;
		uint32_t turn = loop_turn_number(loop);
		ssize_t n;

		while ((n = send(peer, rest.ptr, rest.len, MSG_NOSIGNAL)) > 0)
			rest = slice_from(rest, (size_t)n);
		loop_turn(loop); /* which may take two */
		now = (buf_len(&notes.data) - before) / (loop_turn_number(loop) - turn);
		most = now > most ? now : most;
	}
	assert_true(slice_eq(buf_slice(&notes.data), much()));
	return most;
}

/* Others on the loop wait meanwhile. */
static void a_turn_brings_no_more_than_the_share_of_one(void **state)
{
	assert_in_range(most_of_a_turn(), 1, STREAM_READ_SMALL);
}

static void a_turn_brings_more_where_reads_are_large(void **state)
{
	stream_set_bulk(notes.stream, true);
	assert_in_range(most_of_a_turn(), STREAM_READ_SMALL + 1, STREAM_READ_BULK);
}

int main(void)
{
#define STREAM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		STREAM_TEST(an_event_brings_no_more_than_one_read),
		STREAM_TEST(a_turn_brings_no_more_than_the_share_of_one),
		STREAM_TEST(a_turn_brings_more_where_reads_are_large),
		STREAM_TEST(reads_may_be_large_where_that_is_wanted),
		STREAM_TEST(reads_may_be_small_where_that_is_wanted),
		STREAM_TEST(no_read_is_larger_than_a_step),
		STREAM_TEST(reads_are_as_usual_behind_small_ones),
		STREAM_TEST(reads_that_follow_much_go_where_the_owner_wants_them),
		STREAM_TEST(little_is_read_while_the_owner_has_no_room),
		STREAM_TEST(reads_that_follow_little_go_anywhere),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
