/* A WebSocket as a stream, on both sides: frames written by hand from the RFC, and two of ours. */
#include "wire/ws_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "io/loop.h"
#include "io/stream_tcp.h"
#include "support/loop_turn.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"

#define MUCH (1u << 20)
/* The key of the RFC's examples, and zero, which leaves the payload readable. */
#define MASKED(len) (char)(0x80 | (len)), 0, 0, 0, 0

struct fixture {
	struct loop *loop;
	struct stream_log log; /* of the stream under test */
	struct stream_log other; /* a WebSocket on the other side, or nothing */
	struct buf received; /* what the peer has read */
	int peer;
};

static struct fixture fixture;

static struct stream *stream_of(int fd, enum ws_role role)
{
	struct stream *lower = NULL, *s;

	assert_int_equal(stream_tcp_adopt(fixture.loop, fd, &lower), 0);
	s = ws_stream_new(fixture.loop, &lower, role);
	assert_null(lower);
	return s;
}

static void start(enum ws_role role, bool both)
{
	int fds[2];

	fixture = (struct fixture) {.loop = loop_new(), .peer = -1};
	tcp_pair_open_small(fds);
	stream_log_init(&fixture.log, stream_of(fds[0], role));
	if (both)
		stream_log_init(&fixture.other, stream_of(fds[1], !role));
	else
		fixture.peer = fds[1];
}

static int set_up_server(void **state)
{
	start(WS_SERVER, false);
	return 0;
}

static int set_up_client(void **state)
{
	start(WS_CLIENT, false);
	return 0;
}

static int set_up_both(void **state)
{
	start(WS_CLIENT, true);
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&fixture.log);
	stream_log_deinit(&fixture.other);
	loop_free(&fixture.loop);
	buf_release(&fixture.received);
	if (fixture.peer >= 0)
		close(fixture.peer);
	return 0;
}

static void settle(void)
{
	for (int i = 0; i < 5; i++)
		loop_turn(fixture.loop);
}

static void peer_sends(const void *bytes, size_t len)
{
	tcp_pair_send(fixture.peer, slice_of(bytes, len));
}

static void peer_reads(size_t len)
{
	while (buf_len(&fixture.received) < len) {
		loop_turn(fixture.loop);
		assert_int_equal(tcp_pair_receive(fixture.peer, &fixture.received), TCP_PAIR_OPEN);
	}
}

static bool write_one(struct stream *s, struct slice part)
{
	return stream_write(s, &part, 1);
}

static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static void check_data(const struct stream_log *log, struct slice expected)
{
	assert_int_equal(buf_len(&log->data), expected.len);
	assert_true(slice_eq(buf_slice(&log->data), expected));
}

/* ---- reading ---- */

static const char frames_hello[] = {
	/* "Hel" as the beginning of a message, masked as in RFC 6455, 5.7 */
	0x02, (char)0x83, 0x37, (char)0xfa, 0x21, 0x3d, 0x7f, (char)0x9f, 0x4d,
	/* a ping in its middle, nothing, and "lo" as its end */
	(char)0x89, MASKED(2), 'h', 'i', 0x00, MASKED(0), (char)0x80, MASKED(2), 'l', 'o',
	/* another message */
	(char)0x82, MASKED(1), '!', (char)0x82, MASKED(0)};

static void messages_are_one_row_of_bytes(void **state)
{
	struct stream_log *log = &fixture.log;
	static const char pong[] = {(char)0x8a, 2, 'h', 'i'};

	peer_sends(frames_hello, sizeof(frames_hello));
	settle();
	assert_int_equal(log->data_count, 0);
	stream_read_start(log->stream);
	assert_int_equal(log->data_count, 0);
	LOOP_TURN_UNTIL(fixture.loop, log->data_count);
	assert_int_equal(log->data_count, 1);
	check_data(log, SLICE("Hello!"));
	peer_reads(sizeof(pong));
	assert_true(slice_eq(buf_slice(&fixture.received), slice_of(pong, sizeof(pong))));
}

static void it_does_not_matter_where_frames_are_cut(void **state)
{
	struct stream_log *log = &fixture.log;

	stream_read_start(log->stream);
	for (size_t i = 0; i < sizeof(frames_hello); i++) {
		peer_sends(&frames_hello[i], 1);
		settle();
	}
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&log->data) == 6);
	check_data(log, SLICE("Hello!"));
	peer_reads(4);
	assert_int_equal(log->failed, 0);
}

