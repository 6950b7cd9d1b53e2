/* One star at a time: a later one never needs an earlier one to be tried again. */
#include "base/glob.h"

bool glob_match(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = pattern.len, kept = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			kept = t;
		} else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
			p++;
			t++;
		} else if (star < pattern.len) {
			p = star + 1;
			t = ++kept;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

bool glob_next(struct slice *rest, struct slice *pattern_out)
{
	do {
		if (!slice_split(rest, ' ', pattern_out))
			return false;
	} while (!pattern_out->len);
	return true;
}

bool glob_match_any(struct slice patterns, struct slice text)
{
	struct slice pattern;

	while (glob_next(&patterns, &pattern)) {
		if (glob_match(pattern, text))
			return true;
	}
	return false;
}
