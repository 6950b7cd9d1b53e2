/* The classes of bytes, one table; rows of sixteen, the values are sums of HTTP_CHAR_*. */
#include "proto/http_char.h"

#include <endian.h>

const uint8_t http_char_class[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, /* 0x00 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
	4, 7, 6, 5, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 7, 6, /* 0x20 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 6, 6, 6, /* 0x30 */
	6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x40 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 7, 15, /* 0x50 */
	7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x60 */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 7, 0, /* 0x70 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0x80 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0x90 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0xa0 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0xb0 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0xc0 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0xd0 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0xe0 */
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* 0xf0 */
	/* clang-format on */
};

/*
 * Sets the top bit of some byte if any byte is below 0x20 or is 0x7f. HTAB is among those, so a
 * hit is looked at again byte by byte; it is rare in practice. The lowest bit that is set belongs
 * to the first such byte: a borrow marks others above it, never below.
 */
static inline uint64_t http_char_suspects(const char *at)
{
	uint64_t ones = UINT64_MAX / 0xff, word;

	memcpy(&word, at, sizeof(word));
	word = le64toh(word);
	return ((word - ones * 0x20) | ((word ^ (ones * 0x7f)) - ones)) & ~word & (ones * 0x80);
}

bool http_char_is_value(struct slice s)
{
	uint64_t suspects = 0;

	if (s.len < 8)
		return http_char_span(s, HTTP_CHAR_VALUE) == s.len;
	/* The last eight bytes overlap those seen: cheaper than up to seven single steps. */
	for (size_t at = 0; at + 8 < s.len; at += 8)
		suspects |= http_char_suspects(s.ptr + at);
	suspects |= http_char_suspects(s.ptr + s.len - 8);
	return !suspects || http_char_span(s, HTTP_CHAR_VALUE) == s.len;
}

size_t http_char_plain_span(struct slice s)
{
	uint64_t suspects;
	size_t at = 0;

	for (; s.len - at >= 8; at += 8) {
		suspects = http_char_suspects(s.ptr + at);
		if (suspects)
			return at + (size_t)__builtin_ctzll(suspects) / 8;
	}
	while (at < s.len && http_char_is(s.ptr[at], HTTP_CHAR_VALUE) && s.ptr[at] != '\t')
		at++;
	return at;
}

size_t http_char_target_span(struct slice s)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t word;
	size_t at = 0;

	for (; s.len - at >= 8; at += 8) {
		memcpy(&word, s.ptr + at, sizeof(word));
		word = le64toh(word);
		/* Below '!', DEL, or '#'; of what has the top bit set all may stand there. */
		word = ((word - ones * '!') | ((word ^ (ones * 0x7f)) - ones) |
			       ((word ^ (ones * '#')) - ones)) &
			~word & (ones * 0x80);
		if (word)
			return at + (size_t)__builtin_ctzll(word) / 8;
	}
	return at + http_char_span(slice_from(s, at), HTTP_CHAR_TARGET);
}
