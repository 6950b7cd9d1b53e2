/*
 * Parameters and results travel in binary, so that no byte has to be
 * escaped. When a call runs out of time the connection is of no use any more: its answer may still
 * come.
 */
#include "store/db_pgsql.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "store/db_priv.h"
#include "store/pg_lib.h"

#define DB_PGSQL_CALL_MS 5000 /* where the caller has set no deadline */
#define DB_PGSQL_LOCK_MS 2000 /* for another one's lock, or our last connection's, to go */
#define DB_PGSQL_LOCK_RETRY_MS 20

/* Types of values, from the server's catalogue, where they never change. */
enum db_pgsql_type {
	DB_PGSQL_BOOL = 16,
	DB_PGSQL_BYTEA = 17,
	DB_PGSQL_INT8 = 20,
	DB_PGSQL_INT2 = 21,
	DB_PGSQL_INT4 = 23,
	DB_PGSQL_TEXT = 25,
};

struct db_pgsql {
	struct db db;
	struct pg_lib pg;
	PGconn *conn; /* owned */
	struct buf label;
};

static const struct {
	const char *state;
	int err;
} db_pgsql_states[] = {
#define STATE(state, err) {state, err},
#include "store/db_pgsql_state.def"
#undef STATE
};

static struct db_pgsql *db_pgsql_of(struct db *db)
{
	return CONTAINER_OF(db, struct db_pgsql, db);
}

static uint64_t db_pgsql_now(void)
{
	return loop_clock_us() / 1000;
}

/* ---- errors ---- */

static int db_pgsql_err_of_state(const char *state)
{
	struct slice text = slice_from_str(state);

	for (size_t i = 0; i < ARRAY_LEN(db_pgsql_states); i++) {
		if (slice_starts(text, slice_from_str(db_pgsql_states[i].state)))
			return db_pgsql_states[i].err;
	}
	return ERR_SYSTEM;
}

/* The first line only: what follows are hints for somebody at a terminal. */
static int db_pgsql_say(struct db_pgsql *s, int err, const char *text)
{
	struct slice rest = slice_from_str(text ? text : ""), line = {NULL, 0};

	slice_split(&rest, '\n', &line);
	return db_fail(&s->db, err, "%.*s: %.*s", SLICE_ARG(buf_slice(&s->label)),
		SLICE_ARG(slice_trim_lines(line)));
}

static int db_pgsql_lost(struct db_pgsql *s, const char *text)
{
	s->db.is_lost = true;
	return db_pgsql_say(s, ERR_UNAVAILABLE, text);
}

/* The server's own words without their details, which quote values. */
static int db_pgsql_refused(struct db_pgsql *s, const PGresult *result)
{
	const char *state = s->pg.PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *severity = s->pg.PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = s->pg.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (!state)
		return db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn));
	if (s->pg.PQstatus(s->conn) == CONNECTION_BAD ||
		(severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)))
		return db_pgsql_lost(s, text);
	return db_pgsql_say(s, db_pgsql_err_of_state(state), text);
}

static void db_pgsql_on_notice(void *ctx, const char *message)
{
}

/* ---- waiting ---- */

/* ERR_TIMEOUT when the time is over; the moment is a monotonic millisecond. */
static int db_pgsql_wait(const struct db_pgsql *s, short events, uint64_t until)
{
	for (;;) {
		struct pollfd poller = {.fd = s->pg.PQsocket(s->conn), .events = events};
		uint64_t now = db_pgsql_now();

		if (now >= until)
			return ERR_TIMEOUT;
		if (poller.fd < 0 || poll(&poller, 1, (int)(until - now)) > 0)
			return 0; /* libpq finds out what is wrong with it */
	}
}

/* Sends what is left while it takes what comes: the server may be stuck until it is read. */
static int db_pgsql_flush(struct db_pgsql *s, uint64_t until)
{
	int left = s->pg.PQflush(s->conn);

	while (left == 1) {
		if (db_pgsql_wait(s, POLLIN | POLLOUT, until) != 0)
			return db_pgsql_lost(s, "the server does not answer");
		if (!s->pg.PQconsumeInput(s->conn))
			return db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn));
		left = s->pg.PQflush(s->conn);
	}
	return left ? db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn)) : 0;
}

