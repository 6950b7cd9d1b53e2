/* What a peer may not do, and what comes of a link that ends: frame by frame. */
#include "proto/mux_receive.h"

#include <string.h>

#include "base/err.h"
#include "mux_rig.h"

#define CREDIT_MAX 0x7fffffffu

/* ---- faults ---- */

struct fault_case {
	enum mux_fault fault; /* of the last frame; none: all are in order */
	struct mux_frame frames[4];
	unsigned count;
};

#define CASE(fault, n, ...)                                                                        \
	{                                                                                          \
		MUX_FAULT_##fault, {__VA_ARGS__}, n                                                \
	}
#define FRAME(t, f, s, l)                                                                          \
	{                                                                                          \
		.type = MUX_FRAME_##t, .flags = (f), .stream = (s), .length = (l)                  \
	}
#define SYN MUX_FLAG_SYN
#define FIN MUX_FLAG_FIN
#define RST MUX_FLAG_RST

static const struct fault_case fault_cases[] = {
	CASE(VERSION, 1, {.version = 1}),
	CASE(TYPE, 1, {.type = 4}),
	CASE(TYPE, 1, {.type = 15}),
	CASE(TYPE, 1, {.type = 17}),
	CASE(TYPE, 1, {.type = 255}),
	CASE(TYPE, 1, {.type = MUX_FRAME_ACK, .length = 7}),
	CASE(TYPE, 1, {.type = MUX_FRAME_ACK, .length = 9}),
	CASE(STREAM_EXISTS, 2, FRAME(DATA, SYN, 1, 0), FRAME(WINDOW, SYN, 1, 0)),
	CASE(STREAM_ID, 1, FRAME(DATA, SYN, 2, 0)),
	CASE(STREAM_ID, 1, FRAME(DATA, SYN, 0, 0)),
	CASE(NONE, 1, FRAME(DATA, SYN, 1, MUX_WINDOW_START / 2)),
	CASE(NONE, 1, FRAME(DATA, SYN, 1, MUX_WINDOW_START)),
	CASE(WINDOW, 1, FRAME(DATA, SYN, 1, MUX_WINDOW_START + 1)),
	CASE(WINDOW, 1, FRAME(DATA, SYN, 1, UINT32_MAX)),
	CASE(NONE, 1, FRAME(WINDOW, SYN, 1, CREDIT_MAX - MUX_WINDOW_START)),
	CASE(WINDOW, 1, FRAME(WINDOW, SYN, 1, CREDIT_MAX - MUX_WINDOW_START + 1)),
	CASE(WINDOW, 2, FRAME(DATA, SYN, 1, 0), FRAME(WINDOW, 0, 1, UINT32_MAX)),
	CASE(CLOSED, 2, FRAME(DATA, SYN | FIN, 1, 3), FRAME(DATA, 0, 1, 1)),
	CASE(CLOSED, 2, FRAME(DATA, SYN | FIN, 1, 3), FRAME(WINDOW, FIN, 1, 0)),
	CASE(NONE, 2, FRAME(DATA, SYN | FIN, 1, 3), FRAME(WINDOW, 0, 1, 9)),
	CASE(NONE, 2, FRAME(DATA, SYN | FIN, 1, 3), FRAME(DATA, 0, 1, 0)),
	CASE(GO_AWAY, 1, FRAME(GO_AWAY, 0, 0, 1)),
	CASE(GO_AWAY, 1, FRAME(GO_AWAY, 0, 0, 2)),
	CASE(NONE, 1, FRAME(GO_AWAY, 0, 0, 0)),
	/* Streams that are not known, any more or at all. */
	CASE(NONE, 1, FRAME(DATA, 0, 77, 500)),
	CASE(NONE, 1, FRAME(DATA, 0, 0, 500)),
	CASE(NONE, 3, FRAME(WINDOW, 0, 2, UINT32_MAX), FRAME(DATA, FIN, 9, 1),
		FRAME(WINDOW, RST, 9, 0)),
	CASE(NONE, 4, FRAME(DATA, SYN, 1, 5), FRAME(DATA, RST, 1, 50), FRAME(DATA, FIN, 1, 7),
		FRAME(WINDOW, RST, 1, 0)),
	CASE(NONE, 2, FRAME(DATA, SYN | RST | FIN, 1, 5), FRAME(DATA, SYN, 1, 5)),
	CASE(NONE, 2, FRAME(PING, SYN, 0, 9), FRAME(PING, MUX_FLAG_ACK, 0, 9)),
};

