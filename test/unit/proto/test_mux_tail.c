/* The tail against an array of all bytes ever written, at random. */
#include "proto/mux_tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#define BYTES 4000000u
#define PARTS 40

static char model[BYTES];

struct random {
	uint64_t state;
};

static uint32_t pick(struct random *r, uint32_t below)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->state >> 33) % below;
}

static void write_some(struct mux_tail *t, struct random *r)
{
	uint32_t len = pick(r, 3) ? pick(r, MUX_TAIL_PIECE + 1) : pick(r, 150000);

	if (t->end + len > BYTES)
		return;
	if (len <= MUX_TAIL_PIECE) {
		char *at = mux_tail_place(t, len);

		memcpy(at, model + t->end - len, len);
	} else {
		mux_tail_append(t, slice_of(model + t->end, len));
	}
}

/* Bytes are put into leased room, and written from there; or from elsewhere in it; or not at all;
 * or after something else was. */
static void write_leased(struct mux_tail *t, struct random *r)
{
	size_t piece = pick(r, MUX_TAIL_PIECE + 1), least = 1 + pick(r, 20000);
	struct slice room = mux_tail_lease(t, piece, least, least + pick(r, 200000)), data;
	uint64_t at;

	assert_true(room.len >= least);
	if (pick(r, 4) == 0)
		write_some(t, r);
	at = t->end + piece;
	if (pick(r, 4) == 0 || at + room.len > BYTES)
		return;
	data = slice_first(room, 1 + pick(r, (uint32_t)room.len));
	if (pick(r, 4) == 0)
		data = slice_from(data, pick(r, (uint32_t)data.len));
	memcpy((char *)data.ptr, model + at, data.len);
	mux_tail_redeem(t, piece, data);
	memcpy(mux_tail_place(t, piece), model + at - piece, piece);
	mux_tail_append(t, data);
}

/* What is offered is what comes next, and all of it if it may. */
static size_t check_output(struct mux_tail *t, size_t count, size_t max)
{
	struct slice parts[PARTS];
	uint64_t at = t->sent;
	size_t n = mux_tail_output(t, parts, count, max);

	assert_true(n <= count);
	for (size_t i = 0; i < n; i++) {
		assert_true(parts[i].len);
		assert_int_equal(memcmp(parts[i].ptr, model + at, parts[i].len), 0);
		at += parts[i].len;
	}
	assert_true(at <= t->end && at - t->sent <= max);
	if (n < count && at - t->sent < max)
		assert_true(at == t->end);
	return (size_t)(at - t->sent);
}

static void step(struct mux_tail *t, struct random *r)
{
	size_t len;

	switch (pick(r, 7)) {
	case 0:
	case 1:
		write_some(t, r);
		break;
	case 2:
	case 3:
		len = check_output(t, 1 + pick(r, PARTS), 1 + pick(r, 600000));
		mux_tail_sent(t, pick(r, 3) ? len : pick(r, (uint32_t)len + 1));
		break;
	case 4:
		write_leased(t, r);
		break;
	case 5:
		mux_tail_ack(t, t->acked + pick(r, (uint32_t)(t->high - t->acked) + 1));
		break;
	default:
		if (pick(r, 4) == 0)
			mux_tail_rewind(t, t->acked + pick(r, (uint32_t)(t->high - t->acked) + 1));
		if (pick(r, 10) == 0)
			mux_tail_rest(t);
		break;
	}
	assert_true(t->acked <= t->sent && t->sent <= t->high && t->high <= t->end);
}

