/*
 * What a session has sent and the other side has not acknowledged, followed by what waits to be
 * sent. One copy serves both: a link that takes bytes only moves a mark.
 *
 *      acked              sent                end
 *        |  kept for a     |  for the link     |
 *        |  new link       |                   |
 *
 * Positions count from the beginning of the session.
 */
#ifndef PROTO_MUX_TAIL_H
#define PROTO_MUX_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/slice.h"

struct mux_block;

/* What each tail may hold whatever the others do. A peer that has received so much says so. */
#define MUX_TAIL_OWN 262144u

/* What tails hold beyond that together, in memory. They may be on several threads. */
struct mux_tails {
	atomic_size_t held;
	atomic_size_t max;
};

struct mux_tail {
	struct mux_tails *all; /* borrowed; NULL: alone */
	struct list blocks; /* struct mux_block, oldest first; owned */
	struct mux_block *sending; /* the one that `sent` is in; NULL: behind all */
	const struct mux_block *leased; /* nothing is written behind what this one has; or NULL */
	struct list spare; /* owned; large blocks, so that a busy session allocates little */
	unsigned spare_count;
	unsigned large_count; /* the spare ones too */
	uint64_t acked;
	uint64_t sent;
	uint64_t high; /* the furthest that was ever sent */
	uint64_t end;
};

static inline bool mux_tails_are_full(const struct mux_tails *all)
{
	return atomic_load_explicit(&all->held, memory_order_relaxed) >=
		atomic_load_explicit(&all->max, memory_order_relaxed);
}

void mux_tail_init(struct mux_tail *t, struct mux_tails *all);
void mux_tail_deinit(struct mux_tail *t);

static inline uint64_t mux_tail_held(const struct mux_tail *t)
{
	return t->end - t->acked;
}

/* Whether more may be written, with so much held at the most. */
static inline bool mux_tail_has_room(const struct mux_tail *t, uint64_t max)
{
	uint64_t held = mux_tail_held(t);

	return held < max && (held < MUX_TAIL_OWN || !t->all || !mux_tails_are_full(t->all));
}

static inline uint64_t mux_tail_unsent(const struct mux_tail *t)
{
	return t->end - t->sent;
}

/* Room for so many bytes in one piece, at most MUX_TAIL_PIECE; they count as written. */
#define MUX_TAIL_PIECE 64u
char *mux_tail_place(struct mux_tail *t, size_t len);
void mux_tail_append(struct mux_tail *t, struct slice data);
/* Room for a piece of that length and, returned, for `least` to `most` bytes behind it. Until
 * mux_tail_redeem, mux_tail_output or mux_tail_ack is called all other writes go elsewhere. */
struct slice mux_tail_lease(struct mux_tail *t, size_t piece, size_t least, size_t most);
/* Whether much memory is in blocks that were left for the sake of a lease: better none for now. */
bool mux_tail_is_loose(const struct mux_tail *t);
/* A piece of that length comes next, and then data: what is there already will not be copied. */
void mux_tail_redeem(struct mux_tail *t, size_t piece, struct slice data);
/* What stands in these blocks is wiped when nobody needs it any more. */
void mux_tail_append_secret(struct mux_tail *t, struct slice data);
/* Slices of what was not sent: at most count, and about max bytes. Valid until mux_tail_ack. */
size_t mux_tail_output(struct mux_tail *t, struct slice *parts, size_t count, size_t max);
void mux_tail_sent(struct mux_tail *t, size_t len);
/* The other side has everything before that position. */
void mux_tail_ack(struct mux_tail *t, uint64_t position);
/* Sends again from there. */
void mux_tail_rewind(struct mux_tail *t, uint64_t position);
/* Gives the spare blocks back. */
void mux_tail_rest(struct mux_tail *t);

#endif
