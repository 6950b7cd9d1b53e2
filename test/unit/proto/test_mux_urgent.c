/* Pings and acknowledgements: when they come, what they pass, and how many may wait. */
#include "proto/mux_urgent.h"

#include "mux_rig.h"
#include "proto/mux_priv.h"

#define SYN MUX_FLAG_SYN

static void pings_are_answered_and_measured(void **state)
{
	init(MUX_CLIENT, 0);
	assert_int_equal(says(MUX_FRAME_PING, SYN, 0, 0xfffffffe), 0);
	SENT("ping ACK 0 4294967294;");
	mux_ping(p.mux, p.now_us);
	SENT("ping SYN 0 1;");
	p.now_us += 1234;
	assert_int_equal(says(MUX_FRAME_PING, MUX_FLAG_ACK, 0, 2), 0);
	TOLD("");
	assert_int_equal(says(MUX_FRAME_PING, MUX_FLAG_ACK, 0, 1), 0);
	assert_int_equal(says(MUX_FRAME_PING, MUX_FLAG_ACK, 0, 1), 0);
	TOLD("pong 1234;");
}

static void what_is_received_is_acknowledged(void **state)
{
	init(MUX_CLIENT, 0);
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 2, 100), 0);
	SENT("");
	mux_ping(p.mux, p.now_us);
	SENT("ack 112;ping SYN 0 1;");
	mux_ping(p.mux, p.now_us);
	SENT("ping SYN 0 2;");
	assert_int_equal(says(MUX_FRAME_DATA, 0, 2, 5000), 0);
	SENT("");
	mux_accept(p.mux);
	SENT("ack 5124;window ACK 2 0;");
}

/* The peer knows only from what was written before that we agreed. */
static void an_acknowledgement_stays_behind_the_welcome(void **state)
{
	mux_peer_init(&p, (struct mux_conf) {.role = MUX_SERVER});
	assert_int_equal(says(MUX_FRAME_DATA, SYN, 1, 10000), 0);
	mux_peer_write(&p.streams[0].stream, 99);
	mux_agree(p.mux, true, 0);
	mux_ping(p.mux, p.now_us);
	SENT("data ACK 1 99;ack 10012;ping SYN 0 1;");
}

static void pings_on_a_link_that_takes_nothing_are_bounded(void **state)
{
	unsigned count = 0;

	init(MUX_SERVER, 0);
	while (says(MUX_FRAME_PING, SYN, 0, count) == 0 && count < 100000)
		count++;
	assert_int_equal(mux_fault_of(p.mux), MUX_FAULT_FLOOD);
	assert_true(mux_memory(p.mux) < 66000);
}

/* A peer may go on sending, and read nothing for days. */
static void own_pings_are_bounded_as_well(void **state)
{
	init(MUX_SERVER, 0);
	for (unsigned i = 0; i < 20000; i++)
		mux_ping(p.mux, p.now_us);
	assert_true(mux_memory(p.mux) < 66000);
}

/* The peer stands in the middle of a frame: pings and acknowledgements wait for its end. */
static void nothing_comes_between_the_halves_of_a_frame(void **state)
{
	struct slice parts[8];
	struct buf all = {0};
	size_t n;

	init(MUX_SERVER, 0);
	mux_peer_write(mux_peer_open(&p), 200000);
	mux_peer_sent(&p);
	mux_link_lost(p.mux);
	assert_int_equal(mux_link_found(p.mux, 1000), 0);
	mux_ping(p.mux, p.now_us);
	while ((n = mux_output(p.mux, parts, 1)) != 0) {
		for (size_t i = 0; i < n; i++)
			buf_append_slice(&all, parts[i]);
		mux_sent(p.mux);
	}
	assert_int_equal(buf_len(&all), 200000 + 12 - 1000 + 12);
	assert_memory_equal(all.base + 200000 + 12 - 1000, "\0\2\0\1\0\0\0\0\0\0\0\1", 12);
	buf_release(&all);
}

static void a_mux_at_rest_owns_no_buffers(void **state)
{
	init(MUX_SERVER, 0);
	mux_peer_write(mux_peer_open(&p), 200000);
	mux_ping(p.mux, p.now_us);
	mux_peer_sent(&p);
	assert_int_equal(mux_peer_acks(&p, p.counted), 0);
	mux_ping(p.mux, p.now_us); /* nothing was said meanwhile */
	mux_peer_sent(&p);
	assert_int_equal(p.mux->tail.spare_count, 0);
	assert_true(list_is_empty(&p.mux->tail.blocks));
	assert_null(p.mux->urgent.base);
}

static void a_mux_without_a_link_owns_none_either(void **state)
{
	init(MUX_SERVER, 0);
	mux_peer_write(mux_peer_open(&p), 200000);
	mux_peer_sent(&p);
	assert_int_equal(mux_peer_acks(&p, p.mux->tail.high), 0);
	assert_true(p.mux->tail.spare_count > 0);
	mux_link_lost(p.mux);
	assert_int_equal(p.mux->tail.spare_count, 0);
}

#define T(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pings_on_a_link_that_takes_nothing_are_bounded),
		T(own_pings_are_bounded_as_well),
		T(pings_are_answered_and_measured),
		T(what_is_received_is_acknowledged),
		T(an_acknowledgement_stays_behind_the_welcome),
		T(nothing_comes_between_the_halves_of_a_frame),
		T(a_mux_at_rest_owns_no_buffers),
		T(a_mux_without_a_link_owns_none_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