static void it_offers_each_byte_again_until_it_is_acknowledged(void **state)
{
	struct random r = {1};

	for (uint32_t i = 0; i < BYTES; i++)
		model[i] = (char)((i * 2654435761u) >> 24);
	for (unsigned seed = 0; seed < 30; seed++) {
		struct mux_tail t;

		r.state = seed;
		mux_tail_init(&t, NULL);
		for (unsigned i = 0; i < 400; i++)
			step(&t, &r);
		mux_tail_rewind(&t, t.acked);
		while (mux_tail_unsent(&t))
			mux_tail_sent(&t, check_output(&t, PARTS, SIZE_MAX));
		mux_tail_ack(&t, t.end);
		assert_int_equal(mux_tail_held(&t), 0);
		assert_true(list_is_empty(&t.blocks));
		mux_tail_rest(&t);
		assert_int_equal(t.spare_count, 0);
		mux_tail_deinit(&t);
	}
}

static void a_place_stays_where_it_is_until_it_is_acknowledged(void **state)
{
	struct mux_tail t;
	char *first;

	mux_tail_init(&t, NULL);
	first = mux_tail_place(&t, 4);
	memcpy(first, "head", 4);
	mux_tail_append(&t, slice_of(model, 300000));
	memcpy(first, "HEAD", 4);
	mux_tail_sent(&t, 200000);
	mux_tail_rewind(&t, 0);
	{
		struct slice part;

		assert_int_equal(mux_tail_output(&t, &part, 1, 4), 1);
		assert_memory_equal(part.ptr, "HEAD", 4);
	}
	mux_tail_deinit(&t);
}

static void what_is_written_where_it_was_leased_is_not_moved(void **state)
{
	struct mux_tail t;
	struct slice room, parts[2];

	mux_tail_init(&t, NULL);
	room = mux_tail_lease(&t, 4, 1000, 5000);
	assert_int_equal(room.len, 5000);
	memcpy((char *)room.ptr, "much", 4);
	mux_tail_redeem(&t, 4, slice_first(room, 4));
	assert_ptr_equal(mux_tail_place(&t, 4) + 4, room.ptr);
	mux_tail_append(&t, slice_first(room, 4));
	assert_int_equal(mux_tail_output(&t, parts, 2, 100), 1);
	assert_ptr_equal(parts[0].ptr + 4, room.ptr);
	assert_int_equal(parts[0].len, 8);
	mux_tail_deinit(&t);
}

static void room_that_is_leased_is_left_alone_until_the_next_output(void **state)
{
	struct mux_tail t;
	struct slice room, part;

	mux_tail_init(&t, NULL);
	room = mux_tail_lease(&t, 4, 1000, 5000);
	memset((char *)room.ptr, 'x', room.len);
	mux_tail_redeem(&t, 5, room); /* it is not what a piece of five goes before */
	memset(mux_tail_place(&t, 4), 'y', 4);
	mux_tail_append(&t, slice_of(model, 2000));
	for (size_t i = 0; i < room.len; i++)
		assert_int_equal(room.ptr[i], 'x');
	mux_tail_output(&t, &part, 1, 1);
	assert_ptr_equal(mux_tail_lease(&t, 4, 1000, 5000).ptr, part.ptr + 2004 + 4);
	mux_tail_deinit(&t);
}

static void an_acknowledgement_ahead_of_what_was_sent_again_skips_it(void **state)
{
	struct mux_tail t;

	mux_tail_init(&t, NULL);
	mux_tail_append(&t, slice_of(model, 100000));
	mux_tail_sent(&t, 90000);
	mux_tail_rewind(&t, 10);
	mux_tail_ack(&t, 80000);
	assert_true(t.sent == 80000);
	assert_int_equal(check_output(&t, PARTS, SIZE_MAX), 20000);
	mux_tail_deinit(&t);
}