static void check_fault(const struct fault_case *c, bool bytewise)
{
	init(MUX_SERVER, 0);
	p.bytewise = bytewise;
	for (unsigned i = 0; i < c->count; i++) {
		bool bad = i + 1 == c->count && c->fault != MUX_FAULT_NONE;

		assert_int_equal(mux_peer_says(&p, c->frames[i]), bad ? ERR_SYNTAX : 0);
	}
	assert_int_equal(mux_fault_of(p.mux), c->fault);
	if (c->fault != MUX_FAULT_NONE) {
		assert_true(strlen(mux_fault_text(c->fault)) > 5);
		assert_int_equal(says(MUX_FRAME_PING, SYN, 0, 1), ERR_SYNTAX);
		assert_int_equal(mux_fault_of(p.mux), c->fault);
		assert_true((strstr(mux_peer_sent(&p), "go-away 0 1;") != NULL) ==
			(c->fault != MUX_FAULT_GO_AWAY));
	}
	mux_peer_deinit(&p);
}

static void each_fault_has_its_cause(void **state)
{
	for (size_t i = 0; i < sizeof(fault_cases) / sizeof(fault_cases[0]); i++) {
		check_fault(&fault_cases[i], false);
		check_fault(&fault_cases[i], true);
	}
	init(MUX_SERVER, 0);
}

static void an_acknowledgement_may_not_be_sent_before_it_was_agreed(void **state)
{
	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER});
	assert_int_equal(mux_peer_acks(&p, 0), ERR_SYNTAX);
	assert_int_equal(mux_fault_of(p.mux), MUX_FAULT_TYPE);
}

static void an_acknowledgement_goes_neither_back_nor_ahead(void **state)
{
	init(MUX_SERVER, 0);
	mux_peer_write(mux_peer_open(&p), 100);
	assert_int_equal(mux_peer_acks(&p, 0), 0);
	SENT("data SYN 2 100;");
	mux_peer_write(&p.streams[0].stream, 1); /* not sent yet */
	assert_int_equal(mux_peer_acks(&p, 50), 0);
	assert_int_equal(mux_peer_acks(&p, 112), 0);
	assert_int_equal(mux_memory(p.mux), 13);
	assert_int_equal(mux_peer_acks(&p, 113), ERR_SYNTAX);
	assert_int_equal(mux_fault_of(p.mux), MUX_FAULT_ACK);
	mux_peer_deinit(&p);
	init(MUX_SERVER, 0);
	mux_peer_write(mux_peer_open(&p), 100);
	SENT("data SYN 2 100;");
	assert_int_equal(mux_peer_acks(&p, 50), 0);
	p.bytewise = true;
	assert_int_equal(mux_peer_acks(&p, 50), 0);
	assert_int_equal(mux_peer_acks(&p, 49), ERR_SYNTAX);
	assert_int_equal(mux_fault_of(p.mux), MUX_FAULT_ACK);
}

/* ---- pieces ---- */

/* What is more than the reader wants at a time waits for the tick. */
static void a_reader_may_get_it_in_pieces(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_SERVER, 0);
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 1, 70000), 0);
	mux_stream_set_piece(s, 100);
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 100), 0);
	TOLD("opened 1;data 1 70000;data 1 100;");
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 101), 0);
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 50), 0);
	TOLD("");
	mux_peer_tick(&p);
	TOLD("data 1 100;data 1 51;owing;");
	mux_stream_read_stop(s);
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 120), 0);
	mux_stream_read_start(s);
	assert_int_equal(says(MUX_FRAME_DATA, FIN, 1, 120), 0);
	TOLD("");
	mux_peer_tick(&p);
	TOLD("data 1 100;data 1 100;data 1 40;ended 1;owing;");
}

static void pieces_may_be_whole_again(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_SERVER, 0);
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 1, 0), 0);
	mux_stream_set_piece(s, 100);
	mux_stream_set_piece(s, UINT32_MAX);
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 70000), 0);
	TOLD("opened 1;data 1 70000;");
}

/* ---- resets ---- */

