/*
 * One connection to an SQL database, whichever it is. SQL here is constant text; every value is
 * bound as a parameter ($1, $2, ...), so that no value is ever read as SQL. A connection belongs to
 * one thread at a time, and no call blocks for much longer than the deadline allows.
 *
 * What fails leaves a sentence in db_error(). ERR_UNAVAILABLE, ERR_FULL and ERR_READONLY are
 * troubles of the database that pass; after some of them the connection is lost and must be
 * opened anew.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define DB_VALUES_MAX 16u /* parameters of a statement, columns of a row */

struct db;

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BYTES };

struct db_value {
	enum db_type type;
	int64_t number;
	struct slice bytes; /* borrowed; of a row: until its callback returns */
};

/* Gets each row; an error ends the walk and becomes its result. */
typedef int (*db_row_fn)(void *ctx, const struct db_value *row);

struct db_query {
	const char *sql;
	const struct db_value *values; /* borrowed */
	size_t count;
	db_row_fn on_row; /* may be NULL */
	void *ctx; /* borrowed */
	uint64_t *changed_out; /* rows that were changed; may be NULL */
};

struct db_value db_null(void);
/* What is beyond 63 bits becomes the greatest number. */
struct db_value db_int(uint64_t number);
/* The other way, of a row: ids, times and counts are never below zero. */
uint64_t db_u64(const struct db_value *value);
struct db_value db_text(struct slice text);
struct db_value db_str(const char *text);
struct db_value db_bytes(const void *data, size_t len);

/* ERR_SYNTAX for text that is not UTF-8 or has a NUL in it, ERR_EXISTS for a duplicate,
 * ERR_NOT_FOUND for a reference to what is not there. */
MUST_CHECK int db_run(struct db *db, const struct db_query *query);

/* A transaction, or inside of one a part that is undone alone. */
MUST_CHECK int db_begin(struct db *db);
/* On an error everything since db_begin is undone, unless db_error says that this is not known. */
MUST_CHECK int db_commit(struct db *db);
void db_rollback(struct db *db);
/* Commits what went well, undoes what did not, and returns how it ended. */
MUST_CHECK int db_end(struct db *db, int err);

/* A sentence about the last failure, without a full stop; never holds values or passwords. */
const char *db_error(const struct db *db);
/* Monotonic milliseconds (loop_clock_us() / 1000) after which calls give up; 0: a few seconds
 * each. */
void db_set_deadline(struct db *db, uint64_t at_ms);
/* How many transactions it has committed. */
uint64_t db_commits(const struct db *db);
/* The connection is of no use any more. */
bool db_is_lost(const struct db *db);
/* Asks the connection without waiting for anything. */
bool db_is_alive(struct db *db);
void db_close(struct db **db);

#endif
