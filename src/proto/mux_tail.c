/* A chain of blocks: small ones for small talk, large ones for bulk. */
#include "proto/mux_tail.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* With its head a block fits a round size of the allocator. */
#define MUX_BLOCK_SMALL 4032u
#define MUX_BLOCK_LARGE 131008u
#define MUX_SPARE_MAX 16u
#define MUX_LOOSE_MAX 4u /* blocks beyond those that would be needed if they were half full */
/* Those that hold what each tail may have; the others count. */
#define MUX_OWN_BLOCKS ((MUX_TAIL_OWN + MUX_BLOCK_LARGE - 1) / MUX_BLOCK_LARGE)
#define MUX_BLOCK_SIZE (sizeof(struct mux_block) + MUX_BLOCK_LARGE)

struct mux_block {
	struct list node;
	uint64_t start; /* the position of its first byte */
	uint32_t len;
	uint32_t cap;
	bool is_secret;
	char data[];
};

/* ---- blocks ---- */

static struct mux_block *mux_block_new(struct mux_tail *t, uint32_t cap)
{
	struct mux_block *b = mem_alloc(sizeof(*b) + cap);

	b->cap = cap;
	b->is_secret = false;
	list_init(&b->node);
	if (cap == MUX_BLOCK_LARGE && ++t->large_count > MUX_OWN_BLOCKS && t->all)
		atomic_fetch_add_explicit(&t->all->held, MUX_BLOCK_SIZE, memory_order_relaxed);
	return b;
}

static void mux_block_free(struct mux_tail *t, struct mux_block *b)
{
	if (b->cap == MUX_BLOCK_LARGE && t->large_count-- > MUX_OWN_BLOCKS && t->all)
		atomic_fetch_sub_explicit(&t->all->held, MUX_BLOCK_SIZE, memory_order_relaxed);
	mem_free(b);
}

/* ---- the tail ---- */

void mux_tail_init(struct mux_tail *t, struct mux_tails *all)
{
	*t = (struct mux_tail) {.all = all};
	list_init(&t->blocks);
	list_init(&t->spare);
}

void mux_tail_rest(struct mux_tail *t)
{
	struct list *node;

	while ((node = list_pop(&t->spare)) != NULL)
		mux_block_free(t, CONTAINER_OF(node, struct mux_block, node));
	t->spare_count = 0;
}

static void mux_block_wipe(struct mux_block *b)
{
	if (b->is_secret)
		mem_wipe(b->data, b->len);
	b->is_secret = false;
}

void mux_tail_deinit(struct mux_tail *t)
{
	struct list *node;

	while ((node = list_pop(&t->blocks)) != NULL) {
		mux_block_wipe(CONTAINER_OF(node, struct mux_block, node));
		mux_block_free(t, CONTAINER_OF(node, struct mux_block, node));
	}
	mux_tail_rest(t);
}

static struct mux_block *mux_tail_last(const struct mux_tail *t)
{
	return list_is_empty(&t->blocks) ? NULL
					 : CONTAINER_OF(t->blocks.prev, struct mux_block, node);
}

static struct mux_block *mux_tail_next(const struct mux_tail *t, const struct mux_block *b)
{
	return b->node.next == &t->blocks ? NULL
					  : CONTAINER_OF(b->node.next, struct mux_block, node);
}

/* Behind the first block they are large: whoever fills one has much to say. */
static struct mux_block *mux_tail_extend(struct mux_tail *t, size_t wanted)
{
	uint32_t cap = MUX_BLOCK_LARGE;
	struct list *spare = NULL;
	struct mux_block *b;

	if (list_is_empty(&t->blocks) && wanted <= MUX_BLOCK_SMALL)
		cap = MUX_BLOCK_SMALL;
	else
		spare = list_pop(&t->spare);
	if (spare) {
		b = CONTAINER_OF(spare, struct mux_block, node);
		t->spare_count--;
	} else {
		b = mux_block_new(t, cap);
	}
	b->start = t->end;
	b->len = 0;
	list_append(&t->blocks, &b->node);
	if (!t->sending)
		t->sending = b;
	return b;
}

/* The block to write to next, with room for `least` bytes of those that are wanted. */
static struct mux_block *mux_tail_current(struct mux_tail *t, size_t least, size_t wanted)
{
	struct mux_block *b = mux_tail_last(t);

	if (!b || b == t->leased || b->cap - b->len < least)
		return mux_tail_extend(t, wanted);
	if (!t->sending)
		t->sending = b;
	return b;
}

char *mux_tail_place(struct mux_tail *t, size_t len)
{
	struct mux_block *b;
	char *at;

	CHECK(len <= MUX_TAIL_PIECE);
	b = mux_tail_current(t, len, len);
	at = b->data + b->len;
	b->len += (uint32_t)len;
	t->end += len;
	return at;
}

