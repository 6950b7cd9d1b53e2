/*
 * The verbs that are the same for every database. Parts of a transaction are savepoints, which
 * SQLite and PostgreSQL both have.
 */
#include "store/db.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/utf8.h"
#include "io/loop.h"
#include "store/db_priv.h"

#define DB_DEPTH_MAX 4u

static const struct {
	const char *begin, *commit, *undo;
} db_parts[DB_DEPTH_MAX] = {
	{NULL, "COMMIT", NULL},
	{"SAVEPOINT part1", "RELEASE SAVEPOINT part1", "ROLLBACK TO SAVEPOINT part1"},
	{"SAVEPOINT part2", "RELEASE SAVEPOINT part2", "ROLLBACK TO SAVEPOINT part2"},
	{"SAVEPOINT part3", "RELEASE SAVEPOINT part3", "ROLLBACK TO SAVEPOINT part3"},
};

struct db_value db_null(void)
{
	return (struct db_value) {.type = DB_NULL};
}

struct db_value db_int(uint64_t number)
{
	return (struct db_value) {
		.type = DB_INT, .number = number < INT64_MAX ? (int64_t)number : INT64_MAX};
}

uint64_t db_u64(const struct db_value *value)
{
	return value->number > 0 ? (uint64_t)value->number : 0;
}

struct db_value db_text(struct slice text)
{
	return (struct db_value) {.type = DB_TEXT, .bytes = text};
}

struct db_value db_str(const char *text)
{
	return db_text(slice_from_str(text));
}

struct db_value db_bytes(const void *data, size_t len)
{
	return (struct db_value) {.type = DB_BYTES, .bytes = slice_of(data, len)};
}

int db_fail(struct db *db, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(db->error, sizeof(db->error), format, args);
	va_end(args);
	return err;
}

int db_time_left(const struct db *db, int max)
{
	uint64_t now = loop_clock_us() / 1000;

	if (!db->deadline_ms)
		return max;
	if (now >= db->deadline_ms)
		return 0;
	return db->deadline_ms - now < (uint64_t)max ? (int)(db->deadline_ms - now) : max;
}

static int db_check(struct db *db, const struct db_query *query)
{
	CHECK(query->count <= DB_VALUES_MAX);
	if (db->is_lost)
		return ERR_UNAVAILABLE; /* the sentence says why */
	if (db->is_undone)
		return db_fail(db, ERR_UNAVAILABLE, "the database ended the transaction");
	for (size_t i = 0; i < query->count; i++) {
		const struct db_value *value = &query->values[i];

		if (value->type == DB_TEXT && !utf8_is_text(value->bytes))
			return db_fail(db, ERR_SYNTAX, "a text is not valid UTF-8");
	}
	if (!db_time_left(db, 1))
		return db_fail(db, ERR_UNAVAILABLE, "the database took too long");
	db->error[0] = '\0';
	return 0;
}

int db_run(struct db *db, const struct db_query *query)
{
	int err = db_check(db, query);

	return err ? err : db->ops->run(db, query);
}

static int db_run_plain(struct db *db, const char *sql)
{
	const struct db_query query = {.sql = sql};

	return db_run(db, &query);
}

int db_begin(struct db *db)
{
	int err;

	CHECK(db->depth < DB_DEPTH_MAX);
	err = db_run_plain(db, db->depth ? db_parts[db->depth].begin : db->ops->begin);
	if (!err)
		db->depth++;
	return err;
}

/* The answer to a commit may be lost, with the commit done. */
static void db_commit_in_doubt(struct db *db)
{
	size_t len = strlen(db->error);

	snprintf(db->error + len, sizeof(db->error) - len,
		"; whether the change was made is not known");
}

int db_commit(struct db *db)
{
	int err;

	CHECK(db->depth > 0);
	err = db_run_plain(db, db_parts[db->depth - 1].commit);
	if (err && db->depth == 1 && db->is_lost)
		db_commit_in_doubt(db);
	if (err)
		db_rollback(db);
	else if (--db->depth == 0)
		db->commits++;
	return err;
}

/* Undoing has no use for a deadline that has passed already; it may not fail for that. */
static void db_undo(struct db *db, const char *sql)
{
	const struct db_query query = {.sql = sql};
	uint64_t deadline_ms = db->deadline_ms;
	char error[DB_ERROR_MAX];
	int err;

	if (db->is_lost || db->is_undone)
		return;
	memcpy(error, db->error, sizeof(error));
	if (!db_time_left(db, 1))
		db->deadline_ms = loop_clock_us() / 1000 + 100;
	err = db->ops->run(db, &query);
	db->deadline_ms = deadline_ms;
	if (err)
		db->is_lost = true;
	memcpy(db->error, error, sizeof(error));
}

void db_rollback(struct db *db)
{
	CHECK(db->depth > 0);
	db->depth--;
	if (!db->depth) {
		db_undo(db, "ROLLBACK");
		db->is_undone = false;
		return;
	}
	db_undo(db, db_parts[db->depth].undo);
	db_undo(db, db_parts[db->depth].commit);
}

int db_end(struct db *db, int err)
{
	if (!err)
		return db_commit(db);
	db_rollback(db);
	return err;
}

const char *db_error(const struct db *db)
{
	return db->error;
}

void db_set_deadline(struct db *db, uint64_t at_ms)
{
	db->deadline_ms = at_ms;
}

uint64_t db_commits(const struct db *db)
{
	return db->commits;
}

bool db_is_lost(const struct db *db)
{
	return db->is_lost;
}

bool db_is_alive(struct db *db)
{
	return !db->is_lost && db->ops->is_alive(db);
}

void db_close(struct db **db)
{
	if (!*db)
		return;
	(*db)->ops->close(*db);
	*db = NULL;
}