/* *result_out is NULL when there are no more. */
static int db_pgsql_result(struct db_pgsql *s, uint64_t until, PGresult **result_out)
{
	*result_out = NULL;
	while (s->pg.PQisBusy(s->conn)) {
		if (db_pgsql_wait(s, POLLIN, until) != 0)
			return db_pgsql_lost(s, "the server does not answer");
		if (!s->pg.PQconsumeInput(s->conn))
			return db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn));
	}
	*result_out = s->pg.PQgetResult(s->conn);
	return 0;
}

/* ---- values ---- */

struct db_pgsql_values {
	Oid types[DB_VALUES_MAX];
	const char *data[DB_VALUES_MAX]; /* borrowed */
	int lengths[DB_VALUES_MAX];
	int formats[DB_VALUES_MAX];
	char numbers[DB_VALUES_MAX][8];
};

static void db_pgsql_put_number(char out[8], int64_t number)
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)((uint64_t)number >> (56 - 8 * i));
}

static void db_pgsql_bind(const struct db_query *query, struct db_pgsql_values *v)
{
	for (size_t i = 0; i < query->count; i++) {
		const struct db_value *value = &query->values[i];

		v->formats[i] = 1;
		v->lengths[i] = (int)value->bytes.len;
		v->data[i] = value->bytes.len ? value->bytes.ptr : "";
		switch (value->type) {
		case DB_NULL:
			v->types[i] = 0;
			v->data[i] = NULL;
			break;
		case DB_INT:
			v->types[i] = DB_PGSQL_INT8;
			db_pgsql_put_number(v->numbers[i], value->number);
			v->data[i] = v->numbers[i];
			v->lengths[i] = 8;
			break;
		case DB_TEXT:
			v->types[i] = DB_PGSQL_TEXT;
			break;
		case DB_BYTES:
			v->types[i] = DB_PGSQL_BYTEA;
			break;
		}
	}
}

static struct db_value db_pgsql_number(struct slice bytes)
{
	uint64_t number = bytes.len && (signed char)bytes.ptr[0] < 0 ? UINT64_MAX : 0;

	for (size_t i = 0; i < bytes.len; i++)
		number = number << 8 | (unsigned char)bytes.ptr[i];
	return (struct db_value) {.type = DB_INT, .number = (int64_t)number};
}

static struct db_value db_pgsql_column(
	const struct db_pgsql *s, const PGresult *result, int row, int at)
{
	struct slice bytes = {
		s->pg.PQgetvalue(result, row, at), (size_t)s->pg.PQgetlength(result, row, at)};

	if (s->pg.PQgetisnull(result, row, at))
		return db_null();
	switch (s->pg.PQftype(result, at)) {
	case DB_PGSQL_BOOL:
	case DB_PGSQL_INT8:
	case DB_PGSQL_INT2:
	case DB_PGSQL_INT4:
		return db_pgsql_number(bytes);
	case DB_PGSQL_BYTEA:
		return db_bytes(bytes.ptr, bytes.len);
	default:
		return db_text(bytes);
	}
}

static int db_pgsql_rows(
	const struct db_pgsql *s, const PGresult *result, const struct db_query *query)
{
	int rows = s->pg.PQntuples(result), columns = s->pg.PQnfields(result), err = 0;
	struct db_value row[DB_VALUES_MAX];

	for (int i = 0; i < rows && query->on_row && !err; i++) {
		for (int at = 0; at < columns && at < (int)DB_VALUES_MAX; at++)
			row[at] = db_pgsql_column(s, result, i, at);
		err = query->on_row(query->ctx, row);
	}
	return err;
}

/* ---- statements ---- */

static int db_pgsql_take(struct db_pgsql *s, PGresult *result, const struct db_query *query)
{
	ExecStatusType status = s->pg.PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		if (query->changed_out)
			*query->changed_out = strtoull(s->pg.PQcmdTuples(result), NULL, 10);
		return db_pgsql_rows(s, result, query);
	}
	return db_pgsql_refused(s, result);
}