static void a_reset_takes_nothing_back_of_what_was_finished(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_SERVER, 0);
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 1, 3), 0);
	mux_stream_read_stop(s);
	assert_int_equal(says(MUX_FRAME_DATA, FIN, 1, 4), 0);
	assert_int_equal(says(MUX_FRAME_WINDOW, RST, 1, 0), 0);
	assert_int_equal(says(MUX_FRAME_DATA, 0, 1, 9), 0); /* nobody's any more */
	TOLD("opened 1;data 1 3;");
	mux_peer_write(s, 5);
	mux_stream_read_start(s);
	mux_peer_tick(&p);
	TOLD("data 1 4;ended 1;reset 1;");
	assert_null(s->mux);
	SENT("");
}

static void a_finished_and_reset_stream_may_be_let_go_unread(void **state)
{
	struct mux_stream *s = &p.streams[0].stream;

	init(MUX_SERVER, 0);
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 1, 3), 0);
	mux_stream_read_stop(s);
	assert_int_equal(says(MUX_FRAME_DATA, FIN, 1, 4), 0);
	assert_int_equal(says(MUX_FRAME_WINDOW, RST, 1, 0), 0);
	assert_true(mux_stream_release(s));
	assert_null(s->mux);
	SENT("");
}

/* ---- floods ---- */

static void one_stream_more_than_may_be_is_refused(void **state)
{
	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER, .max_streams = 2});
	for (uint32_t id = 1; id <= 5; id += 2)
		assert_int_equal(says(MUX_FRAME_DATA, SYN, id, 3), 0);
	TOLD("opened 1;data 1 3;opened 3;data 3 3;");
	SENT("window RST 5 0;");
	assert_int_equal(says(MUX_FRAME_WINDOW, RST, 1, 0), 0);
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 7, 3), 0);
	TOLD("reset 1;opened 7;data 7 3;");
}

static void refusals_that_nobody_acknowledges_are_bounded(void **state)
{
	uint32_t id = 1;

	init(MUX_SERVER, 0);
	p.refuse = true;
	while (says(MUX_FRAME_DATA, SYN, id, 0) == 0 && id < 1000000) {
		id += 2;
		if (id % 1000 == 1)
			mux_peer_sent(&p); /* it reads, but says nothing of it */
	}
	assert_int_equal(mux_fault_of(p.mux), MUX_FAULT_FLOOD);
	assert_true(mux_memory(p.mux) > 2 * MIB && mux_memory(p.mux) < 2 * MIB + 100);
}

/* ---- leaving ---- */

static void a_peer_that_leaves_wants_no_new_streams(void **state)
{
	init(MUX_CLIENT, 0);
	mux_peer_write(mux_peer_open(&p), 1);
	mux_go_away(p.mux);
	SENT("data SYN 1 1;go-away 0 0;");
	assert_int_equal(says(MUX_FRAME_GO_AWAY, 0, 0, 0), 0);
	TOLD("go-away;");
	assert_null(mux_peer_open(&p));
	assert_true(mux_peer_write(&p.streams[0].stream, 7));
	SENT("data 1 7;");
}

/* ---- resuming ---- */

static void a_link_cannot_go_on_from_anywhere(void **state)
{
	init(MUX_SERVER, 0);
	mux_peer_write(mux_peer_open(&p), 100);
	SENT("data SYN 2 100;");
	assert_int_equal(mux_peer_acks(&p, 20), 0);
	mux_peer_write(&p.streams[0].stream, 100);
	mux_link_lost(p.mux);
	assert_int_equal(mux_link_found(p.mux, 19), ERR_RANGE);
	assert_int_equal(mux_link_found(p.mux, 113), ERR_RANGE); /* written, never sent */
	assert_int_equal(mux_link_found(p.mux, UINT64_MAX), ERR_RANGE);
	assert_false(mux_has_output(p.mux));
	assert_int_equal(mux_link_found(p.mux, 112), 0);
	SENT("data 2 100;");
}

static void bytes_of(char *out, const struct mux_frame *f)
{
	mux_frame_write(out, f);
}