static void bytes_of_the_handshake_go_first_and_from_the_loop(void **state)
{
	struct stream_log *log = &fixture.log;

	ws_stream_feed(log->stream, slice_of(frames_hello, 12));
	peer_sends(frames_hello + 12, sizeof(frames_hello) - 12);
	settle();
	stream_read_start(log->stream);
	stream_read_stop(log->stream);
	settle();
	stream_read_start(log->stream);
	assert_int_equal(log->data_count, 0);
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&log->data) == 6);
	check_data(log, SLICE("Hello!"));
}

/* Whoever gives it a stream may have read that until now. */
static void it_starts_with_reading_stopped(void **state)
{
	struct stream *lower = NULL;
	struct stream_log log;
	int fds[2];

	tcp_pair_open_small(fds);
	assert_int_equal(stream_tcp_adopt(fixture.loop, fds[0], &lower), 0);
	stream_read_start(lower);
	stream_log_init(&log, ws_stream_new(fixture.loop, &lower, WS_SERVER));
	ws_stream_feed(log.stream, slice_of(frames_hello, 12));
	tcp_pair_send(fds[1], slice_of(frames_hello + 12, sizeof(frames_hello) - 12));
	settle();
	assert_int_equal(log.data_count, 0);
	stream_read_start(log.stream);
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&log.data) == 6);
	check_data(&log, SLICE("Hello!"));
	stream_log_deinit(&log);
	close(fds[1]);
}

struct fault_row {
	size_t len;
	char bytes[16];
	uint16_t code;
};

/* What a client sends that a server does not take. */
static const struct fault_row faults[] = {
	{8, {(char)0x81, MASKED(2), 'h', 'i'}, 1003}, /* text */
	{4, {(char)0x82, 2, 'h', 'i'}, 1002}, /* not masked */
	{8, {(char)0xc2, MASKED(2), 'h', 'i'}, 1002}, /* a reserved bit */
	{8, {(char)0x83, MASKED(2), 'h', 'i'}, 1002}, /* codes that are not in use */
	{8, {(char)0x8b, MASKED(2), 'h', 'i'}, 1002},
	{8, {(char)0x80, MASKED(2), 'h', 'i'}, 1002}, /* a continuation of nothing */
	{14, {0x02, MASKED(1), 'h', (char)0x82, MASKED(1), 'i'}, 1002}, /* two messages at once */
	{7, {0x09, MASKED(1), 'h'}, 1002}, /* a ping in pieces */
	{8, {(char)0x89, (char)0xfe, 0, 126, 0, 0, 0, 0}, 1002}, /* and one that is too long */
	{8, {(char)0x82, (char)0xfe, 0, 125, 0, 0, 0, 0},
		1002}, /* a length that could be shorter */
	{14, {(char)0x82, (char)0xff, (char)0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1002},
	{7, {(char)0x88, MASKED(1), 3}, 1002}, /* half a code */
	{8, {(char)0x88, MASKED(2), 0x03, (char)0xed}, 1002}, /* 1005 is never sent */
	{8, {(char)0x88, MASKED(2), 0, 5}, 1002},
};

static void what_breaks_the_protocol_fails_the_stream(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct stream_log *log = &fixture.log;
		char close_frame[] = {
			(char)0x88, 2, (char)(faults[i].code >> 8), (char)faults[i].code};

		start(WS_SERVER, false);
		stream_read_start(log->stream);
		peer_sends(faults[i].bytes, faults[i].len);
		LOOP_TURN_UNTIL(fixture.loop, log->failed);
		assert_int_equal(log->err, ERR_SYNTAX);
		assert_false(write_one(log->stream, SLICE("x")));
		settle();
		assert_int_equal(log->failed + log->ended, 1);
		peer_reads(sizeof(close_frame));
		assert_true(slice_eq(
			buf_slice(&fixture.received), slice_of(close_frame, sizeof(close_frame))));
		tear_down(NULL);
	}
}

