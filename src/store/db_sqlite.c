/*
 * The one home of sqlite3.h. Only this process writes the file (db_file.c), so a lock that is held
 * is a person's tool or a backup: it is waited for, a little.
 */
#include "store/db_sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/db_file.h"
#include "store/db_priv.h"

#define DB_SQLITE_BUSY_MS 2000

struct db_sqlite {
	struct db db;
	sqlite3 *conn; /* owned */
	char *path; /* owned */
	int lock; /* owned; of the file beside it */
};

static struct db_sqlite *db_sqlite_of(struct db *db)
{
	return CONTAINER_OF(db, struct db_sqlite, db);
}

static int db_sqlite_err_of_constraint(int code)
{
	switch (code) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return ERR_EXISTS;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return ERR_NOT_FOUND;
	default:
		return ERR_SYSTEM;
	}
}

static int db_sqlite_err(sqlite3 *conn)
{
	int code = sqlite3_extended_errcode(conn), err;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_PROTOCOL:
	case SQLITE_IOERR:
		return ERR_UNAVAILABLE;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_READONLY:
		return ERR_READONLY;
	case SQLITE_CANTOPEN:
		err = err_from_errno(sqlite3_system_errno(conn));
		return err == ERR_SYSTEM || !err ? ERR_UNAVAILABLE : err;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_CONSTRAINT:
		return db_sqlite_err_of_constraint(code);
	default:
		return ERR_SYSTEM;
	}
}

/* After trouble with the file itself only a new connection knows how things are. */
static bool db_sqlite_ends(int code)
{
	switch (code & 0xff) {
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_READONLY:
	case SQLITE_PROTOCOL:
		return true;
	default:
		return false;
	}
}

static int db_sqlite_fail(struct db_sqlite *s)
{
	int err = db_sqlite_err(s->conn);
	int code = sqlite3_errcode(s->conn) & 0xff, number = sqlite3_system_errno(s->conn);

	if (code == SQLITE_BUSY)
		return db_fail(&s->db, err, "another program holds %s locked", s->path);
	if (code == SQLITE_IOERR && number)
		return db_fail(&s->db, err, "%s: %s: %s", s->path, sqlite3_errmsg(s->conn),
			strerror(number));
	return db_fail(&s->db, err, "%s: %s", s->path, sqlite3_errmsg(s->conn));
}

static int db_sqlite_bind(sqlite3_stmt *st, const struct db_query *query)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < query->count && rc == SQLITE_OK; i++) {
		const struct db_value *v = &query->values[i];
		/* The pointer of an empty slice may be NULL, which would be bound as NULL. */
		const char *ptr = v->bytes.len ? v->bytes.ptr : "";
		char name[NUM_TEXT_MAX + 1] = "$";
		int at;

		num_print_u64(i + 1, name + 1);
		at = sqlite3_bind_parameter_index(st, name);
		switch (v->type) {
		case DB_NULL:
			rc = sqlite3_bind_null(st, at);
			break;
		case DB_INT:
			rc = sqlite3_bind_int64(st, at, v->number);
			break;
		case DB_TEXT:
			rc = sqlite3_bind_text64(
				st, at, ptr, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
			break;
		case DB_BYTES:
			rc = sqlite3_bind_blob64(st, at, ptr, v->bytes.len, SQLITE_STATIC);
			break;
		}
	}
	return rc;
}

static struct db_value db_sqlite_column(sqlite3_stmt *st, int at)
{
	struct slice bytes;

	switch (sqlite3_column_type(st, at)) {
	case SQLITE_NULL:
		return db_null();
	case SQLITE_INTEGER:
		return (struct db_value) {.type = DB_INT, .number = sqlite3_column_int64(st, at)};
	case SQLITE_BLOB:
		bytes.ptr = sqlite3_column_blob(st, at);
		bytes.len = (size_t)sqlite3_column_bytes(st, at);
		return db_bytes(bytes.ptr, bytes.len);
	default:
		bytes.ptr = (const char *)sqlite3_column_text(st, at);
		bytes.len = (size_t)sqlite3_column_bytes(st, at);
		return db_text(bytes);
	}
}

static int db_sqlite_row(sqlite3_stmt *st, const struct db_query *query)
{
	struct db_value row[DB_VALUES_MAX];
	int count = sqlite3_column_count(st);

	if (!query->on_row)
		return 0;
	for (int i = 0; i < count && i < (int)DB_VALUES_MAX; i++)
		row[i] = db_sqlite_column(st, i);
	return query->on_row(query->ctx, row);
}

