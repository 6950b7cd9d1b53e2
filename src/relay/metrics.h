/*
 * What a relay counts. Each worker owns one struct metrics and is its only writer; whoever answers
 * a scrape reads those of all workers. Nothing here waits or allocates but metrics_write.
 */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum metric {
#define METRIC(id, type, name, label, help) METRIC_##id,
#include "relay/metrics.def"
#undef METRIC
#define VISITOR_ERROR(id, code, status, reason, place, title, explanation, advice)                 \
	METRIC_ERROR_##id,
#include "relay/visitor_error.def"
#undef VISITOR_ERROR
	METRIC_ERROR_OTHER,
	METRIC_COUNT
};

enum metric_time { METRIC_TIME_FIRST_BYTE, METRIC_TIME_DURATION, METRIC_TIME_COUNT };

#define METRICS_BOUNDS 16u

struct metrics_histogram {
	_Atomic uint64_t buckets[METRICS_BOUNDS + 1]; /* each by itself; the last has no bound */
	_Atomic uint64_t sum_us;
};

/* All zero at first. */
struct metrics {
	_Atomic uint64_t values[METRIC_COUNT];
	struct metrics_histogram times[METRIC_TIME_COUNT];
};

/* What is known of the process as a whole. */
struct metrics_process {
	uint64_t start_ms; /* wall clock */
	uint64_t now_ms; /* wall clock */
	uint64_t log_lines_dropped;
	uint64_t resident_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
	bool has_store;
	bool store_is_well;
};

/* A relaxed load and store, cheaper than an atomic addition: there is one writer. */
static inline void metrics_add(struct metrics *m, enum metric id, uint64_t n)
{
	atomic_store_explicit(&m->values[id],
		atomic_load_explicit(&m->values[id], memory_order_relaxed) + n,
		memory_order_relaxed);
}

/* For gauges. That of one worker may fall below zero when things move; the sum does not. */
static inline void metrics_sub(struct metrics *m, enum metric id, uint64_t n)
{
	metrics_add(m, id, -n);
}

/* Counts into the bucket of this time. */
void metrics_observe(struct metrics *m, enum metric_time id, uint64_t us);
/* The counter for responses with this status; one out of range falls into the nearest class. */
enum metric metrics_response(unsigned status);
/* The counter for errors with this X-Adit-Error code; METRIC_ERROR_OTHER for any unknown. */
enum metric metrics_error(struct slice code);
/* Appends everything in the Prometheus text format 0.0.4; all has one entry per worker. */
void metrics_write(struct buf *out, const struct metrics *const *all, size_t count,
	const struct metrics_process *process);

#endif
