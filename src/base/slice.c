/* Comparing, trimming and splitting of borrowed text. */
#include "base/slice.h"

static unsigned char slice_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool slice_eq_fold(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (slice_lower(a.ptr[i]) != slice_lower(b.ptr[i]))
			return false;
	}
	return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq(slice_first(s, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

size_t slice_find(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return at ? (size_t)(at - s.ptr) : s.len;
}

size_t slice_find_last(struct slice s, char c)
{
	const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;

	return at ? (size_t)(at - s.ptr) : s.len;
}

bool slice_is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return true;
}

static struct slice slice_trim_set(struct slice s, const char *set)
{
	while (s.len && s.ptr[0] && strchr(set, s.ptr[0]))
		s = slice_from(s, 1);
	while (s.len && s.ptr[s.len - 1] && strchr(set, s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct slice slice_trim(struct slice s)
{
	return slice_trim_set(s, " \t");
}

struct slice slice_trim_lines(struct slice s)
{
	return slice_trim_set(s, " \t\r\n");
}

bool slice_split(struct slice *rest, char separator, struct slice *part_out)
{
	size_t at;

	if (!rest->ptr)
		return false;
	at = slice_find(*rest, separator);
	*part_out = slice_first(*rest, at);
	*rest = at < rest->len ? slice_from(*rest, at + 1) : (struct slice) {NULL, 0};
	return true;
}

size_t slice_to_str(struct slice s, char *out, size_t size)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	if (n)
		memcpy(out, s.ptr, n);
	out[n] = '\0';
	return n;
}