static int db_sqlite_run(struct db *db, const struct db_query *query)
{
	struct db_sqlite *s = db_sqlite_of(db);
	sqlite3_stmt *st = NULL;
	int rc, err = 0;

	sqlite3_busy_timeout(s->conn, db_time_left(db, DB_SQLITE_BUSY_MS));
	rc = sqlite3_prepare_v2(s->conn, query->sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = db_sqlite_bind(st, query);
	if (rc == SQLITE_OK)
		rc = SQLITE_ROW;
	while (rc == SQLITE_ROW && !err) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			err = db_sqlite_row(st, query);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		err = db_sqlite_fail(s);
		db->is_lost = db_sqlite_ends(sqlite3_extended_errcode(s->conn));
	}
	sqlite3_finalize(st);
	if (query->changed_out)
		*query->changed_out = err ? 0 : (uint64_t)sqlite3_changes64(s->conn);
	/* Some errors undo the whole transaction. */
	if (err && db->depth && sqlite3_get_autocommit(s->conn))
		db->is_undone = true;
	return err;
}

/* A file that was moved or removed takes changes as well as ever, and nobody would find them. */
static bool db_sqlite_is_alive(struct db *db)
{
	int has_moved = 0;

	sqlite3_file_control(db_sqlite_of(db)->conn, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
	return !has_moved;
}

static void db_sqlite_close(struct db *db)
{
	struct db_sqlite *s = db_sqlite_of(db);

	sqlite3_close_v2(s->conn);
	if (s->lock >= 0)
		close(s->lock);
	mem_free(s->path);
	mem_free(s);
}

static const struct db_ops db_sqlite_ops = {
	.begin = "BEGIN IMMEDIATE",
	.id_type = "INTEGER PRIMARY KEY AUTOINCREMENT",
	.bytes_type = "BLOB",
	.has_table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
	.run = db_sqlite_run,
	.is_alive = db_sqlite_is_alive,
	.close = db_sqlite_close,
};

/* "wal" is what the first pragma answers when the file system can do it. */
static int db_sqlite_on_mode(void *ctx, const struct db_value *row)
{
	*(bool *)ctx = slice_eq(row[0].bytes, SLICE("wal"));
	return 0;
}

static int db_sqlite_on_check(void *ctx, const struct db_value *row)
{
	struct db_sqlite *s = ctx;

	if (slice_eq(row[0].bytes, SLICE("ok")))
		return 0;
	return db_fail(&s->db, ERR_CORRUPT, "%.*s", SLICE_ARG(row[0].bytes));
}

static int db_sqlite_prepare(struct db_sqlite *s)
{
	static const char *const pragmas[] = {
		"PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = ON",
		"PRAGMA trusted_schema = OFF",
		"PRAGMA cell_size_check = ON",
		"PRAGMA journal_size_limit = 4194304",
	};
	bool is_wal = false;
	struct db_query query = {
		.sql = "PRAGMA journal_mode = WAL", .on_row = db_sqlite_on_mode, .ctx = &is_wal};
	int err = db_run(&s->db, &query);

	if (!err && !is_wal)
		err = db_fail(
			&s->db, ERR_UNAVAILABLE, "%s: WAL mode is not to be had there", s->path);
	for (size_t i = 0; i < ARRAY_LEN(pragmas) && !err; i++) {
		query = (struct db_query) {.sql = pragmas[i]};
		err = db_run(&s->db, &query);
	}
	query = (struct db_query) {
		.sql = "PRAGMA quick_check(1)", .on_row = db_sqlite_on_check, .ctx = s};
	return err ? err : db_run(&s->db, &query);
}

static int db_sqlite_connect(struct db_sqlite *s, bool must_exist)
{
	int err = db_file_open(&s->db, s->path, must_exist, &s->lock);

	if (err)
		return err;
	if (sqlite3_open_v2(s->path, &s->conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL))
		return db_sqlite_fail(s);
	sqlite3_extended_result_codes(s->conn, 1);
	if (sqlite3_db_readonly(s->conn, "main") == 1)
		return db_fail(&s->db, ERR_READONLY, "%s may only be read", s->path);
	err = db_sqlite_prepare(s);
	if (err == ERR_CORRUPT)
		return db_fail(&s->db, err, "%s is damaged: restore it from a backup", s->path);
	return err;
}

int db_sqlite_open(const char *path, bool must_exist, struct db **db_out)
{
	struct db_sqlite *s = MEM_NEW(struct db_sqlite);

	s->db.ops = &db_sqlite_ops;
	s->path = mem_dup_str(path, strlen(path));
	s->lock = -1;
	*db_out = &s->db;
	return db_sqlite_connect(s, must_exist);
}
