/* Two sessions over real connections: bytes, links that end, silence, peers that break rules. */
#include "wire/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"
#include "proto/mux_frame.h"
#include "support/loop_turn.h"
#include "support/session_pair.h"
#include "support/tcp_pair.h"

#define MIB 1048576u
#define BULK (8 * MIB)
#define PIECE 50000u

static struct session_pair pair;
static struct session_end *const client = &pair.ends[0], *const server = &pair.ends[1];
static struct stream_log near;
static char pattern[BULK];

static int set_up_all(void **state)
{
	for (uint32_t i = 0; i < BULK; i++)
		pattern[i] = (char)((i * 2654435761u) >> 15);
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&near);
	session_pair_deinit(&pair);
	return 0;
}

static void start(bool resume)
{
	near = (struct stream_log) {0};
	session_pair_init(&pair, 0, 0, 0);
	session_pair_start(&pair, resume);
}

static bool write_part(struct stream *s, size_t at, size_t len)
{
	struct slice part = slice_of(pattern + at, len);

	return stream_write(s, &part, 1);
}

#define UNTIL(cond) LOOP_TURN_UNTIL(pair.loop, cond)

static void turns(unsigned count)
{
	while (count--)
		loop_turn(pair.loop);
}

static void check_bytes(const struct stream_log *log, size_t len)
{
	assert_int_equal(buf_len(&log->data), len);
	assert_int_equal(memcmp(log->data.base + log->data.start, pattern, len), 0);
}

/* Says back what comes, whatever the backpressure. */
static void echo(struct stream_log *log)
{
	struct slice part = buf_slice(&log->data);

	if (!log->stream)
		return;
	if (part.len) {
		stream_write(log->stream, &part, 1);
		buf_clear(&log->data);
	}
	if (log->ended)
		stream_shutdown(log->stream);
}

static void megabytes_come_back_whole(void **state)
{
	size_t at = 0;

	start(true);
	server->then_stream = echo;
	session_pair_open(&pair, 0, &near);
	while (at < BULK) {
		size_t len = BULK - at < PIECE ? BULK - at : PIECE;
		unsigned drained = near.drained;
		bool room = write_part(near.stream, at, len);

		at += len;
		if (!room)
			UNTIL(near.drained > drained);
	}
	stream_shutdown(near.stream);
	UNTIL(near.ended);
	check_bytes(&near, BULK);
	assert_int_equal(session_stream_id(near.stream), 1);
	stream_close(&near.stream);
	stream_close(&server->streams[0].stream);
	UNTIL(!session_stream_count(client->session) && !session_stream_count(server->session));
}

static void a_link_may_end_at_any_time(void **state)
{
	size_t at = 0;
	unsigned cuts = 0;

	start(true);
	server->then_stream = echo;
	session_pair_open(&pair, 0, &near);
	while (at < BULK || buf_len(&near.data) < BULK) {
		size_t len = BULK - at < PIECE ? BULK - at : PIECE;

		if (len && stream_room(near.stream)) {
			write_part(near.stream, at, len);
			at += len;
		}
		loop_turn(pair.loop);
		if ((at / PIECE + buf_len(&near.data) / PIECE) % 7 != cuts % 7)
			continue;
		cuts++;
		session_drop_link(client->session);
		if (cuts % 2)
			turns(3);
		session_pair_resume(&pair);
	}
	check_bytes(&near, BULK);
	assert_true(cuts > 10);
	assert_int_equal(client->lost, 0);
	assert_int_equal(near.failed + server->streams[0].failed, 0);
}

static void the_other_side_hears_that_a_link_is_gone(void **state)
{
	start(true);
	session_pair_open(&pair, 0, &near);
	write_part(near.stream, 0, 10);
	UNTIL(server->opened && buf_len(&server->streams[0].data));
	session_drop_link(client->session);
	UNTIL(server->lost);
	assert_int_equal(server->lost_err, ERR_ENDED);
	assert_int_equal(client->lost, 0);
	assert_false(session_has_link(server->session));
	write_part(near.stream, 10, 10);
	session_pair_resume(&pair);
	UNTIL(buf_len(&server->streams[0].data) == 20);
	check_bytes(&server->streams[0], 20);
}

