/*
 * One line per public request. Each worker owns one access log and gathers its lines there; they
 * go to the process's log in batches, from the worker's timer or when enough have come together.
 * Putting a line takes no lock and no memory.
 *
 * Queries are not logged: they are where tokens travel.
 */
#ifndef RELAY_ACCESS_LOG_H
#define RELAY_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define ACCESS_LOG_FLUSH 32768u /* bytes that are worth a flush */

struct access_log;
struct log;

/* Who brought the exchange to its end. */
enum access_end { ACCESS_COMPLETE, ACCESS_VISITOR, ACCESS_AGENT, ACCESS_RELAY };

struct access_record {
	struct slice visitor;
	struct slice tunnel;
	struct slice method;
	struct slice path; /* shown up to its query */
	struct slice request_id;
	struct slice error_code; /* empty: none */
	unsigned status;
	enum access_end ended;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t first_byte_us; /* UINT64_MAX: none came */
	uint64_t duration_us;
};

/* The log is borrowed, and must live as long. */
struct access_log *access_log_new(struct log *log);
/* Flushes first. */
void access_log_free(struct access_log **access);
/* True when a flush is due. One that does not come is made up for here before memory runs out. */
bool access_log_put(
	struct access_log *access, const struct access_record *record, uint64_t wall_ms);
void access_log_flush(struct access_log *access);

#endif