static void a_client_takes_no_masked_frame(void **state)
{
	static const char frame[] = {(char)0x82, MASKED(1), 'x'};

	stream_read_start(fixture.log.stream);
	peer_sends(frame, sizeof(frame));
	LOOP_TURN_UNTIL(fixture.loop, fixture.log.failed);
	assert_int_equal(fixture.log.err, ERR_SYNTAX);
}

static void an_end_without_a_close_is_a_failure(void **state)
{
	stream_read_start(fixture.log.stream);
	shutdown(fixture.peer, SHUT_WR);
	LOOP_TURN_UNTIL(fixture.loop, fixture.log.failed);
	assert_int_equal(fixture.log.err, ERR_RESET);
	assert_int_equal(fixture.log.ended, 0);
}

static void close_stream(struct stream_log *log)
{
	stream_close(&log->stream);
}

static void a_stream_may_be_closed_in_any_event(void **state)
{
	static const char frames[] = {(char)0x82, MASKED(1), 'x', (char)0x88, MASKED(0)};

	fixture.log.then = close_stream;
	stream_read_start(fixture.log.stream);
	peer_sends(frames, sizeof(frames));
	LOOP_TURN_UNTIL(fixture.loop, !fixture.log.stream);
	settle();
	assert_int_equal(fixture.log.data_count, 1);
	assert_int_equal(fixture.log.ended + fixture.log.failed, 0);
}

/* A flood of pings from a peer that reads nothing parks no more than one answer. */
static void pings_are_not_hoarded(void **state)
{
	static const char ping[] = {(char)0x89, MASKED(4), 'p', 'i', 'n', 'g'};
	static const char last[] = {(char)0x89, MASKED(4), 'l', 'a', 's', 't'};
	size_t sent = 0;

	stream_read_start(fixture.log.stream);
	assert_false(write_one(fixture.log.stream, much()));
	for (; sent < 500; sent++) {
		while (send(fixture.peer, ping, sizeof(ping), MSG_NOSIGNAL) < 0)
			loop_turn(fixture.loop);
		loop_turn(fixture.loop);
	}
	settle();
	while (send(fixture.peer, last, sizeof(last), MSG_NOSIGNAL) < 0)
		loop_turn(fixture.loop);
	settle();
	while (!slice_ends(buf_slice(&fixture.received), SLICE("last"))) {
		loop_turn(fixture.loop);
		assert_int_equal(tcp_pair_receive(fixture.peer, &fixture.received), TCP_PAIR_OPEN);
	}
	/* Sixteen messages with a header each, and of all the answers a few. */
	assert_in_range(buf_len(&fixture.received), MUCH, MUCH + 1000);
}

/* ---- writing ---- */

static void each_write_is_one_message(void **state)
{
	static const char expected[] = {(char)0x82, 5, 'H', 'e', 'l', 'l', 'o', (char)0x82, 1, '!'};
	struct slice parts[] = {SLICE("H"), SLICE(""), SLICE("ell"), SLICE("o")};

	assert_true(stream_write(fixture.log.stream, parts, ARRAY_LEN(parts)));
	assert_true(write_one(fixture.log.stream, SLICE("")));
	assert_true(write_one(fixture.log.stream, SLICE("!")));
	peer_reads(sizeof(expected));
	settle();
	assert_int_equal(tcp_pair_receive(fixture.peer, &fixture.received), TCP_PAIR_OPEN);
	assert_true(slice_eq(buf_slice(&fixture.received), slice_of(expected, sizeof(expected))));
}

static void a_client_masks_each_message_anew(void **state)
{
	const unsigned char *got;

	for (int i = 0; i < 2; i++)
		assert_true(write_one(fixture.log.stream, SLICE("Hello")));
	peer_reads(22);
	got = (const unsigned char *)buf_slice(&fixture.received).ptr;
	assert_int_equal(buf_len(&fixture.received), 22);
	assert_memory_not_equal(got + 2, got + 13, 4);
	for (size_t i = 0; i < 22; i += 11) {
		assert_int_equal(got[i], 0x82);
		assert_int_equal(got[i + 1], 0x85);
		for (size_t at = 0; at < 5; at++)
			assert_int_equal(got[i + 6 + at] ^ got[i + 2 + at % 4], "Hello"[at]);
	}
}