/* Whatever was cut at the end of a link: headers, pings and acknowledgements did not count. */
static void what_was_cut_in_its_head_comes_again_whole(void **state)
{
	static const struct mux_frame frames[] = {
		FRAME(DATA, SYN, 2, 10), FRAME(PING, SYN, 0, 3), FRAME(ACK, 0, 0, 8)};
	char bytes[MUX_FRAME_HEAD + 10] = {0};

	for (unsigned i = 0; i < 3; i++) {
		size_t whole = MUX_FRAME_HEAD + (i == 2 ? 8 : 0);

		for (size_t cut = 1; cut < whole; cut++) {
			init(MUX_CLIENT, 0);
			bytes_of(bytes, &frames[i]);
			assert_int_equal(mux_receive(p.mux, slice_of(bytes, cut), 1), 0);
			assert_int_equal(mux_received(p.mux), 0);
			mux_link_lost(p.mux);
			assert_int_equal(mux_link_found(p.mux, 0), 0);
			assert_int_equal(says(MUX_FRAME_DATA, SYN, 2, 10), 0);
			TOLD("opened 2;data 2 10;");
			assert_int_equal(mux_received(p.mux), 22);
			mux_peer_deinit(&p);
		}
	}
	init(MUX_CLIENT, 0);
}

static void a_payload_that_was_cut_goes_on_in_its_middle(void **state)
{
	char bytes[MUX_FRAME_HEAD + 10] = {0};

	init(MUX_CLIENT, 0);
	bytes_of(bytes, &(struct mux_frame)FRAME(DATA, SYN | FIN, 2, 10));
	assert_int_equal(mux_receive(p.mux, slice_of(bytes, 16), 1), 0);
	assert_int_equal(mux_received(p.mux), 16);
	mux_link_lost(p.mux);
	assert_int_equal(mux_receive(p.mux, slice_of(bytes + 16, 6), 1), 0);
	TOLD("opened 2;data 2 4;");
	assert_int_equal(mux_link_found(p.mux, 0), 0);
	assert_int_equal(mux_receive(p.mux, slice_of(bytes + 16, 6), 1), 0);
	TOLD("data 2 6;ended 2;");
	assert_int_equal(mux_received(p.mux), 22);
}

/* An event may bring another link: what is left of the old one's bytes is not for it. */
static void change_link(struct mux_peer *peer, struct mux_stream *s)
{
	mux_link_lost(peer->mux);
	assert_int_equal(mux_link_found(peer->mux, 0), 0);
}

static void bytes_of_an_old_link_do_not_count(void **state)
{
	char bytes[2 * MUX_FRAME_HEAD + 10] = {0};

	init(MUX_CLIENT, 0);
	bytes_of(bytes, &(struct mux_frame)FRAME(DATA, SYN, 2, 10));
	bytes_of(bytes + 22, &(struct mux_frame)FRAME(GO_AWAY, 0, 0, 0));
	p.then = change_link;
	assert_int_equal(mux_receive(p.mux, slice_of(bytes, 34), 1), 0);
	p.then = NULL;
	TOLD("opened 2;");
	assert_int_equal(mux_received(p.mux), 12);
}

static void without_resume_nothing_is_kept(void **state)
{
	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER});
	mux_peer_write(mux_peer_open(&p), 5000);
	mux_peer_sent(&p);
	assert_int_equal(mux_memory(p.mux), 5012);
	mux_agree(p.mux, false, 0);
	assert_int_equal(mux_memory(p.mux), 0);
	mux_peer_write(&p.streams[0].stream, 5000);
	SENT("data 2 5000;");
	assert_int_equal(mux_memory(p.mux), 0);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_fault_has_its_cause),
		T(an_acknowledgement_may_not_be_sent_before_it_was_agreed),
		T(an_acknowledgement_goes_neither_back_nor_ahead),
		T(a_reader_may_get_it_in_pieces),
		T(pieces_may_be_whole_again),
		T(a_reset_takes_nothing_back_of_what_was_finished),
		T(a_finished_and_reset_stream_may_be_let_go_unread),
		T(one_stream_more_than_may_be_is_refused),
		T(refusals_that_nobody_acknowledges_are_bounded),
		T(a_peer_that_leaves_wants_no_new_streams),
		T(a_link_cannot_go_on_from_anywhere),
		T(what_was_cut_in_its_head_comes_again_whole),
		T(a_payload_that_was_cut_goes_on_in_its_middle),
		T(bytes_of_an_old_link_do_not_count),
		T(without_resume_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
