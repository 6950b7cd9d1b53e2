/* What streams put on the wire, frame by frame: flags, turns, credit. */
#include "proto/mux_stream.h"

#include "mux_rig.h"
#include "proto/mux_priv.h"

/* ---- flags ---- */

static void a_short_stream_is_one_frame(void **state)
{
	struct mux_stream *s;

	init(MUX_SERVER, 0);
	s = mux_peer_open(&p);
	SENT("");
	assert_true(mux_peer_write(s, 5));
	mux_stream_finish(s);
	assert_false(mux_peer_write(s, 5));
	SENT("data SYN FIN 2 5;");
}

static void the_end_rides_on_the_last_frame_that_was_not_sent(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	s = mux_peer_open(&p);
	mux_peer_write(s, 5);
	SENT("data SYN 1 5;");
	mux_peer_write(s, 6);
	mux_peer_write(s, 7);
	mux_stream_finish(s);
	mux_stream_finish(s);
	SENT("data 1 6;data FIN 1 7;");
	s = mux_peer_open(&p);
	mux_peer_write(s, 1);
	SENT("data SYN 3 1;");
	mux_stream_finish(s);
	SENT("window FIN 3 0;");
	s = mux_peer_open(&p);
	mux_stream_finish(s);
	SENT("window SYN FIN 5 0;");
}

/* What was sent once may be sent again over another link: it may not change any more. */
static void a_frame_that_was_sent_over_a_lost_link_stays_as_it_was(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	s = mux_peer_open(&p);
	mux_peer_write(s, 5);
	SENT("data SYN 1 5;");
	mux_link_lost(p.mux);
	mux_stream_finish(s);
	assert_int_equal(mux_link_found(p.mux, 0), 0);
	SENT("data SYN 1 5;window FIN 1 0;");
}

static void acceptance_rides_on_the_answer(void **state)
{
	init(MUX_CLIENT, 0);
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 5), 0);
	mux_peer_tick(&p);
	TOLD("opened 2;data 2 5;owing;");
	mux_peer_write(&p.streams[0].stream, 3);
	mux_peer_tick(&p);
	TOLD("");
	mux_accept(p.mux);
	SENT("data ACK 2 3;");
}

static void acceptance_without_an_answer_goes_alone(void **state)
{
	init(MUX_CLIENT, 0);
	assert_int_equal(says(0, MUX_FLAG_SYN | MUX_FLAG_FIN, 2, 5), 0);
	SENT("");
	mux_accept(p.mux);
	mux_accept(p.mux);
	SENT("window ACK 2 0;");
	TOLD("opened 2;data 2 5;ended 2;");
}

static void the_end_of_a_stream_that_was_let_go_is_heard(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	s = mux_peer_open(&p);
	mux_peer_write(s, 5);
	assert_false(mux_stream_release(s));
	SENT("data SYN FIN 1 5;");
	assert_int_equal(says(1, MUX_FLAG_ACK | MUX_FLAG_FIN, 1, 0), 0);
	TOLD("gone 1;");
	assert_int_equal(mux_stream_count(p.mux), 0);
}

static void more_for_a_stream_that_was_let_go_is_refused(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	s = mux_peer_open(&p);
	mux_peer_write(s, 5);
	assert_false(mux_stream_release(s));
	assert_int_equal(says(0, 0, 1, 9), 0);
	TOLD("gone 1;");
	SENT("data SYN FIN 1 5;window RST 1 0;");
	assert_int_equal(says(0, MUX_FLAG_FIN, 1, 9), 0);
	TOLD("");
}

static void letting_go_of_unread_bytes_is_a_reset(void **state)
{
	init(MUX_CLIENT, 0);
	p.read = false;
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 5), 0);
	assert_true(mux_stream_release(&p.streams[0].stream));
	TOLD("opened 2;");
	SENT("window RST 2 0;");
	assert_true(mux_stream_release(&p.streams[0].stream));
	mux_stream_reset(&p.streams[0].stream);
	mux_stream_finish(&p.streams[0].stream);
	assert_false(mux_peer_write(&p.streams[0].stream, 1));
}

