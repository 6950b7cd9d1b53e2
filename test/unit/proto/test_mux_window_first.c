/* The windows that streams begin with: what was agreed, what the way holds, what proved useful. */
#include "proto/mux_window.h"

#include "mux_rig.h"
#include "proto/mux_priv.h"

/* The first window on top of what was agreed, of a stream that is opened then. */
static const char *first_window(uint64_t rtt_us)
{
	mux_ping(p.mux, p.now_us);
	p.now_us += rtt_us;
	assert_int_equal(says(MUX_FRAME_PING, MUX_FLAG_ACK, 0, p.mux->ping_value), 0);
	mux_peer_sent(&p);
	mux_peer_write(mux_peer_open(&p), 5);
	return mux_peer_sent(&p);
}

static void streams_over_a_long_way_begin_with_what_it_holds(void **state)
{
	mux_peer_init(&p,
		(struct mux_conf) {
			.role = MUX_CLIENT, .window_max = 8 * MIB, .window_budget = 16 * MIB});
	mux_agree(p.mux, true, 32 * KIB);
	assert_string_equal(first_window(20000), "data SYN 1 5;window 1 207232;");
	assert_int_equal(p.streams[0].stream.recv_window, 240000);
	/* Only the first measurement says so: readers may have stalled since. */
	p.mux->window_hint = 32 * KIB;
	assert_string_equal(first_window(20000), "data SYN 3 5;");
	mux_link_lost(p.mux);
	assert_int_equal(mux_link_found(p.mux, p.mux->tail.sent), 0);
	assert_string_equal(first_window(5000000), "data SYN 5 5;window 5 1015808;");
	assert_int_equal(p.streams[2].stream.recv_window, MUX_HINT_MAX);
}

/* What was right over the phone's would only be memory over the office's cable. */
static void a_short_way_after_a_long_one_begins_with_what_was_agreed(void **state)
{
	mux_peer_init(&p,
		(struct mux_conf) {
			.role = MUX_CLIENT, .window_max = 8 * MIB, .window_budget = 16 * MIB});
	mux_agree(p.mux, true, 32 * KIB);
	assert_string_equal(first_window(50000), "data SYN 1 5;window 1 567232;");
	mux_link_lost(p.mux);
	assert_int_equal(mux_link_found(p.mux, p.mux->tail.sent), 0);
	assert_string_equal(first_window(1000), "data SYN 3 5;");
}

static void streams_over_a_short_way_begin_with_what_was_agreed(void **state)
{
	mux_peer_init(&p,
		(struct mux_conf) {
			.role = MUX_CLIENT, .window_max = 8 * MIB, .window_budget = 16 * MIB});
	assert_string_equal(first_window(1000), "data SYN 1 5;");
	mux_agree(p.mux, true, 32 * KIB);
	assert_string_equal(first_window(1000), "data SYN 3 5;");
}

static void a_way_that_was_measured_early_counts_once_windows_are_agreed(void **state)
{
	mux_peer_init(&p,
		(struct mux_conf) {
			.role = MUX_CLIENT, .window_max = 300000, .window_budget = 16 * MIB});
	mux_ping(p.mux, p.now_us);
	p.now_us += 50000;
	assert_int_equal(says(MUX_FRAME_PING, MUX_FLAG_ACK, 0, 1), 0);
	mux_agree(p.mux, true, 32 * KIB);
	mux_peer_write(mux_peer_open(&p), 5);
	assert_int_equal(p.streams[0].stream.recv_window, 300000);
}

static void new_streams_begin_with_what_proved_useful_behind_their_first_frame(void **state)
{
	struct mux_stream *s;

	init(MUX_SERVER, 64 * KIB);
	mux_peer_tick(&p); /* it knows the time */
	s = mux_peer_open(&p);
	mux_peer_write(s, 1);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(says(0, 0, 2, s->recv_credit), 0);
	assert_int_equal(s->recv_window, 512 * KIB);
	mux_peer_sent(&p);
	mux_peer_write(mux_peer_open(&p), 5);
	SENT("data SYN 4 5;window 4 458752;");
	/* A reader that stops shows that it was too much; it counts once. */
	mux_stream_read_stop(s);
	assert_int_equal(says(0, 0, 2, 1), 0);
	assert_int_equal(says(0, 0, 2, 1), 0);
	mux_peer_write(mux_peer_open(&p), 5);
	SENT("data SYN 6 5;window 6 196608;");
}

/* They begin small, and cost no frame more, until the first window is used up quickly. */
static void streams_of_the_peer_go_on_with_what_proved_useful(void **state)
{
	struct mux_stream *first = &p.streams[0].stream, *second = &p.streams[1].stream;

	init(MUX_CLIENT, 64 * KIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 1), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(says(0, 0, 2, first->recv_credit), 0);
	assert_int_equal(first->recv_window, 512 * KIB);
	mux_peer_sent(&p);
	assert_int_equal(says(0, MUX_FLAG_SYN, 4, 32 * KIB - 1), 0);
	mux_accept(p.mux);
	assert_null(strstr(mux_peer_sent(&p), "window 4"));
	assert_int_equal(says(0, 0, 4, 32 * KIB), 0);
	assert_int_equal(second->recv_window, 64 * KIB);
	assert_int_equal(says(0, 0, 4, 1), 0);
	assert_int_equal(says(0, 0, 4, 32 * KIB - 1), 0);
	assert_int_equal(second->recv_window, 512 * KIB);
	/* Then it grows like any other; and a slow one has nothing of it. */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(says(0, 0, 4, second->recv_credit), 0);
	assert_int_equal(second->recv_window, MIB);
	assert_int_equal(says(0, MUX_FLAG_SYN, 6, 1), 0);
	for (unsigned i = 0; i < 8; i++) {
		p.now_us += 1000000;
		assert_int_equal(says(0, 0, 6, 32 * KIB), 0);
	}
	assert_int_equal(p.streams[2].stream.recv_window, 64 * KIB);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(streams_over_a_long_way_begin_with_what_it_holds),
		T(a_short_way_after_a_long_one_begins_with_what_was_agreed),
		T(streams_over_a_short_way_begin_with_what_was_agreed),
		T(a_way_that_was_measured_early_counts_once_windows_are_agreed),
		T(new_streams_begin_with_what_proved_useful_behind_their_first_frame),
		T(streams_of_the_peer_go_on_with_what_proved_useful),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