static void mux_tail_put(struct mux_tail *t, struct slice data, bool is_secret)
{
	while (data.len) {
		struct mux_block *b = mux_tail_current(t, 1, data.len);
		char *at = b->data + b->len;
		size_t n = b->cap - b->len;

		if (n > data.len)
			n = data.len;
		if (at != data.ptr) /* it was leased, and is there */
			memcpy(at, data.ptr, n);
		b->is_secret |= is_secret;
		b->len += (uint32_t)n;
		t->end += n;
		data = slice_from(data, n);
	}
}

void mux_tail_append(struct mux_tail *t, struct slice data)
{
	mux_tail_put(t, data, false);
}

void mux_tail_append_secret(struct mux_tail *t, struct slice data)
{
	mux_tail_put(t, data, true);
}

struct slice mux_tail_lease(struct mux_tail *t, size_t piece, size_t least, size_t most)
{
	struct mux_block *b;
	size_t room;

	CHECK(piece <= MUX_TAIL_PIECE && piece + least <= MUX_BLOCK_LARGE);
	t->leased = NULL;
	b = mux_tail_current(t, piece + least, MUX_BLOCK_LARGE);
	t->leased = b;
	room = b->cap - b->len - piece;
	return slice_of(b->data + b->len + piece, room < most ? room : most);
}

bool mux_tail_is_loose(const struct mux_tail *t)
{
	unsigned used = t->large_count - t->spare_count;

	return used > MUX_LOOSE_MAX + mux_tail_held(t) / (MUX_BLOCK_LARGE / 2);
}

void mux_tail_redeem(struct mux_tail *t, size_t piece, struct slice data)
{
	if (t->leased && data.ptr == t->leased->data + t->leased->len + piece)
		t->leased = NULL;
}

size_t mux_tail_output(struct mux_tail *t, struct slice *parts, size_t count, size_t max)
{
	const struct mux_block *b = t->sending;
	uint64_t at = t->sent;
	size_t n = 0;

	t->leased = NULL;
	for (; b && n < count && max; b = mux_tail_next(t, b)) {
		size_t skip = (size_t)(at - b->start), len = b->len - skip;

		if (len > max)
			len = max;
		if (len)
			parts[n++] = slice_of(b->data + skip, len);
		at += len;
		max -= len;
	}
	return n;
}

/* Makes `sending` the block that holds the position `sent`, going forward. */
static void mux_tail_settle(struct mux_tail *t)
{
	while (t->sending && t->sent >= t->sending->start + t->sending->len)
		t->sending = mux_tail_next(t, t->sending);
}

void mux_tail_sent(struct mux_tail *t, size_t len)
{
	t->sent += len;
	CHECK(t->sent <= t->end);
	if (t->sent > t->high)
		t->high = t->sent;
	mux_tail_settle(t);
}

/* When memory runs short nobody keeps what others could use. */
static bool mux_tail_may_spare(const struct mux_tail *t)
{
	return t->spare_count < MUX_SPARE_MAX &&
		(t->large_count <= MUX_OWN_BLOCKS || !t->all ||
			atomic_load_explicit(&t->all->held, memory_order_relaxed) <
				atomic_load_explicit(&t->all->max, memory_order_relaxed) / 2);
}

static void mux_tail_drop(struct mux_tail *t, struct mux_block *b)
{
	list_remove(&b->node);
	mux_block_wipe(b);
	if (b->cap < MUX_BLOCK_LARGE || !mux_tail_may_spare(t)) {
		mux_block_free(t, b);
		return;
	}
	list_prepend(&t->spare, &b->node);
	t->spare_count++;
}

void mux_tail_ack(struct mux_tail *t, uint64_t position)
{
	CHECK(position >= t->acked && position <= t->high);
	t->leased = NULL;
	t->acked = position;
	if (t->sent < position)
		t->sent = position;
	mux_tail_settle(t); /* also when nothing was written yet to the block that comes next */
	while (!list_is_empty(&t->blocks)) {
		struct mux_block *b = CONTAINER_OF(t->blocks.next, struct mux_block, node);

		if (b->start + b->len > position)
			return;
		mux_tail_drop(t, b);
	}
}

void mux_tail_rewind(struct mux_tail *t, uint64_t position)
{
	CHECK(position >= t->acked && position <= t->end);
	t->sent = position;
	t->sending = NULL;
	if (!list_is_empty(&t->blocks))
		t->sending = CONTAINER_OF(t->blocks.next, struct mux_block, node);
	mux_tail_settle(t);
}
