/*
 * A borrowed view of bytes: pointer and length, never owned, not NUL-terminated. All text that
 * comes from a peer, a file or a table travels as slices.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *ptr; /* borrowed */
	size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice) {"" literal, sizeof(literal) - 1})
/* The two arguments that "%.*s" takes. */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice slice_of(const void *ptr, size_t len)
{
	return (struct slice) {ptr, len};
}

static inline struct slice slice_from_str(const char *str)
{
	return (struct slice) {str, str ? strlen(str) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The part from the given offset on; an offset beyond the end gives an empty slice. */
static inline struct slice slice_from(struct slice s, size_t at)
{
	if (at > s.len)
		at = s.len;
	/* Even adding 0 to NULL is undefined in C. */
	return (struct slice) {at ? s.ptr + at : s.ptr, s.len - at};
}

static inline struct slice slice_first(struct slice s, size_t len)
{
	return (struct slice) {s.ptr, len < s.len ? len : s.len};
}

/* ASCII case is ignored; other bytes must be equal. */
bool slice_eq_fold(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* The position of the first such byte, or s.len. */
size_t slice_find(struct slice s, char c);
/* The position of the last such byte, or s.len. */
size_t slice_find_last(struct slice s, char c);
/* Whether it holds nothing but [A-Za-z0-9_-]: what tokens and ids are made of. */
bool slice_is_token(struct slice s);
/* Without blanks and tabs at both ends. */
struct slice slice_trim(struct slice s);
/* Without spaces, tabs and line ends at both ends. */
struct slice slice_trim_lines(struct slice s);
/* Takes the part before the next separator off *rest; false when nothing is left. */
bool slice_split(struct slice *rest, char separator, struct slice *part_out);
/* Copies into a fixed array as a NUL-terminated string, cut if need be; returns what was copied. */
size_t slice_to_str(struct slice s, char *out, size_t size);

#endif