static int db_pgsql_run(struct db *db, const struct db_query *query)
{
	struct db_pgsql *s = db_pgsql_of(db);
	uint64_t until = db_pgsql_now() + (uint64_t)db_time_left(db, DB_PGSQL_CALL_MS);
	struct db_pgsql_values v;
	PGresult *result = NULL;
	int err;

	if (query->changed_out)
		*query->changed_out = 0;
	db_pgsql_bind(query, &v);
	if (!s->pg.PQsendQueryParams(s->conn, query->sql, (int)query->count, v.types, v.data,
		    v.lengths, v.formats, 1))
		return db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn));
	err = db_pgsql_flush(s, until);
	if (!err)
		err = db_pgsql_result(s, until, &result);
	/* All of them are taken, or the connection cannot be used again. */
	while (!db->is_lost && result) {
		int e = err ? err : db_pgsql_take(s, result, query);

		s->pg.PQclear(result);
		err = e;
		e = db_pgsql_result(s, until, &result);
		err = err ? err : e;
	}
	return err;
}

/* A server that has ended the connection has said so; nothing else is read from an idle one. */
static bool db_pgsql_is_alive(struct db *db)
{
	struct db_pgsql *s = db_pgsql_of(db);
	struct pollfd poller = {.fd = s->pg.PQsocket(s->conn), .events = POLLIN};

	while (s->pg.PQstatus(s->conn) == CONNECTION_OK && poll(&poller, 1, 0) > 0) {
		if (!s->pg.PQconsumeInput(s->conn))
			return false;
		s->pg.PQisBusy(s->conn); /* takes apart what came */
	}
	return s->pg.PQstatus(s->conn) == CONNECTION_OK;
}

static void db_pgsql_close(struct db *db)
{
	struct db_pgsql *s = db_pgsql_of(db);

	if (s->conn)
		s->pg.PQfinish(s->conn);
	buf_release(&s->label);
	mem_free(s);
}

static const struct db_ops db_pgsql_ops = {
	.begin = "BEGIN",
	.id_type = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
	.bytes_type = "BYTEA",
	.has_table = "SELECT 1 FROM pg_catalog.pg_tables "
		     "WHERE schemaname = current_schema() AND tablename = $1",
	.run = db_pgsql_run,
	.is_alive = db_pgsql_is_alive,
	.close = db_pgsql_close,
};

/* ---- opening ---- */

static int db_pgsql_handshake(struct db_pgsql *s, uint64_t until)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next != PGRES_POLLING_OK) {
		short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (next == PGRES_POLLING_FAILED)
			return db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn));
		if (db_pgsql_wait(s, events, until) != 0)
			return db_pgsql_lost(s, "the server does not answer");
		next = s->pg.PQconnectPoll(s->conn);
	}
	return s->pg.PQsetnonblocking(s->conn, 1) ? db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn))
						  : 0;
}

static int db_pgsql_connect(struct db_pgsql *s, const char *url, const char *name, uint64_t until)
{
	/* What stands behind the URL counts more than what is in it. */
	const char *const keys[] = {"keepalives_idle", "keepalives_interval", "keepalives_count",
		"dbname", "application_name", "client_encoding", NULL};
	const char *const values[] = {"10", "5", "3", url, name, "UTF8", NULL};

	s->conn = s->pg.PQconnectStartParams(keys, values, 1);
	if (!s->conn)
		return db_pgsql_lost(s, "out of memory");
	s->pg.PQsetNoticeProcessor(s->conn, db_pgsql_on_notice, NULL);
	if (s->pg.PQstatus(s->conn) == CONNECTION_BAD)
		return db_pgsql_lost(s, s->pg.PQerrorMessage(s->conn));
	return db_pgsql_handshake(s, until);
}

/*
 * The server ends by itself what a relay has left behind. Where commits are not waited for they are
 * from now on: an acknowledged change is on the server's disk.
 */
static int db_pgsql_settle(struct db_pgsql *s)
{
	const struct db_query query = {
		.sql = "SELECT set_config('statement_timeout', '5000', false), "
		       "set_config('lock_timeout', '5000', false), "
		       "set_config('idle_in_transaction_session_timeout', '10000', false), "
		       "set_config('tcp_keepalives_idle', '10', false), "
		       "set_config('tcp_keepalives_interval', '5', false), "
		       "set_config('tcp_keepalives_count', '3', false), "
		       "set_config('synchronous_commit', CASE "
		       "current_setting('synchronous_commit') WHEN 'off' THEN 'local' "
		       "ELSE current_setting('synchronous_commit') END, false)",
	};

	return db_run(&s->db, &query);
}