static void a_link_that_cannot_be_continued_is_refused(void **state)
{
	struct stream *link;
	int fd, err;

	start(true);
	session_drop_link(client->session);
	session_drop_link(server->session);
	session_pair_deinit(&pair);
	session_pair_init(&pair, 0, 0, 0);
	fd = session_pair_start_bare(&pair, 0, SLICE(""));
	session_drop_link(client->session);
	close(fd);
	session_pair_open(&pair, 1, &near);
	link = near.stream; /* any stream will do as a link */
	near.stream = NULL;
	err = session_resume(client->session, &link, SLICE(""), 1);
	assert_int_equal(err, ERR_RANGE);
	assert_null(link);
	assert_false(session_has_link(client->session));
}

static void a_reader_that_stops_holds_the_writer(void **state)
{
	size_t sent = 0;

	start(true);
	server->stopped = true;
	session_pair_open(&pair, 0, &near);
	while (write_part(near.stream, sent, PIECE))
		sent += PIECE;
	sent += PIECE;
	UNTIL(server->opened && session_memory(server->session) >= 65536);
	turns(20);
	/* A window, and the frame that accepts the stream if that was said already. */
	assert_in_range(session_memory(server->session), 65536, 65536 + MUX_FRAME_HEAD);
	assert_int_equal(near.drained, 0);
	assert_int_equal(server->streams[0].data_count, 0);
	stream_read_start(server->streams[0].stream);
	UNTIL(near.drained);
	UNTIL(buf_len(&server->streams[0].data) == sent);
	check_bytes(&server->streams[0], sent);
}

/* ---- silence ---- */

static void silence_ends_a_link(void **state)
{
	int fd;

	near = (struct stream_log) {0};
	session_pair_init(&pair, 2, 20, 0);
	fd = session_pair_start_bare(&pair, 0, SLICE(""));
	UNTIL(client->lost);
	assert_int_equal(client->lost_err, ERR_TIMEOUT);
	assert_false(session_has_link(client->session));
	close(fd);
}

static void pings_keep_a_link(void **state)
{
	near = (struct stream_log) {0};
	session_pair_init(&pair, 2, 0, 0);
	session_pair_start(&pair, true);
	UNTIL(client->measured > 5 && server->measured > 5);
	assert_int_equal(client->lost + server->lost, 0);
	assert_true(session_rtt_us(client->session) > 0);
}

static void a_probe_that_nobody_answers_ends_a_link(void **state)
{
	int fd;

	near = (struct stream_log) {0};
	session_pair_init(&pair, 0, 0, 3);
	fd = session_pair_start_bare(&pair, 0, SLICE(""));
	session_probe(client->session);
	session_probe(client->session);
	UNTIL(client->lost);
	assert_int_equal(client->lost_err, ERR_TIMEOUT);
	session_probe(client->session);
	close(fd);
}

static void a_probe_that_is_answered_does_not(void **state)
{
	unsigned measured;

	near = (struct stream_log) {0};
	session_pair_init(&pair, 0, 0, 60000);
	session_pair_start(&pair, true);
	UNTIL(client->measured);
	measured = client->measured;
	session_probe(client->session);
	UNTIL(client->measured > measured);
	assert_int_equal(client->lost, 0);
}

/* ---- peers by hand ---- */

static struct slice frame(uint8_t type, uint16_t flags, uint32_t stream, uint32_t length)
{
	static char bytes[MUX_FRAME_HEAD];

	mux_frame_write(bytes,
		&(struct mux_frame) {
			.type = type, .flags = flags, .stream = stream, .length = length});
	return slice_of(bytes, sizeof(bytes));
}

