/*
 * Keeps what peers do from filling a log without hiding that they do it: each source has so many
 * lines of a kind at once, then one every so often, and all together have a bound of the same
 * shape. What is left out is counted for its source, to be told in one line later. Fixed memory,
 * no clock, no lock.
 *
 *     if (log_budget_take(&budget, hash, "tunnel online", source, now_ms))
 *             log_info(log, "tunnel online", ...);
 */
#ifndef BASE_LOG_BUDGET_H
#define BASE_LOG_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define LOG_BUDGET_BURST 1024u /* lines of one source and kind at once */
#define LOG_BUDGET_EVERY_MS 1000u /* then one */
#define LOG_BUDGET_ALL_BURST 65536u /* of all sources and kinds */
#define LOG_BUDGET_ALL_EVERY_MS 10u
#define LOG_BUDGET_SOURCES 1024u /* remembered at a time, each with each kind */
#define LOG_BUDGET_SOURCE_MAX 48u /* of a source's text, for the line that tells of it */

struct log_budget_source {
	uint64_t key_hash;
	uint64_t paid_ms; /* when all its lines are paid for; 0: free */
	uint64_t left_out; /* and not told of yet */
	const char *kind; /* borrowed, for good */
	uint8_t text_len;
	char text[LOG_BUDGET_SOURCE_MAX];
};

struct log_budget {
	uint64_t paid_ms; /* as of one source, for all of them */
	uint64_t forgotten; /* left out of sources that others took the place of */
	struct log_budget_source sources[LOG_BUDGET_SOURCES];
};

/* What was left out of one source; without a kind: of several that are not known any more. */
struct log_budget_gap {
	const char *kind; /* borrowed */
	struct slice source; /* borrowed: until the next call */
	uint64_t count;
};

void log_budget_init(struct log_budget *b);
/* Whether a line may be written. The hash is of kind and source, keyed where peers choose them. */
bool log_budget_take(struct log_budget *b, uint64_t key_hash, const char *kind, struct slice source,
	uint64_t now_ms);
/* Walks over what was left out, and takes it for told. It begins with *at = 0. */
bool log_budget_next_gap(struct log_budget *b, size_t *at, struct log_budget_gap *gap_out);

#endif