static void large_writes_are_cut_and_arrive_whole_both_ways(void **state)
{
	struct stream_log *a = &fixture.log, *b = &fixture.other;
	struct slice parts[3] = {
		slice_first(much(), 65535), slice_first(slice_from(much(), 65535), 70000)};

	parts[2] = slice_from(much(), 135535);
	stream_read_start(a->stream);
	stream_read_start(b->stream);
	assert_false(stream_write(a->stream, parts, 3));
	assert_false(stream_write(b->stream, parts, 3));
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&a->data) == MUCH && buf_len(&b->data) == MUCH);
	check_data(a, much());
	check_data(b, much());
	LOOP_TURN_UNTIL(fixture.loop, a->drained && b->drained);
	settle();
	assert_int_equal(a->drained + b->drained, 2);
}

static void a_reader_that_stops_stops_the_writer(void **state)
{
	struct stream_log *a = &fixture.log, *b = &fixture.other;

	assert_false(write_one(a->stream, much()));
	settle();
	assert_int_equal(a->drained, 0);
	assert_int_equal(stream_room(a->stream), 0);
	stream_read_start(b->stream);
	LOOP_TURN_UNTIL(fixture.loop, b->data_count);
	stream_read_stop(b->stream);
	settle();
	assert_in_range(buf_len(&b->data), 1, MUCH - 1);
	stream_read_start(b->stream);
	LOOP_TURN_UNTIL(fixture.loop, a->drained);
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&b->data) == MUCH);
	check_data(b, much());
}

/* ---- ending ---- */

static void both_sides_end_in_order_one_after_the_other(void **state)
{
	struct stream_log *a = &fixture.log, *b = &fixture.other;

	stream_read_start(a->stream);
	stream_read_start(b->stream);
	assert_true(write_one(a->stream, SLICE("last")));
	stream_shutdown(a->stream);
	stream_shutdown(a->stream);
	LOOP_TURN_UNTIL(fixture.loop, b->ended);
	check_data(b, SLICE("last"));
	assert_true(write_one(b->stream, SLICE("answer")));
	LOOP_TURN_UNTIL(fixture.loop, a->data_count);
	assert_int_equal(a->ended, 0);
	stream_shutdown(b->stream);
	LOOP_TURN_UNTIL(fixture.loop, a->ended);
	check_data(a, SLICE("answer"));
	settle();
	assert_int_equal(a->failed + b->failed, 0);
	assert_int_equal(a->ended + b->ended, 2);
}

static void closing_says_so(void **state)
{
	stream_read_start(fixture.other.stream);
	stream_close(&fixture.log.stream);
	LOOP_TURN_UNTIL(fixture.loop, fixture.other.ended);
	settle();
	assert_int_equal(fixture.other.failed, 0);
}

static void aborting_is_a_failure_for_the_other_side(void **state)
{
	stream_read_start(fixture.other.stream);
	stream_abort(&fixture.log.stream);
	LOOP_TURN_UNTIL(fixture.loop, fixture.other.failed);
	assert_int_equal(fixture.other.err, ERR_RESET);
	assert_int_equal(fixture.other.ended, 0);
}

int main(void)
{
#define WS_TEST(test, side) cmocka_unit_test_setup_teardown(test, set_up_##side, tear_down)
	const struct CMUnitTest tests[] = {
		WS_TEST(messages_are_one_row_of_bytes, server),
		WS_TEST(it_does_not_matter_where_frames_are_cut, server),
		WS_TEST(bytes_of_the_handshake_go_first_and_from_the_loop, server),
		WS_TEST(it_starts_with_reading_stopped, server),
		cmocka_unit_test(what_breaks_the_protocol_fails_the_stream),
		WS_TEST(a_client_takes_no_masked_frame, client),
		WS_TEST(an_end_without_a_close_is_a_failure, server),
		WS_TEST(a_stream_may_be_closed_in_any_event, server),
		WS_TEST(pings_are_not_hoarded, server),
		WS_TEST(each_write_is_one_message, server),
		WS_TEST(a_client_masks_each_message_anew, client),
		WS_TEST(large_writes_are_cut_and_arrive_whole_both_ways, both),
		WS_TEST(a_reader_that_stops_stops_the_writer, both),
		WS_TEST(both_sides_end_in_order_one_after_the_other, both),
		WS_TEST(closing_says_so, both),
		WS_TEST(aborting_is_a_failure_for_the_other_side, both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