static void what_came_with_the_link_is_read_first_and_later(void **state)
{
	int fd;

	near = (struct stream_log) {0};
	session_pair_init(&pair, 0, 0, 0);
	fd = session_pair_start_bare(&pair, 1, frame(MUX_FRAME_DATA, MUX_FLAG_SYN, 1, 4));
	tcp_pair_send(fd, SLICE("abcd"));
	assert_int_equal(server->opened, 0);
	UNTIL(server->opened && buf_len(&server->streams[0].data) == 4);
	assert_memory_equal(server->streams[0].data.base, "abcd", 4);
	close(fd);
}

static void a_peer_that_breaks_rules_is_told_and_left(void **state)
{
	struct buf got = {0};
	struct mux_frame last;
	int fd;

	near = (struct stream_log) {0};
	session_pair_init(&pair, 0, 0, 0);
	fd = session_pair_start_bare(&pair, 1, SLICE(""));
	tcp_pair_send(fd, frame(MUX_FRAME_DATA, MUX_FLAG_SYN, 1, 0));
	UNTIL(server->opened);
	tcp_pair_send(fd, frame(9, 0, 0, 0));
	UNTIL(server->broken && server->streams[0].failed);
	assert_int_equal(session_fault(server->session), MUX_FAULT_TYPE);
	assert_string_equal(session_fault_text(MUX_FAULT_TYPE), "a frame of an unknown type");
	assert_int_equal(server->streams[0].err, ERR_RESET);
	assert_int_equal(server->lost, 0);
	while (tcp_pair_receive(fd, &got) == TCP_PAIR_OPEN)
		loop_turn(pair.loop);
	assert_true(buf_len(&got) >= MUX_FRAME_HEAD);
	last = mux_frame_read(got.base + got.end - MUX_FRAME_HEAD);
	assert_int_equal(last.type, MUX_FRAME_GO_AWAY);
	assert_int_equal(last.length, 1);
	buf_release(&got);
	close(fd);
}

/* Frames of this size, for a stream that nobody has, as fast as they are taken; the most bytes of
 * them that one turn brought. */
static size_t most_of_a_turn(uint32_t payload)
{
	uint64_t before = session_received(server->session), sent = 0;
	size_t size = MUX_FRAME_HEAD + payload, most = 0;
	int fd = session_pair_start_bare(&pair, 1, SLICE(""));
	struct buf out = {0}, in = {0};

	while (sent < 2 * MIB || buf_len(&out)) {
		uint32_t turn = loop_turn_number(pair.loop);
		uint64_t now = session_received(server->session), brought;
		ssize_t n;

		for (; sent < 2 * MIB && buf_len(&out) < MIB; sent += size) {
			buf_append_slice(&out, frame(MUX_FRAME_DATA, 0, 401, payload));
			buf_append(&out, pattern, payload);
		}
		while (buf_len(&out) &&
			(n = send(fd, out.base + out.start, buf_len(&out), MSG_NOSIGNAL)) > 0)
			buf_consume(&out, (size_t)n);
		loop_turn(pair.loop);
		assert_int_equal(tcp_pair_receive(fd, &in), TCP_PAIR_OPEN);
		brought = (session_received(server->session) - now) /
			(loop_turn_number(pair.loop) - turn);
		most = brought > most ? (size_t)brought : most;
	}
	UNTIL(session_received(server->session) - before == sent);
	buf_release(&in);
	close(fd);
	return most;
}

/* Many thousand small frames at once would keep everybody else on the loop waiting. */
static void reads_are_large_where_frames_are(void **state)
{
	near = (struct stream_log) {0};
	session_pair_init(&pair, 0, 0, 0);
	assert_in_range(most_of_a_turn(1), 1, STREAM_READ_SMALL);
	session_pair_deinit(&pair);
	session_pair_init(&pair, 0, 0, 0);
	assert_in_range(most_of_a_turn(32768), STREAM_READ_SMALL + 1, STREAM_READ_BULK);
}

