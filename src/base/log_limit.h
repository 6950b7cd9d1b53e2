/*
 * Keeps lines that peers cause from filling the log: each source gets one line a minute, and all
 * sources together a bounded number. Fixed memory, no clock, no lock: one per thread and kind of
 * line. Whoever writes the line asks first:
 *
 *     if (log_limit_allow(&limit, map_hash(seed, address), now_ms))
 *             log_warn(log, "...", LOG_INT("suppressed", limit.suppressed));
 */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_PERIOD_MS 60000u
#define LOG_LIMIT_SOURCES 1024u /* remembered at a time; the most lines in a period as well */

struct log_limit_source {
	uint64_t key_hash;
	uint64_t until_ms; /* 0: free */
};

struct log_limit {
	uint64_t suppressed; /* by the last allowed line: how many of any source came before it */
	uint64_t waiting; /* suppressed since */
	uint64_t period_end_ms;
	unsigned period_lines;
	struct log_limit_source sources[LOG_LIMIT_SOURCES];
};

void log_limit_init(struct log_limit *l);
/* The hash must be keyed where peers choose the key. The time is monotonic. */
bool log_limit_allow(struct log_limit *l, uint64_t key_hash, uint64_t now_ms);

#endif
