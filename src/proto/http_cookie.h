/*
 * Cookie fields of requests (RFC 6265, 4.2 and 5.4): finding single cookies, and taking single
 * ones out while every other byte stays as it is, because applications put odd things there.
 */
#ifndef PROTO_HTTP_COOKIE_H
#define PROTO_HTTP_COOKIE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct buf;
struct http_head;

struct http_cookie {
	struct slice name;
	struct slice value; /* as it stands, quotes included */
};

/* A walk over the cookies of all fields of a head. Set the head, leave the rest zero. */
struct http_cookie_walk {
	const struct http_head *head; /* borrowed */
	struct slice rest;
	unsigned field;
};

/* The next one; pieces without a "=" are none. */
bool http_cookie_next(struct http_cookie_walk *walk, struct http_cookie *cookie_out);
/*
 * Appends a field's value without the cookies of these names. False, with nothing appended: no
 * other is left, so that the field goes too.
 */
bool http_cookie_strip(
	struct buf *out, struct slice value, const struct slice *names, size_t count);

#endif
