/* The receiving windows of streams: when they grow, shrink, and are renewed. */
#include "proto/mux_window.h"

#include "mux_rig.h"
#include "proto/mux_priv.h"

static void credit_is_renewed_at_half(void **state)
{
	init(MUX_CLIENT, 64 * KIB);
	p.now_us += 10000000;
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 10), 0);
	mux_accept(p.mux);
	SENT("window ACK 2 0;");
	p.now_us += 10000000;
	assert_int_equal(says(0, 0, 2, 32 * KIB - 11), 0);
	SENT("");
	assert_int_equal(says(0, 0, 2, 1), 0);
	assert_non_null(strstr(mux_peer_sent(&p), "window 2 32768;"));
	assert_int_equal(p.streams[0].stream.recv_credit, 64 * KIB);
}

static void a_quick_reader_gets_a_larger_window_within_the_budget(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	mux_peer_init(&p,
		(struct mux_conf) {.role = MUX_CLIENT, .window_max = MIB, .window_budget = MIB});
	mux_agree(p.mux, true, 128 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	assert_int_equal(s->recv_window, MIB);
	assert_int_equal(s->recv_grown, MIB - 128 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 4, 1), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(says(0, 0, 4, p.streams[1].stream.recv_credit), 0);
	assert_int_equal(p.streams[1].stream.recv_window, 256 * KIB); /* what the budget has left */
	assert_int_equal(says(1, MUX_FLAG_RST, 2, 0), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(says(0, 0, 4, p.streams[1].stream.recv_credit), 0);
	assert_int_equal(p.streams[1].stream.recv_window, MIB); /* it was given back */
}

static void a_slow_reader_keeps_its_window(void **state)
{
	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 10; i++) {
		p.now_us += 50000;
		assert_int_equal(says(0, 0, 2, 40000), 0);
	}
	assert_int_equal(p.streams[0].stream.recv_window, 64 * KIB);
}

static void pong(uint32_t value, uint64_t after_us)
{
	mux_ping(p.mux, p.now_us);
	p.now_us += after_us;
	assert_int_equal(says(MUX_FRAME_PING, MUX_FLAG_ACK, 0, value), 0);
}

/* A round trip over the office's cable says nothing about the phone's. */
static void the_pace_is_that_of_the_link_there_is(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	pong(1, 1000);
	mux_link_lost(p.mux);
	assert_int_equal(mux_link_found(p.mux, 0), 0);
	pong(2, 100000);
	for (unsigned i = 0; i < 3; i++) {
		p.now_us += 100000;
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	}
	assert_true(s->recv_window > 64 * KIB);
}

/* The agreed window may be larger than what windows may grow to. */
static void a_window_beyond_the_largest_does_not_grow(void **state)
{
	mux_peer_init(&p, (struct mux_conf) {.role = MUX_CLIENT, .window_max = MUX_WINDOW_START});
	mux_agree(p.mux, true, MIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(says(0, 0, 2, p.streams[0].stream.recv_credit), 0);
	assert_int_equal(p.streams[0].stream.recv_window, MIB);
}

/* A short way needs no large window: what a reader leaves unread would only be more. */
static void a_window_is_not_larger_than_the_way_is_long(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_CLIENT, 64 * KIB);
	p.mux->rtt_us = 100;
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 20; i++) {
		p.now_us += 1000;
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	}
	assert_int_equal(s->recv_window, 512 * KIB); /* 256 KiB, and two times what is on the way */
	p.mux->rtt_us = 50000;
	for (unsigned i = 0; i < 8; i++) {
		p.now_us += 1000;
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	}
	assert_true(s->recv_window > MIB);
}

/* So much may have gone into sockets only. */
static void over_a_short_way_a_reader_proves_itself_before_its_window_is_large(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;
	uint32_t taken = 0;

	init(MUX_CLIENT, 32 * KIB);
	p.mux->rtt_us = 100;
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 0), 0);
	while (taken < 448 * KIB) {
		taken += s->recv_credit;
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
		assert_true(s->recv_window <= 64 * KIB);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	assert_true(s->recv_window > 64 * KIB);
	/* Over a long way the transfer would be over by then. */
	p.mux->rtt_us = 20000;
	assert_int_equal(says(0, MUX_FLAG_SYN, 4, 0), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(says(0, 0, 4, p.streams[1].stream.recv_credit), 0);
	assert_true(p.streams[1].stream.recv_window > 64 * KIB);
}

static void the_window_of_a_reader_that_stops_shrinks_to_its_start(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;
	uint32_t before;

	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	assert_int_equal(s->recv_window, 512 * KIB);
	for (unsigned i = 0; i < 20; i++) {
		before = s->recv_window;
		mux_stream_read_stop(s);
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
		assert_int_equal(s->recv_window, 64 * KIB + (before - 64 * KIB) / 2);
		mux_stream_read_start(s);
		mux_peer_tick(&p);
		assert_true(s->recv_credit <= s->recv_window);
	}
	assert_int_equal(s->recv_window, 64 * KIB);
	assert_int_equal(p.mux->window_grown, 0);
}

/* What a reader takes at first may only fill a socket whose other end reads slowly. */
static void a_window_is_never_more_than_what_was_taken(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;
	uint32_t taken = 64 * KIB;

	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 200; i++) {
		taken += s->recv_window / 8;
		assert_int_equal(says(0, 0, 2, s->recv_window / 8), 0);
		assert_true(s->recv_window <= taken);
	}
	assert_true(s->recv_window >= MIB);
}

/* The reader stops, takes what came after so long, and goes on. */
static void stall(struct mux_stream *s, uint64_t us)
{
	mux_stream_read_stop(s);
	assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	p.now_us += us;
	mux_stream_read_start(s);
	mux_peer_tick(&p);
}

