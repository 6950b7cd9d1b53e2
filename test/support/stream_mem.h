/*
 * A stream whose other side is the test: it holds what was written, and the test makes the events.
 * Closing only marks it, so that a test can look at it afterwards.
 */
#ifndef SUPPORT_STREAM_MEM_H
#define SUPPORT_STREAM_MEM_H

#include "base/buf.h"
#include "io/stream.h"

struct stream_mem {
	struct stream base;
	struct buf out; /* what was written */
	unsigned writes;
	struct slice room; /* borrowed; for reads. A write uses its beginning, the next the rest */
	bool room_is_used;
	bool full; /* writes say so from now on */
	bool reading;
	bool shut; /* half-closed by its owner */
	bool closed;
	bool aborted; /* closed with an error */
};

void stream_mem_init(struct stream_mem *m);
void stream_mem_deinit(struct stream_mem *m);
/* Its owner must be reading. */
void stream_mem_feed(struct stream_mem *m, struct slice data);
void stream_mem_end(struct stream_mem *m);
void stream_mem_fail(struct stream_mem *m, int err);
/* Takes writes again, and says so. */
void stream_mem_drain(struct stream_mem *m);

#endif
