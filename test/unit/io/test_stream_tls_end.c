/* A TLS stream whose other side is played by hand: failures, ends, and what is not in order. */
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

static struct loop *loop;
static struct stream_log ours;
static struct tls *peer;
static int peer_fd;
static struct buf wire; /* what the peer has read */
static int ready_err;
static unsigned ready_count;

static int set_up(void **state)
{
	struct tls *tls = tls_accept(tls_context_server);
	struct stream *lower;
	int fds[2];

	tcp_pair_open(fds);
	loop = loop_new();
	ready_count = 0;
	assert_int_equal(stream_tcp_adopt(loop, fds[0], &lower), 0);
	stream_log_init(&ours, stream_tls_new(loop, &lower, &tls));
	assert_null(lower);
	assert_null(tls);
	peer = tls_connect(tls_context_client, "a.test", NULL);
	peer_fd = fds[1];
	return 0;
}

static int tear_down(void **state)
{
	stream_log_deinit(&ours);
	loop_free(&loop);
	tls_free(&peer);
	if (peer_fd >= 0)
		close(peer_fd);
	buf_release(&wire);
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

/* Sends what the peer's side says, and reads what is there, until both wait. */
static void peer_turn(struct buf *plain)
{
	struct buf received = {0}, out = {0};
	char room[20000];
	struct slice in;
	size_t len;

	loop_turn(loop);
	tcp_pair_receive(peer_fd, &received);
	in = buf_slice(&received);
	while (tls_read(peer, &in, &out, slice_of(room, sizeof(room)), &len) == TLS_OK)
		buf_append(plain, room, len);
	if (buf_len(&out))
		tcp_pair_send(peer_fd, buf_slice(&out));
	buf_release(&received);
	buf_release(&out);
}

static void peer_handshake(void)
{
	stream_read_start(ours.stream);
	while (!tls_is_ready(peer))
		peer_turn(&wire);
	for (int i = 0; i < 5; i++)
		peer_turn(&wire);
}

static void peer_say(struct slice data)
{
	struct buf out = {0};

	assert_int_equal(tls_write(peer, &data, 1, &out), 0);
	tcp_pair_send(peer_fd, buf_slice(&out));
	buf_release(&out);
}

static void a_failure_is_told_to_both(void **state)
{
	stream_tls_on_ready(ours.stream, on_ready, NULL);
	tcp_pair_send(peer_fd, SLICE("GET / HTTP/1.1\r\n\r\n"));
	LOOP_TURN_UNTIL(loop, ready_count);
	assert_int_equal(ready_err, ERR_TLS);
	assert_int_equal(ours.failed, 1);
	assert_int_equal(ours.err, ERR_TLS);
	assert_string_equal(
		tls_failure(stream_tls_get(ours.stream)), "the other side does not speak TLS");
	settle();
	assert_int_equal(ours.failed, 1);
}

static void a_failed_handshake_may_close_at_once(void **state)
{
	stream_tls_on_ready(ours.stream, on_ready, &ours.stream);
	tcp_pair_send(peer_fd, SLICE("GET / HTTP/1.1\r\n\r\n"));
	LOOP_TURN_UNTIL(loop, ready_count);
	assert_null(ours.stream);
	assert_int_equal(ours.failed, 0);
}

static void an_end_in_the_handshake_is_a_failure(void **state)
{
	stream_tls_on_ready(ours.stream, on_ready, NULL);
	shutdown(peer_fd, SHUT_WR);
	LOOP_TURN_UNTIL(loop, ready_count);
	assert_int_equal(ready_err, ERR_ENDED);
	assert_int_equal(ours.err, ERR_ENDED);
}

static void an_end_without_the_alert_is_a_failure(void **state)
{
	peer_handshake();
	peer_say(SLICE("cut"));
	shutdown(peer_fd, SHUT_WR);
	LOOP_TURN_UNTIL(loop, ours.failed || ours.ended);
	assert_int_equal(ours.err, ERR_ENDED);
	assert_true(slice_eq(buf_slice(&ours.data), SLICE("cut")));
}

static void a_reset_is_a_failure(void **state)
{
	peer_handshake();
	tcp_pair_reset(peer_fd);
	peer_fd = -1;
	LOOP_TURN_UNTIL(loop, ours.failed);
	assert_int_equal(ours.err, ERR_RESET);
}

static void an_abort_resets(void **state)
{
	struct buf rest = {0};
	enum tcp_pair_end end;

	peer_handshake();
	stream_abort(&ours.stream);
	do {
		loop_turn(loop);
		end = tcp_pair_receive(peer_fd, &rest);
	} while (end == TCP_PAIR_OPEN);
	assert_int_equal(end, TCP_PAIR_RESET);
	assert_int_equal(buf_len(&rest), 0);
	buf_release(&rest);
}

static void a_damaged_record_fails_and_is_answered(void **state)
{
	struct buf rest = {0};

	peer_handshake();
	tcp_pair_send(peer_fd,
		SLICE("\x17\x03\x03\x00\x20"
		      "0123456789abcdef0123456789abcdef"));
	LOOP_TURN_UNTIL(loop, ours.failed);
	assert_int_equal(ours.err, ERR_TLS);
	stream_close(&ours.stream);
	loop_turn(loop);
	tcp_pair_receive(peer_fd, &rest);
	assert_true(buf_len(&rest) > 5);
	buf_release(&rest);
}

static void an_idle_stream_parks_nothing_and_wakes_up(void **state)
{
	struct buf plain = {0};

	peer_handshake();
	for (int i = 0; i < 100; i++) {
		peer_say(SLICE("ping"));
		LOOP_TURN_UNTIL(loop, buf_len(&ours.data) == 4);
		buf_clear(&ours.data);
		assert_true(stream_write(ours.stream, &(struct slice) {"pong", 4}, 1));
		while (buf_len(&plain) < 4)
			peer_turn(&plain);
		buf_clear(&plain);
	}
	buf_release(&plain);
}

int main(void)
{
#define TLS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TLS_TEST(a_failure_is_told_to_both),
		TLS_TEST(a_failed_handshake_may_close_at_once),
		TLS_TEST(an_end_in_the_handshake_is_a_failure),
		TLS_TEST(an_end_without_the_alert_is_a_failure),
		TLS_TEST(a_reset_is_a_failure),
		TLS_TEST(an_abort_resets),
		TLS_TEST(a_damaged_record_fails_and_is_answered),
		TLS_TEST(an_idle_stream_parks_nothing_and_wakes_up),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, tls_context_open, tls_context_close);
}