static void a_slow_reader_gives_its_window_back_at_once(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	p.mux->rtt_us = 50000;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	assert_int_equal(s->recv_window, 2 * MIB);
	stall(s, 200000); /* the way of two round trips is no reason */
	assert_int_equal(s->recv_window, 64 * KIB + (2 * MIB - 64 * KIB) / 2);
	stall(s,
		500000); /* half a mebibyte in half a second over 50 ms: twice that is on the way */
	assert_in_range(s->recv_window, 100 * KIB, 210 * KIB);
	stall(s, 5000000);
	assert_int_equal(s->recv_window, 64 * KIB);
	assert_int_equal(s->recv_grown, 0);
	assert_int_equal(p.mux->window_grown, 0);
}

static void a_reader_that_stopped_holds_its_window_and_no_more(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 5), 0);
	mux_stream_read_stop(s);
	assert_int_equal(says(0, MUX_FLAG_FIN, 2, 64 * KIB - 5), 0);
	assert_int_equal(mux_memory(p.mux), 64 * KIB - 5);
	mux_peer_tick(&p);
	TOLD("opened 2;data 2 5;owing;");
	mux_stream_read_start(s);
	TOLD("");
	mux_peer_tick(&p);
	TOLD("data 2 65531;ended 2;owing;");
	assert_int_equal(mux_memory(p.mux), 0);
	mux_stream_read_stop(s);
	mux_stream_read_start(s);
	mux_peer_tick(&p);
	TOLD("owing;");
}

/* ---- readers that stop as they take ---- */

static void stop_reading(struct mux_peer *peer, struct mux_stream *s)
{
	mux_stream_read_stop(s);
}

static void let_go(struct mux_peer *peer, struct mux_stream *s)
{
	peer->then = NULL;
	assert_false(mux_stream_release(s));
}

/* Forty kibibytes came, and the reader could not pass them on. */
static void take_and_stop(void)
{
	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	mux_accept(p.mux);
	SENT("window ACK 2 0;");
	TOLD("opened 2;data 2 1;");
	p.now_us += 10000000;
	p.then = stop_reading;
	assert_int_equal(says(0, 0, 2, 40 * KIB - 1), 0);
	p.then = NULL;
	TOLD("data 2 40959;");
}

static void what_a_reader_took_and_could_not_pass_on_is_of_its_window(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	take_and_stop();
	SENT("");
	assert_int_equal(s->recv_credit, 24 * KIB);
	assert_int_equal(says(0, 0, 2, 24 * KIB), 0);
	SENT("");
	assert_int_equal(s->recv_credit, 0);
	mux_stream_read_start(s);
	mux_peer_tick(&p);
	TOLD("data 2 24576;");
	SENT("ack 65572;window 2 65536;");
}

static void a_reader_that_goes_on_with_nothing_left_gives_credit(void **state)
{
	take_and_stop();
	mux_peer_tick(&p);
	SENT("");
	mux_stream_read_start(&p.streams[0].stream);
	SENT("");
	mux_peer_tick(&p);
	SENT("ack 40984;window 2 40960;");
	TOLD("");
}

/* Without credit the peer could neither end nor hear that nobody reads. */
static void a_stream_that_is_let_go_gives_credit_a_last_time(void **state)
{
	take_and_stop();
	assert_false(mux_stream_release(&p.streams[0].stream));
	SENT("ack 40984;window FIN 2 40960;");
	assert_int_equal(says(0, 0, 2, 5), 0);
	SENT("window RST 2 0;");
	TOLD("gone 2;");
}

static void one_that_is_let_go_when_it_may_write_again_does_too(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	take_and_stop();
	assert_false(mux_peer_write(s, 65 * KIB));
	assert_int_equal(says(MUX_FRAME_WINDOW, 0, 2, 64 * KIB), 0);
	mux_peer_sent(&p);
	p.then = let_go;
	mux_peer_tick(&p);
	TOLD("writable 2;");
	assert_non_null(strstr(mux_peer_sent(&p), "window FIN 2 0;window 2 40960;"));
}

static void a_stream_that_is_let_go_among_its_bytes_is_refused(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_CLIENT, 256 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	mux_stream_read_stop(s);
	assert_int_equal(says(0, 0, 2, 256 * KIB - 1), 0);
	TOLD("opened 2;data 2 1;");
	p.then = let_go;
	mux_stream_read_start(s);
	mux_peer_tick(&p);
	TOLD("data 2 65536;gone 2;");
	assert_non_null(strstr(mux_peer_sent(&p), "window RST 2 0;"));
	assert_int_equal(mux_memory(p.mux) - (size_t)mux_tail_held(&p.mux->tail), 0);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(credit_is_renewed_at_half),
		T(a_quick_reader_gets_a_larger_window_within_the_budget),
		T(a_slow_reader_keeps_its_window),
		T(the_pace_is_that_of_the_link_there_is),
		T(a_window_beyond_the_largest_does_not_grow),
		T(a_window_is_not_larger_than_the_way_is_long),
		T(over_a_short_way_a_reader_proves_itself_before_its_window_is_large),
		T(the_window_of_a_reader_that_stops_shrinks_to_its_start),
		T(a_window_is_never_more_than_what_was_taken),
		T(a_slow_reader_gives_its_window_back_at_once),
		T(a_reader_that_stopped_holds_its_window_and_no_more),
		T(what_a_reader_took_and_could_not_pass_on_is_of_its_window),
		T(a_reader_that_goes_on_with_nothing_left_gives_credit),
		T(a_stream_that_is_let_go_gives_credit_a_last_time),
		T(one_that_is_let_go_when_it_may_write_again_does_too),
		T(a_stream_that_is_let_go_among_its_bytes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