static void a_stream_that_never_spoke_leaves_no_trace(void **state)
{
	init(MUX_CLIENT, 0);
	mux_stream_reset(mux_peer_open(&p));
	assert_true(mux_stream_release(mux_peer_open(&p)));
	SENT("");
	mux_peer_write(mux_peer_open(&p), 1);
	SENT("data SYN 5 1;");
}

/* ---- turns ---- */

static void streams_that_wait_take_turns_in_small_frames(void **state)
{
	struct mux_stream *a, *b;
	const char *text;

	init(MUX_SERVER, 0);
	a = mux_peer_open(&p);
	b = mux_peer_open(&p);
	mux_link_lost(p.mux);
	assert_false(mux_peer_write(a, 40000));
	assert_false(mux_peer_write(b, 40000));
	assert_int_equal(mux_stream_room(a), 0);
	assert_int_equal(mux_link_found(p.mux, 0), 0);
	text = mux_peer_sent(&p);
	assert_string_equal(text,
		"data SYN 2 16384;data SYN 4 16384;data 2 16384;data 4 16384;data 2 7232;"
		"data 4 7232;");
	mux_peer_tick(&p);
	TOLD("writable 2;writable 4;");
}

static void one_that_waits_alone_takes_larger_ones(void **state)
{
	struct mux_stream *a;

	init(MUX_SERVER, 0);
	a = mux_peer_open(&p);
	mux_link_lost(p.mux);
	mux_peer_write(a, 140000);
	assert_int_equal(mux_link_found(p.mux, 0), 0);
	SENT("data SYN 2 65536;data 2 65536;data 2 8928;");
}

static void the_control_stream_goes_first(void **state)
{
	struct mux_stream *control, *other;

	init(MUX_CLIENT, 0);
	control = mux_peer_open(&p);
	other = mux_peer_open(&p);
	mux_link_lost(p.mux);
	mux_peer_write(other, 30000);
	mux_peer_write(control, 10);
	assert_int_equal(mux_link_found(p.mux, 0), 0);
	SENT("data SYN 1 10;data SYN 3 30000;");
}

static void nobody_passes_those_who_wait(void **state)
{
	struct mux_stream *a, *b;

	init(MUX_SERVER, 0);
	a = mux_peer_open(&p);
	b = mux_peer_open(&p);
	assert_true(mux_peer_write(a, 100000)); /* the link has enough for now */
	assert_false(mux_peer_write(b, 10));
	assert_false(mux_peer_write(a, 10));
	SENT("data SYN 2 100000;data SYN 4 10;data 2 10;");
}

/* ---- windows: sending ---- */

static void credit_is_never_exceeded(void **state)
{
	struct mux_stream *s;

	init(MUX_SERVER, 16 * KIB);
	s = mux_peer_open(&p);
	assert_int_equal(mux_stream_room(s), 16 * KIB);
	assert_false(mux_peer_write(s, 16 * KIB + 10));
	SENT("data SYN 2 16384;");
	mux_peer_tick(&p);
	TOLD("");
	assert_int_equal(says(1, MUX_FLAG_ACK, 2, 4), 0);
	SENT("data 2 4;");
	assert_int_equal(says(1, 0, 2, 100), 0);
	SENT("data 2 6;");
	mux_peer_tick(&p);
	TOLD("writable 2;");
	assert_int_equal(mux_stream_room(s), 94);
}

/* The owner hears it once there is really room: not when it wrote again meanwhile. */
static void writable_waits_for_what_was_written_meanwhile(void **state)
{
	struct mux_stream *s;

	init(MUX_SERVER, 16 * KIB);
	s = mux_peer_open(&p);
	assert_false(mux_peer_write(s, 16 * KIB + 10));
	assert_int_equal(says(1, MUX_FLAG_ACK, 2, 10), 0);
	SENT("data SYN 2 16384;data 2 10;");
	assert_false(mux_peer_write(s, 10));
	mux_peer_tick(&p);
	TOLD("");
	assert_int_equal(says(1, 0, 2, 10), 0);
	SENT("data 2 10;");
	mux_peer_tick(&p);
	TOLD("writable 2;");
}

