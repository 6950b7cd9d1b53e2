/* Writes down the events of one stream. */
#ifndef SUPPORT_STREAM_LOG_H
#define SUPPORT_STREAM_LOG_H

#include "base/buf.h"
#include "io/stream.h"

struct stream_log {
	struct stream *stream; /* owned */
	struct buf data; /* what came */
	unsigned data_count;
	struct slice place; /* where reads may go that are asked about; NULL: anywhere */
	unsigned asked;
	unsigned placed; /* events whose data is there */
	unsigned drained;
	unsigned ended;
	unsigned failed;
	int err; /* of the last failure */
	/* Called inside each event after it was noted; may be NULL. */
	void (*then)(struct stream_log *log);
};

/* Takes the stream and listens to it. */
void stream_log_init(struct stream_log *log, struct stream *stream);
/* Closes the stream if it is still there. */
void stream_log_deinit(struct stream_log *log);

#endif
