/*
 * A growing byte buffer with a read cursor:
 *
 *     base        start              end             cap
 *      |  consumed  |  readable bytes  |  free room   |
 *
 * An empty buffer owns no memory until something is put in, and gives it back with buf_release.
 * The caller bounds what it puts in.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct buf {
	char *base; /* owned */
	uint32_t start;
	uint32_t end;
	uint32_t cap;
};

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice) {b->base ? b->base + b->start : NULL, b->end - b->start};
}

/* Forgets the content, keeps the memory. */
static inline void buf_clear(struct buf *b)
{
	b->start = b->end = 0;
}

void buf_init(struct buf *b);
/* Gives the memory back; the buffer stays usable. */
void buf_release(struct buf *b);
/* The same for a buffer that held a secret: its memory is overwritten first. */
void buf_wipe(struct buf *b);
/* What buf_reserve does where there is not enough room yet. */
char *buf_make_room(struct buf *b, size_t room);

/* Makes room for so many more bytes and returns where they go; buf_commit says how many came. */
static inline char *buf_reserve(struct buf *b, size_t room)
{
	if (LIKELY(b->base && b->cap - b->end >= room))
		return b->base + b->end;
	return buf_make_room(b, room);
}

void buf_commit(struct buf *b, size_t len);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_slice(struct buf *b, struct slice s);
/* The same for a secret: memory that the buffer grows out of is overwritten. */
void buf_append_secret(struct buf *b, struct slice s);
void buf_append_str(struct buf *b, const char *str);
void buf_append_char(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t value);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Gives memory back when much of it is not used, and what is used can be copied cheaply. */
void buf_fit(struct buf *b);
/* Drops bytes at the front; the memory goes when nothing is left to read. */
void buf_consume(struct buf *b, size_t len);

#endif