static void a_full_tail_stops_streams_until_it_is_acknowledged(void **state)
{
	struct mux_stream *s;

	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER, .tail_max = 256 * KIB});
	mux_agree(p.mux, true, MIB);
	s = mux_peer_open(&p);
	mux_peer_write(s, MIB);
	mux_peer_sent(&p);
	assert_true(p.counted >= 256 * KIB && p.counted < 256 * KIB + 65536 + 100);
	assert_false(mux_has_output(p.mux));
	assert_true(mux_memory(p.mux) <= MIB + 1000);
	while (p.counted < MIB) {
		uint64_t before = p.counted;

		assert_int_equal(mux_peer_acks(&p, p.counted), 0);
		assert_true(mux_has_output(p.mux));
		mux_peer_sent(&p);
		assert_true(p.counted > before);
	}
	mux_peer_tick(&p);
	TOLD("writable 2;");
	assert_int_equal(mux_peer_acks(&p, p.counted), 0);
	assert_int_equal(mux_memory(p.mux), 0);
}

/* Another session has all there is: this one goes on with its own, one acknowledgement at a time.
 */
static void when_others_have_the_memory_streams_wait_for_their_own(void **state)
{
	static struct mux_tails all; /* outlives the mux, which goes in tear_down */
	struct mux_stream *s;

	mux_peer_init(
		&p, (struct mux_conf) {.role = MUX_SERVER, .tail_max = 16 * MIB, .tails = &all});
	mux_agree(p.mux, true, MIB);
	s = mux_peer_open(&p);
	mux_peer_write(s, MIB);
	mux_peer_sent(&p);
	assert_in_range(p.counted, MUX_TAIL_OWN, MUX_TAIL_OWN + 65536 + 100);
	assert_int_equal(mux_stream_room(s), 0);
	assert_int_equal(mux_peer_acks(&p, p.counted), 0);
	mux_peer_sent(&p);
	assert_in_range(p.counted, 2 * MUX_TAIL_OWN, 2 * MUX_TAIL_OWN + 2 * 65536 + 200);
	/* Others gave back what they had. */
	atomic_store(&all.max, 16 * MIB);
	assert_true(mux_has_output(p.mux));
	mux_peer_sent(&p);
	assert_true(p.counted > MIB);
	mux_peer_tick(&p);
	TOLD("writable 2;");
	assert_int_equal(mux_peer_acks(&p, p.counted), 0);
}

/* A read may bring nothing, or bytes that are not for this stream after all, each time. */
static void room_that_is_asked_for_in_vain_holds_little_memory(void **state)
{
	struct mux_tails all = {.max = 1024 * MIB};
	struct mux_stream *asks, *says_little;

	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER, .tails = &all});
	mux_agree(p.mux, true, 0);
	asks = mux_peer_open(&p);
	says_little = mux_peer_open(&p);
	assert_true(mux_peer_write(asks, 1));
	for (unsigned i = 0; i < 1000; i++) {
		mux_stream_place(asks);
		assert_true(mux_peer_write(says_little, 1));
		if (i % 3 == 0)
			mux_peer_sent(&p);
	}
	assert_in_range(all.held, 0, 2 * MIB);
	mux_peer_sent(&p);
	assert_int_equal(mux_peer_acks(&p, p.counted), 0);
	assert_true(mux_stream_place(asks).len >= 16 * KIB);
	mux_peer_deinit(&p);
	assert_int_equal(all.held, 0);
	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER}); /* for the tear-down */
}

/* ---- letting go ---- */

/* A service answers an upload that it does not read: all of the answer arrives, then the refusal.
 */
static void what_was_said_goes_before_the_reset(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 16 * KIB);
	s = mux_peer_open(&p);
	mux_peer_write(s, 20 * KIB);
	SENT("data SYN 1 16384;");
	mux_stream_read_stop(s);
	assert_int_equal(says(MUX_FRAME_DATA, MUX_FLAG_ACK, 1, 9), 0);
	mux_stream_finish(s);
	assert_false(mux_stream_release(s));
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 9), 0);
	mux_peer_tick(&p);
	SENT("");
	TOLD("");
	assert_int_equal(says(MUX_FRAME_WINDOW, 0, 1, 16 * KIB), 0);
	SENT("data FIN 1 4096;");
	mux_peer_tick(&p);
	SENT("window RST 1 0;");
	TOLD("gone 1;");
	assert_int_equal(mux_memory(p.mux) - (size_t)mux_tail_held(&p.mux->tail), 0);
}

