/*
 * The line that a visitor's stream begins with (docs/protocol.md, 4): which tunnel is meant and
 * who the visitor is.
 */
#ifndef PROTO_VISITOR_LINE_H
#define PROTO_VISITOR_LINE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "proto/parse.h"

#define VISITOR_LINE_MAX 256u /* with its line end */

/* Slices are borrowed. What is not known is an empty slice or 0, and "-" on the wire. */
struct visitor_line {
	uint32_t tunnel;
	struct slice visitor; /* address without a port */
	struct slice public_address; /* where it came in */
	struct slice scheme; /* http, https or tcp */
	struct slice request_id;
	uint16_t visitor_port;
	uint16_t public_port;
};

/* Words that would not fit or hold blanks are written as "-". */
void visitor_line_write(struct buf *out, const struct visitor_line *line);
/* On PARSE_DONE *size_out is what the line took of the input. Call again with more on MORE. */
enum parse_result visitor_line_parse(
	struct slice in, struct visitor_line *line_out, size_t *size_out);

#endif
