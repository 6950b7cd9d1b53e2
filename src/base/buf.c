/* The byte buffer: amortised growth, compaction before growth, at most 2 GiB. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"

#define BUF_MIN 256u
#define BUF_FIT_MIN 32768u /* a smaller one is not worth it */

static void buf_check(const struct buf *b)
{
	CHECK(b->start <= b->end && b->end <= b->cap);
}

void buf_init(struct buf *b)
{
	*b = (struct buf) {0};
}

void buf_release(struct buf *b)
{
	mem_free(b->base);
	*b = (struct buf) {0};
}

void buf_wipe(struct buf *b)
{
	if (b->base)
		mem_wipe(b->base, b->cap);
	buf_release(b);
}

char *buf_make_room(struct buf *b, size_t room)
{
	size_t len = buf_len(b), want = len + room, cap = b->cap ? b->cap : BUF_MIN;

	buf_check(b);
	CHECK(want >= room && want <= UINT32_MAX / 2);
	if (b->start && b->cap >= want) {
		memmove(b->base, b->base + b->start, len);
	} else {
		while (cap < want)
			cap *= 2;
		if (b->start && len)
			memmove(b->base, b->base + b->start, len);
		b->base = mem_grow(b->base, cap);
		b->cap = (uint32_t)cap;
	}
	b->start = 0;
	b->end = (uint32_t)len;
	return b->base + b->end;
}

void buf_commit(struct buf *b, size_t len)
{
	CHECK(len <= b->cap - b->end);
	b->end += (uint32_t)len;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	if (!len)
		return;
	memcpy(buf_reserve(b, len), data, len);
	b->end += (uint32_t)len;
}

void buf_append_slice(struct buf *b, struct slice s)
{
	buf_append(b, s.ptr, s.len);
}

void buf_append_secret(struct buf *b, struct slice s)
{
	struct buf grown = {0};

	if (b->cap - b->end < s.len) {
		buf_reserve(&grown, buf_len(b) + s.len);
		buf_append_slice(&grown, buf_slice(b));
		buf_wipe(b);
		*b = grown;
	}
	buf_append_slice(b, s);
}

void buf_append_str(struct buf *b, const char *str)
{
	buf_append(b, str, strlen(str));
}

void buf_append_char(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->end++;
}

void buf_append_u64(struct buf *b, uint64_t value)
{
	b->end += (uint32_t)num_print_u64(value, buf_reserve(b, NUM_TEXT_MAX));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	CHECK(n >= 0);
	vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
	b->end += (uint32_t)n;
	va_end(again);
	va_end(args);
}

void buf_fit(struct buf *b)
{
	struct buf less = {0};

	if (b->cap < BUF_FIT_MIN || buf_len(b) > b->cap / 4)
		return;
	buf_append_slice(&less, buf_slice(b));
	buf_release(b);
	*b = less;
}

void buf_consume(struct buf *b, size_t len)
{
	CHECK(len <= buf_len(b));
	b->start += (uint32_t)len;
	if (b->start == b->end)
		buf_release(b);
}