/* Acknowledged blocks are kept for the next bytes: what was secret in them is gone by then. */
static void secrets_are_wiped_with_the_acknowledgement(void **state)
{
	static char text[6000];
	struct slice parts[PARTS];

	memset(text, 's', sizeof(text));
	for (int is_secret = 0; is_secret <= 1; is_secret++) {
		struct mux_tail t;
		size_t left = 0;

		mux_tail_init(&t, NULL);
		if (is_secret)
			mux_tail_append_secret(&t, slice_of(text, sizeof(text)));
		else
			mux_tail_append(&t, slice_of(text, sizeof(text)));
		assert_int_equal(mux_tail_output(&t, parts, PARTS, sizeof(text)), 1);
		assert_int_equal(parts[0].len, sizeof(text));
		mux_tail_sent(&t, sizeof(text));
		assert_int_equal(parts[0].ptr[0], 's');
		mux_tail_ack(&t, sizeof(text));
		assert_int_equal(t.spare_count, 1);
		for (size_t i = 0; i < sizeof(text); i++)
			left += parts[0].ptr[i] == 's';
		assert_int_equal(left, is_secret ? 0 : sizeof(text));
		/* The same block carries something else now, which stays what it is. */
		mux_tail_append(&t, slice_of(text, sizeof(text)));
		assert_int_equal(mux_tail_output(&t, parts, PARTS, sizeof(text)), 1);
		mux_tail_sent(&t, sizeof(text));
		mux_tail_ack(&t, 2 * sizeof(text));
		assert_int_equal(parts[0].ptr[0], 's');
		mux_tail_deinit(&t);
	}
}

/* ---- memory of all ---- */

static void what_tails_hold_beyond_their_own_is_counted(void **state)
{
	struct mux_tails all = {.max = 1000000};
	struct mux_tail a, b;

	mux_tail_init(&a, &all);
	mux_tail_init(&b, &all);
	mux_tail_append(&a, slice_of(model, MUX_TAIL_OWN));
	mux_tail_append(&b, slice_of(model, 100));
	assert_int_equal(all.held, 0);
	mux_tail_append(&a, slice_of(model, 1000000));
	assert_in_range(all.held, 1000000 - 131072, 1000000 + 131072); /* a block */
	mux_tail_append(&a, slice_of(model, 131072));
	assert_true(mux_tails_are_full(&all));
	assert_false(mux_tail_has_room(&a, UINT32_MAX));
	assert_true(mux_tail_has_room(&b, UINT32_MAX)); /* it has what is its own */
	mux_tail_append(&b, slice_of(model, MUX_TAIL_OWN));
	assert_false(mux_tail_has_room(&b, UINT32_MAX));
	assert_false(mux_tail_has_room(&b, MUX_TAIL_OWN));
	/* What is given back is not kept by who had it. */
	mux_tail_sent(&a, a.end);
	mux_tail_ack(&a, a.end - 100);
	assert_true(mux_tail_has_room(&b, UINT32_MAX));
	assert_in_range(all.held, 0, all.max / 2);
	mux_tail_deinit(&a);
	mux_tail_deinit(&b);
	assert_int_equal(all.held, 0);
}

static void spare_blocks_count_until_they_are_given_back(void **state)
{
	struct mux_tails all = {.max = 64000000};
	struct mux_tail t;

	mux_tail_init(&t, &all);
	mux_tail_append(&t, slice_of(model, 2000000));
	mux_tail_sent(&t, t.end);
	mux_tail_ack(&t, t.end);
	assert_int_equal(t.spare_count, t.large_count);
	assert_true(all.held > 0);
	mux_tail_rest(&t);
	assert_int_equal(all.held, 0);
	assert_int_equal(t.large_count, 0);
	mux_tail_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_tails_hold_beyond_their_own_is_counted),
		cmocka_unit_test(spare_blocks_count_until_they_are_given_back),
		cmocka_unit_test(secrets_are_wiped_with_the_acknowledgement),
		cmocka_unit_test(it_offers_each_byte_again_until_it_is_acknowledged),
		cmocka_unit_test(what_is_written_where_it_was_leased_is_not_moved),
		cmocka_unit_test(room_that_is_leased_is_left_alone_until_the_next_output),
		cmocka_unit_test(a_place_stays_where_it_is_until_it_is_acknowledged),
		cmocka_unit_test(an_acknowledgement_ahead_of_what_was_sent_again_skips_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
