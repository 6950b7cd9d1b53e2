/*
 * The body of a request to the relay itself, gathered while it arrives. The bytes stay in the
 * connection's input as well: the whole request may have to move to another worker.
 */
#ifndef RELAY_FRONT_BODY_H
#define RELAY_FRONT_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "proto/http_head.h"
#include "proto/parse.h"

/* Of the body as it travels, framing included, unless front_body_allow says otherwise. */
#define FRONT_BODY_MAX 65536u

struct front_body;
struct http1_body;
struct http1_limits;

/* The head of the request takes up so many bytes of the input. */
struct front_body *front_body_new(const struct http1_body *framing, size_t head_size);
/* What it may have instead of FRONT_BODY_MAX. */
struct front_body_room {
	size_t max;
	size_t *held; /* borrowed: content of all bodies that share it; NULL: it shares nothing */
	size_t held_max;
};
/* What it has already counts in this room from now on, and in no other: while a body comes its
 * tunnel may get another guard. */
void front_body_allow(struct front_body *b, const struct front_body_room *room);
void front_body_free(struct front_body **b);
/*
 * Reads on in the input, which begins with the request's head. Once done it stays done. A body is
 * bad when it is malformed, too large, or there is no room for it.
 */
enum parse_result front_body_read(
	struct front_body *b, struct slice in, const struct http1_limits *limits);
bool front_body_is_too_large(const struct front_body *b);
/* Those that share its room have left too little for it. */
bool front_body_has_no_room(const struct front_body *b);
/* Why it is malformed. */
enum http_fault front_body_fault(const struct front_body *b);
/* When done: the content, and how much of the input the request takes up with its head. */
struct slice front_body_content(const struct front_body *b);
size_t front_body_end(const struct front_body *b);

#endif
