/* Split at every semicolon, as servers do: a browser never puts one inside of a cookie. */
#include "proto/http_cookie.h"

#include "base/buf.h"
#include "proto/http_head.h"

static bool http_cookie_parse(struct slice piece, struct http_cookie *out)
{
	size_t equals = slice_find(piece, '=');

	if (equals == piece.len)
		return false;
	out->name = slice_trim(slice_first(piece, equals));
	out->value = slice_trim(slice_from(piece, equals + 1));
	return true;
}

/* Goes to the next Cookie field that is not empty. */
static bool http_cookie_walk_on(struct http_cookie_walk *walk)
{
	while (!walk->rest.len) {
		if (walk->field >= walk->head->field_count)
			return false;
		if (walk->head->fields[walk->field].id == HTTP_FIELD_COOKIE)
			walk->rest = walk->head->fields[walk->field].value;
		walk->field++;
	}
	return true;
}

bool http_cookie_next(struct http_cookie_walk *walk, struct http_cookie *cookie_out)
{
	struct slice piece;

	while (http_cookie_walk_on(walk)) {
		if (slice_split(&walk->rest, ';', &piece) && http_cookie_parse(piece, cookie_out))
			return true;
	}
	return false;
}

static bool http_cookie_is_named(struct slice piece, const struct slice *names, size_t count)
{
	struct http_cookie cookie;

	if (!http_cookie_parse(piece, &cookie))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (slice_eq(cookie.name, names[i]))
			return true;
	}
	return false;
}

bool http_cookie_strip(struct buf *out, struct slice value, const struct slice *names, size_t count)
{
	size_t at = 0;
	bool kept = false;

	/* A piece goes together with the semicolon in front of it. */
	while (at <= value.len) {
		struct slice rest = slice_from(value, at);
		struct slice piece = slice_first(rest, slice_find(rest, ';'));

		at += piece.len + 1;
		if (http_cookie_is_named(piece, names, count))
			continue;
		if (kept)
			buf_append_char(out, ';');
		while (!kept && piece.len && (piece.ptr[0] == ' ' || piece.ptr[0] == '\t'))
			piece = slice_from(piece, 1);
		buf_append_slice(out, piece);
		kept = true;
	}
	return kept;
}