/* And so where more comes only after it was let go of. */
static void what_was_said_goes_before_a_later_reset(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 16 * KIB);
	s = mux_peer_open(&p);
	mux_peer_write(s, 20 * KIB);
	mux_stream_finish(s);
	assert_false(mux_stream_release(s));
	SENT("data SYN 1 16384;");
	assert_int_equal(says(MUX_FRAME_DATA, MUX_FLAG_ACK, 1, 9), 0);
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 8 * KIB), 0);
	SENT("ack 8225;window 1 8201;"); /* both may be in this, and each has to go on */
	TOLD("");
	assert_int_equal(says(MUX_FRAME_WINDOW, 0, 1, 16 * KIB), 0);
	SENT("data FIN 1 4096;");
	mux_peer_tick(&p);
	SENT("window RST 1 0;");
	TOLD("gone 1;");
}

/* ---- the owner inside events ---- */

static void reset_it(struct mux_peer *peer, struct mux_stream *s)
{
	mux_stream_reset(s);
	memset(s, 0xee, sizeof(*s)); /* its memory is the owner's again */
}

static void let_go(struct mux_peer *peer, struct mux_stream *s)
{
	if (s->mux && mux_stream_release(s))
		memset(s, 0xee, sizeof(*s));
}

static void lose_link(struct mux_peer *peer, struct mux_stream *s)
{
	mux_link_lost(peer->mux);
}

static void an_owner_may_end_it_in_any_event(void **state)
{
	static void (*const ways[])(struct mux_peer *, struct mux_stream *) = {
		reset_it, let_go, lose_link};

	for (unsigned way = 0; way < 3; way++) {
		for (unsigned read = 0; read < 2; read++) {
			init(MUX_CLIENT, 0);
			p.then = ways[way];
			p.read = read;
			assert_int_equal(says(0, MUX_FLAG_SYN | MUX_FLAG_FIN, 2, 50), 0);
			mux_peer_tick(&p);
			assert_int_equal(says(0, MUX_FLAG_SYN, 4, 50), 0);
			assert_int_equal(mux_fault_of(p.mux), MUX_FAULT_NONE);
			mux_peer_deinit(&p);
		}
	}
	init(MUX_CLIENT, 0);
}

/* Parked bytes are told in pieces; the rest of them is nobody's then. */
static void letting_go_between_two_pieces_is_a_reset(void **state)
{
	init(MUX_CLIENT, 0);
	p.read = false;
	assert_int_equal(says(0, MUX_FLAG_SYN, 2, 200 * KIB), 0);
	TOLD("opened 2;");
	mux_stream_read_start(&p.streams[0].stream);
	p.then = let_go;
	mux_peer_tick(&p);
	p.then = NULL;
	TOLD("data 2 65536;gone 2;");
	SENT("ack 204812;window ACK FIN 2 0;window RST 2 0;");
	assert_int_equal(mux_stream_count(p.mux), 0);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_short_stream_is_one_frame),
		T(the_end_rides_on_the_last_frame_that_was_not_sent),
		T(a_frame_that_was_sent_over_a_lost_link_stays_as_it_was),
		T(acceptance_rides_on_the_answer),
		T(acceptance_without_an_answer_goes_alone),
		T(the_end_of_a_stream_that_was_let_go_is_heard),
		T(more_for_a_stream_that_was_let_go_is_refused),
		T(letting_go_of_unread_bytes_is_a_reset),
		T(a_stream_that_never_spoke_leaves_no_trace),
		T(streams_that_wait_take_turns_in_small_frames),
		T(one_that_waits_alone_takes_larger_ones),
		T(the_control_stream_goes_first),
		T(nobody_passes_those_who_wait),
		T(room_that_is_asked_for_in_vain_holds_little_memory),
		T(what_was_said_goes_before_the_reset),
		T(what_was_said_goes_before_a_later_reset),
		T(credit_is_never_exceeded),
		T(writable_waits_for_what_was_written_meanwhile),
		T(a_full_tail_stops_streams_until_it_is_acknowledged),
		T(when_others_have_the_memory_streams_wait_for_their_own),
		T(an_owner_may_end_it_in_any_event),
		T(letting_go_between_two_pieces_is_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
