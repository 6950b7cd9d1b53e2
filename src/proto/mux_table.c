/*
 * Open addressing with linear probing. Removal moves later entries of the run back, so that there
 * are no graves, and an empty table owns nothing.
 */
#include "proto/mux_table.h"

#include "base/check.h"
#include "base/mem.h"
#include "proto/mux.h"

#define MUX_TABLE_MIN 8u

/* A peer chooses its own ids, and could choose them to meet: the multiplier spreads them. What it
 * can still do is bounded by the number of streams it may open. */
static uint32_t mux_table_home(const struct mux_table *t, uint32_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32) & t->mask;
}

static uint32_t mux_table_find(const struct mux_table *t, uint32_t id)
{
	uint32_t at = mux_table_home(t, id);

	while (t->slots[at] && t->slots[at]->id != id)
		at = (at + 1) & t->mask;
	return at;
}

static void mux_table_resize(struct mux_table *t, uint32_t size)
{
	struct mux_table old = *t;

	t->slots = mem_zero(size * sizeof(struct mux_stream *));
	t->mask = size - 1;
	for (uint32_t i = 0; old.slots && i <= old.mask; i++) {
		if (old.slots[i])
			t->slots[mux_table_find(t, old.slots[i]->id)] = old.slots[i];
	}
	mem_free(old.slots);
}

struct mux_stream *mux_table_get(const struct mux_table *t, uint32_t id)
{
	return t->slots ? t->slots[mux_table_find(t, id)] : NULL;
}

void mux_table_put(struct mux_table *t, struct mux_stream *s)
{
	uint32_t at;

	if (!t->slots)
		mux_table_resize(t, MUX_TABLE_MIN);
	else if (t->count >= t->mask - t->mask / 4)
		mux_table_resize(t, (t->mask + 1) * 2);
	at = mux_table_find(t, s->id);
	CHECK(!t->slots[at]);
	t->slots[at] = s;
	t->count++;
}

void mux_table_remove(struct mux_table *t, const struct mux_stream *s)
{
	uint32_t hole = mux_table_find(t, s->id), at = hole;

	CHECK(t->slots[hole] == s);
	for (;;) {
		uint32_t home;

		at = (at + 1) & t->mask;
		if (!t->slots[at])
			break;
		home = mux_table_home(t, t->slots[at]->id);
		/* It may move back only if its home is not between the hole and itself. */
		if (((at - home) & t->mask) >= ((at - hole) & t->mask)) {
			t->slots[hole] = t->slots[at];
			hole = at;
		}
	}
	t->slots[hole] = NULL;
	t->count--;
}

void mux_table_fit(struct mux_table *t)
{
	if (!t->count)
		mux_table_deinit(t);
	else if (t->mask + 1 > MUX_TABLE_MIN && t->count < (t->mask + 1) / 8)
		mux_table_resize(t, (t->mask + 1) / 2);
}

struct mux_stream *mux_table_any(struct mux_table *t)
{
	if (!t->count)
		return NULL;
	t->cursor &= t->mask;
	while (!t->slots[t->cursor])
		t->cursor = (t->cursor + 1) & t->mask;
	return t->slots[t->cursor];
}

void mux_table_deinit(struct mux_table *t)
{
	mem_free(t->slots);
	*t = (struct mux_table) {0};
}
