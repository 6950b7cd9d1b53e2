/*
 * Where log lines go: a bounded queue that a thread of its own writes to a descriptor. Putting
 * never waits for the descriptor; what does not fit, or cannot be written, is dropped by whole
 * lines and counted. Used by log.c only; knows nothing of what is in a line but its line end.
 */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define LOG_SINK_QUEUE (1024u * 1024)

struct log_sink;
/* Appends the line that says how many were dropped. Called on the writing thread. */
typedef void (*log_sink_notice_fn)(void *ctx, struct buf *out, uint64_t dropped);

/* NULL when the system gives no thread. The descriptor stays the caller's. */
struct log_sink *log_sink_new(int fd, log_sink_notice_fn notice, void *ctx);
/* Writes what is queued, but gives up on a descriptor that takes nothing for a second. */
void log_sink_free(struct log_sink **sink);
/* Queues whole lines, as many as there is room for. */
void log_sink_put(struct log_sink *sink, struct slice lines, uint64_t line_count);
uint64_t log_sink_dropped(const struct log_sink *sink);

#endif
