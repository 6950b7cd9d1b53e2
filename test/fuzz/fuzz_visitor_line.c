/*
 * Any bytes are the beginning of a visitor's stream. However they are torn, the answer is the same,
 * and what was read can be written and read again.
 */
#include "base/check.h"
#include "base/mem.h"
#include "proto/visitor_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct visitor_line *line)
{
	struct visitor_line again;
	struct buf out = {0};
	size_t size;

	visitor_line_write(&out, line);
	CHECK(visitor_line_parse(buf_slice(&out), &again, &size) == PARSE_DONE);
	CHECK(size == buf_len(&out) && again.tunnel == line->tunnel);
	CHECK(again.visitor_port == line->visitor_port && again.public_port == line->public_port);
	CHECK(line->visitor.len > 64 || slice_eq(again.visitor, line->visitor));
	CHECK(line->scheme.len > 16 || slice_eq(again.scheme, line->scheme));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum parse_result whole, torn = PARSE_MORE;
	struct visitor_line line;
	size_t used = 0, torn_used = 0;

	whole = visitor_line_parse(slice_of(data, size), &line, &used);
	if (whole == PARSE_DONE) {
		CHECK(used <= size && used <= VISITOR_LINE_MAX && data[used - 1] == '\n');
		check_again(&line);
	}
	for (size_t i = 0; i <= size && torn == PARSE_MORE; i++) {
		char *piece = mem_dup(data, i);

		torn = visitor_line_parse(slice_of(piece, i), &line, &torn_used);
		mem_free(piece);
	}
	CHECK(torn == whole && torn_used == used);
	return 0;
}
