/* What the head of a frame says along, and where it may still be changed. */
#include "proto/mux_head.h"

#include "mux_rig.h"
#include "proto/mux_priv.h"

static void the_first_head_of_a_stream_opens_it(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	s = mux_peer_open(&p);
	mux_head_put(s, MUX_FRAME_WINDOW, 0, 7);
	mux_head_put(s, MUX_FRAME_WINDOW, MUX_FLAG_FIN, 0);
	SENT("window SYN 1 7;window FIN 1 0;");
	assert_true(s->syn_sent);
}

static void the_first_head_of_a_peers_stream_accepts_it(void **state)
{
	struct mux_frame opening = {
		.type = MUX_FRAME_WINDOW, .flags = MUX_FLAG_SYN, .stream = 2, .length = 0};
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	assert_int_equal(mux_peer_says(&p, opening), 0);
	s = &p.streams[0].stream;
	assert_true(list_is_linked(&s->owing));
	mux_head_put(s, MUX_FRAME_WINDOW, 0, 1);
	assert_false(list_is_linked(&s->owing));
	mux_head_put(s, MUX_FRAME_WINDOW, 0, 2);
	SENT("window ACK 2 1;window 2 2;");
}

static void flags_of_a_head_that_was_not_sent_may_still_change(void **state)
{
	struct mux_stream *s;

	init(MUX_CLIENT, 0);
	s = mux_peer_open(&p);
	mux_head_put(s, MUX_FRAME_WINDOW, 0, 0);
	assert_int_equal(s->frame_at + MUX_FRAME_HEAD, p.mux->tail.end);
	*s->frame_flags = (char)(*s->frame_flags | (char)MUX_FLAG_FIN);
	SENT("window SYN FIN 1 0;");
}

static void a_control_frame_is_as_it_was_given(void **state)
{
	init(MUX_CLIENT, 0);
	mux_head_control(p.mux, &(struct mux_frame) {.type = MUX_FRAME_GO_AWAY, .length = 1});
	SENT("go-away 0 1;");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_first_head_of_a_stream_opens_it),
		T(the_first_head_of_a_peers_stream_accepts_it),
		T(flags_of_a_head_that_was_not_sent_may_still_change),
		T(a_control_frame_is_as_it_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
