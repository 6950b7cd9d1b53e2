/* One sequence at a time, without tables. */
#include "base/utf8.h"

size_t utf8_rune(struct slice s, uint32_t *rune_out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.ptr[0];
	size_t len = first >> 5 == 0x6 ? 2 : first >> 4 == 0xe ? 3 : first >> 3 == 0x1e ? 4 : 0;
	uint32_t rune = first & (0x7fu >> len);

	if (!len || len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char next = (unsigned char)s.ptr[i];

		if (next >> 6 != 0x2)
			return 0;
		rune = rune << 6 | (next & 0x3f);
	}
	if (rune < least[len] || rune > 0x10ffff || rune >> 11 == 0x1b)
		return 0;
	*rune_out = rune;
	return len;
}

bool utf8_is_text(struct slice s)
{
	while (s.len) {
		unsigned char c = (unsigned char)s.ptr[0];
		uint32_t rune;
		size_t len = c < 0x80 ? c != 0 : utf8_rune(s, &rune);

		if (!len)
			return false;
		s = slice_from(s, len);
	}
	return true;
}