static int db_pgsql_on_lock(void *ctx, const struct db_value *row)
{
	*(bool *)ctx = row[0].number != 0;
	return 0;
}

/* The numbers are "adit" in ASCII and the schema: two relays may share a database in two schemas.
 */
static int db_pgsql_lock(struct db_pgsql *s, const char *name)
{
	const struct db_value value = db_str(name);
	const struct db_query ours = {
		.sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
		       "application_name = $1 AND datname = current_database() AND "
		       "usename = current_user AND pid <> pg_backend_pid()",
		.values = &value,
		.count = 1,
	};
	bool is_locked = false;
	const struct db_query try = {
		.sql = "SELECT pg_try_advisory_lock(1633970548, "
		       "hashtext(coalesce(current_schema(), '')))",
		.on_row = db_pgsql_on_lock,
		.ctx = &is_locked,
	};
	uint64_t until = db_pgsql_now() + DB_PGSQL_LOCK_MS;
	int err = db_run(&s->db, &ours);

	while (!err && !is_locked) {
		err = db_run(&s->db, &try);
		if (err || is_locked)
			return err;
		if (db_pgsql_now() >= until)
			return db_pgsql_say(s, ERR_BUSY, "another aditd uses this database");
		poll(NULL, 0, DB_PGSQL_LOCK_RETRY_MS);
	}
	return err;
}

static const char *db_pgsql_option(const PQconninfoOption *options, const char *key)
{
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (strcmp(o->keyword, key) == 0)
			return o->val ? o->val : "";
	}
	return "";
}

static void db_pgsql_label(const struct pg_lib *pg, const char *url, struct buf *out)
{
	/* What libpq says about a bad URL quotes it, with the password perhaps. */
	PQconninfoOption *options = pg->PQconninfoParse(url, NULL);

	if (!options)
		return;
	buf_append_str(out, "postgresql://");
	if (*db_pgsql_option(options, "user"))
		buf_printf(out, "%s@", db_pgsql_option(options, "user"));
	buf_append_str(out, db_pgsql_option(options, "host"));
	if (*db_pgsql_option(options, "port"))
		buf_printf(out, ":%s", db_pgsql_option(options, "port"));
	buf_printf(out, "/%s", db_pgsql_option(options, "dbname"));
	for (PQconninfoOption *o = options; o->keyword; o++) {
		if (o->val)
			mem_wipe(o->val, strlen(o->val));
	}
	pg->PQconninfoFree(options);
}

int db_pgsql_open(const char *url, uint64_t instance, uint64_t deadline_ms, struct db **db_out)
{
	struct db_pgsql *s = MEM_NEW(struct db_pgsql);
	struct buf why = {0};
	uint64_t until;
	char name[32];
	int err;

	*db_out = &s->db;
	s->db.ops = &db_pgsql_ops;
	db_set_deadline(&s->db, deadline_ms);
	until = db_pgsql_now() + (uint64_t)db_time_left(&s->db, DB_PGSQL_CALL_MS);
	err = pg_lib_load(&s->pg, &why);
	if (err)
		db_fail(&s->db, err, "%.*s", SLICE_ARG(buf_slice(&why)));
	buf_release(&why);
	if (err)
		return err;
	db_pgsql_label(&s->pg, url, &s->label);
	if (!buf_len(&s->label))
		return db_fail(&s->db, ERR_SYNTAX,
			"the URL of the database is not postgresql://USER@HOST:PORT/NAME");
	snprintf(name, sizeof(name), "aditd-%016llx", (unsigned long long)instance);
	err = db_pgsql_connect(s, url, name, until);
	if (!err)
		err = db_pgsql_settle(s);
	return err ? err : db_pgsql_lock(s, name);
}

void db_pgsql_describe(const char *url, struct buf *out)
{
	struct pg_lib pg;
	struct buf why = {0};

	if (pg_lib_load(&pg, &why) == 0)
		db_pgsql_label(&pg, url, out);
	buf_release(&why);
}
