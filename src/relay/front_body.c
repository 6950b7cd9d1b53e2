/* Walks the body once, however it is cut into pieces, and copies the content out of its framing. */
#include "relay/front_body.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"

struct front_body {
	struct http1_body framing;
	struct http1_parser trailers;
	struct buf content;
	size_t head_size;
	struct front_body_room room;
	size_t at; /* how far the input was read */
	bool in_trailers;
	bool done;
	bool too_large;
	bool no_room;
	enum http_fault fault;
	struct http_head trailer_head; /* what it says is not looked at */
};

struct front_body *front_body_new(const struct http1_body *framing, size_t head_size)
{
	struct front_body *b = MEM_NEW(struct front_body);

	b->framing = *framing;
	b->head_size = b->at = head_size;
	b->room.max = FRONT_BODY_MAX;
	return b;
}

void front_body_allow(struct front_body *b, const struct front_body_room *room)
{
	if (b->room.held)
		*b->room.held -= buf_len(&b->content);
	if (room->held)
		*room->held += buf_len(&b->content);
	b->room = *room;
}

void front_body_free(struct front_body **b)
{
	if (!*b)
		return;
	if ((*b)->room.held)
		*(*b)->room.held -= buf_len(&(*b)->content);
	buf_wipe(&(*b)->content); /* there may be a password in it */
	mem_free(*b);
	*b = NULL;
}

/* Whether there is room for so many more bytes of content. */
static bool front_body_fits(struct front_body *b, uint64_t more)
{
	b->no_room = b->room.held &&
		(*b->room.held > b->room.held_max || more > b->room.held_max - *b->room.held);
	return !b->no_room;
}

static void front_body_take(struct front_body *b, struct slice data)
{
	if (b->room.held)
		*b->room.held += data.len;
	buf_append_secret(&b->content, data);
}

static enum parse_result front_body_read_content(struct front_body *b, struct slice in)
{
	struct slice rest = slice_from(in, b->at), data;

	for (;;) {
		enum http1_body_event event = http1_body_next(&b->framing, &rest, &data);

		b->at = in.len - rest.len;
		switch (event) {
		case HTTP1_BODY_DATA:
			if (!front_body_fits(b, data.len))
				return PARSE_BAD;
			front_body_take(b, data);
			break;
		case HTTP1_BODY_MORE:
			return PARSE_MORE;
		case HTTP1_BODY_TRAILERS:
			b->in_trailers = true;
			return PARSE_DONE;
		case HTTP1_BODY_END:
			b->done = true;
			return PARSE_DONE;
		case HTTP1_BODY_BAD:
			b->fault = b->framing.fault;
			return PARSE_BAD;
		}
	}
}

static enum parse_result front_body_read_trailers(
	struct front_body *b, struct slice in, const struct http1_limits *limits)
{
	enum parse_result result =
		http1_parse_trailers(&b->trailers, slice_from(in, b->at), limits, &b->trailer_head);

	if (result == PARSE_BAD)
		b->fault = b->trailers.fault;
	if (result == PARSE_DONE) {
		b->at += b->trailer_head.size;
		b->done = true;
	}
	return result;
}

enum parse_result front_body_read(
	struct front_body *b, struct slice in, const struct http1_limits *limits)
{
	enum parse_result result = PARSE_DONE;

	/* What is announced is refused before it comes. */
	if (!b->done && b->framing.kind == HTTP1_BODY_LENGTH) {
		b->too_large = b->framing.left > b->room.max;
		if (!b->too_large && !front_body_fits(b, b->framing.left))
			return PARSE_BAD;
	}
	if (b->too_large || b->no_room || b->fault != HTTP_FAULT_NONE)
		return PARSE_BAD;
	if (!b->done && !b->in_trailers)
		result = front_body_read_content(b, in);
	if (result == PARSE_DONE && b->in_trailers && !b->done)
		result = front_body_read_trailers(b, in, limits);
	if (result != PARSE_BAD && b->at - b->head_size > b->room.max)
		b->too_large = true;
	return b->too_large ? PARSE_BAD : result;
}

bool front_body_has_no_room(const struct front_body *b)
{
	return b->no_room;
}

bool front_body_is_too_large(const struct front_body *b)
{
	return b->too_large;
}

enum http_fault front_body_fault(const struct front_body *b)
{
	return b->fault;
}

struct slice front_body_content(const struct front_body *b)
{
	CHECK(b->done);
	return buf_slice(&b->content);
}

size_t front_body_end(const struct front_body *b)
{
	return b->at;
}