static void leaving_is_heard(void **state)
{
	start(true);
	session_go_away(server->session);
	UNTIL(client->went_away);
	assert_null(session_open(client->session));
	assert_int_equal(client->broken, 0);
}

/* ---- freed inside its own events ---- */

static void free_it(struct session_end *end)
{
	session_free(&end->session);
}

static void free_server(struct stream_log *log)
{
	session_free(&server->session);
}

static void it_may_be_freed_inside_any_event(void **state)
{
	start(true);
	server->then = free_it; /* measured comes first */
	UNTIL(!server->session);
	UNTIL(client->lost);
	session_pair_deinit(&pair);

	start(true);
	UNTIL(server->measured && client->measured);
	server->then = free_it;
	session_pair_open(&pair, 0, &near);
	write_part(near.stream, 0, 1000);
	UNTIL(!server->session && server->opened && server->streams[0].failed);
	UNTIL(client->lost);
	stream_log_deinit(&near);
	session_pair_deinit(&pair);

	start(true);
	UNTIL(server->measured && client->measured);
	server->then_stream = free_server;
	session_pair_open(&pair, 0, &near);
	write_part(near.stream, 0, 1000);
	stream_shutdown(near.stream);
	UNTIL(!server->session && server->streams[0].failed);
	assert_int_equal(server->streams[0].data_count, 1);
	assert_int_equal(server->streams[0].ended, 0);
	stream_log_deinit(&near);
	session_pair_deinit(&pair);

	start(true);
	UNTIL(server->measured && client->measured);
	server->then = client->then = free_it;
	session_go_away(client->session);
	UNTIL(!server->session && !client->session);
}

static void it_may_be_freed_when_its_peer_broke_rules(void **state)
{
	int fd;

	near = (struct stream_log) {0};
	for (unsigned early = 0; early < 2; early++) {
		session_pair_init(&pair, 0, 0, 0);
		server->then = free_it;
		fd = session_pair_start_bare(&pair, 1, early ? frame(9, 0, 0, 0) : SLICE(""));
		if (!early)
			tcp_pair_send(fd, frame(9, 0, 0, 0));
		UNTIL(!server->session);
		assert_int_equal(server->broken, 1);
		turns(3);
		close(fd);
		if (!early)
			session_pair_deinit(&pair);
	}
}

static void streams_fail_when_it_is_freed(void **state)
{
	start(true);
	session_pair_open(&pair, 0, &near);
	write_part(near.stream, 0, 100);
	UNTIL(server->opened);
	session_free(&client->session);
	assert_int_equal(near.failed, 0); /* not inside the call */
	assert_false(write_part(near.stream, 0, 100));
	UNTIL(near.failed == 1);
	assert_int_equal(near.err, ERR_RESET);
	stream_read_start(near.stream);
	turns(5);
	assert_int_equal(near.failed + near.ended + near.drained, 1);
	UNTIL(server->lost);
	assert_int_equal(server->streams[0].failed, 0);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(megabytes_come_back_whole),
		T(a_link_may_end_at_any_time),
		T(the_other_side_hears_that_a_link_is_gone),
		T(a_link_that_cannot_be_continued_is_refused),
		T(a_reader_that_stops_holds_the_writer),
		T(silence_ends_a_link),
		T(pings_keep_a_link),
		T(a_probe_that_nobody_answers_ends_a_link),
		T(a_probe_that_is_answered_does_not),
		T(what_came_with_the_link_is_read_first_and_later),
		T(a_peer_that_breaks_rules_is_told_and_left),
		T(reads_are_large_where_frames_are),
		T(leaving_is_heard),
		T(it_may_be_freed_inside_any_event),
		T(it_may_be_freed_when_its_peer_broke_rules),
		T(streams_fail_when_it_is_freed),
	};

	return cmocka_run_group_tests(tests, set_up_all, NULL);
}
