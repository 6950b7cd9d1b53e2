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

#define FRONT_BODY_MAX                                                                             \
	65536u /* of the body as it travels, framing included, unless told otherwise */

struct front_body;
struct http1_body;
struct http1_limits;

/* The head of the request takes up so many bytes of the input. */
struct front_body *front_body_new(const struct http1_body *framing, size_t head_size);
/* It may have so many bytes instead of FRONT_BODY_MAX. */
void front_body_allow(struct front_body *b, size_t max);
void front_body_free(struct front_body **b);
/*
 * Reads on in the input, which begins with the request's head. Once done it stays done. A body is
 * bad when it is malformed, or too large.
 */
enum parse_result front_body_read(
	struct front_body *b, struct slice in, const struct http1_limits *limits);
bool front_body_is_too_large(const struct front_body *b);
/* Why it is malformed. */
enum http_fault front_body_fault(const struct front_body *b);
/* When done: the content, and how much of the input the request takes up with its head. */
struct slice front_body_content(const struct front_body *b);
size_t front_body_end(const struct front_body *b);

#endif
