/*
 * Pieces of a body on their way to a stream, gathered so that one system call sends many. The
 * pieces are borrowed: whoever adds them flushes before they go away. Small pieces that follow each
 * other are copied together: chunks of one byte would cost a chunk head and a fraction of a system
 * call each, 350 ms of CPU for a megabyte.
 */
#ifndef RELAY_GATHER_H
#define RELAY_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "io/stream.h"
#include "proto/http1_write.h"

#define GATHER_CHUNKS 8u
#define GATHER_SMALL 512u /* content up to this is copied */
#define GATHER_MERGED 4096u
#define GATHER_JOINED 2048u

struct gather {
	struct stream *to; /* borrowed */
	bool chunked; /* content is put into chunks */
	bool full; /* the stream takes no more for now */
	uint8_t count;
	uint8_t heads;
	uint64_t bytes; /* what went to the stream, framing included */
	struct slice parts[STREAM_PARTS_MAX];
	char chunk_heads[GATHER_CHUNKS][HTTP1_CHUNK_HEAD_MAX];
	uint16_t merged_from; /* what is in front of it stands in parts already */
	uint16_t merged_len;
	char merged[GATHER_MERGED];
};

void gather_init(struct gather *g, struct stream *to, bool chunked);
/* Bytes as they are: heads, trailers. */
void gather_add_raw(struct gather *g, struct slice data);
/* A piece of content. */
void gather_add_content(struct gather *g, struct slice data);
void gather_flush(struct gather *g);

#endif
