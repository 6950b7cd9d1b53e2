/* None of this is in the audit log: nobody decides it. */
#include "store/ledger_meta.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "io/loop.h"
#include "store/db.h"

#define LEDGER_PORTS_TRIM 1024u /* rows that go at once */

static int ledger_port_put(struct db *db, const char *name, uint16_t port)
{
	const struct db_value values[] = {
		db_str(name),
		db_int(port),
		db_int(loop_wall_ms()),
	};
	const struct db_query query = {
		.sql = "INSERT INTO adit_ports (name, port, used_ms) VALUES ($1, $2, $3) "
		       "ON CONFLICT (name) DO UPDATE SET port = excluded.port, "
		       "used_ms = excluded.used_ms",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return db_run(db, &query);
}

static int ledger_port_trim(struct db *db)
{
	const struct db_value values[] = {
		db_int(LEDGER_PORTS_TRIM),
		db_int(LEDGER_PORTS_MAX),
	};
	const struct db_query query = {
		.sql = "DELETE FROM adit_ports WHERE name IN (SELECT name FROM adit_ports "
		       "ORDER BY used_ms DESC LIMIT $1 OFFSET $2)",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return db_run(db, &query);
}

int ledger_port_set(struct db *db, const char *name, uint16_t port)
{
	const struct db_value value = db_str(name);
	const struct db_query forget = {
		.sql = "DELETE FROM adit_ports WHERE name = $1", .values = &value, .count = 1};
	int err = db_begin(db);

	if (err)
		return err;
	err = port ? ledger_port_put(db, name, port) : db_run(db, &forget);
	if (!err && port)
		err = ledger_port_trim(db);
	return db_end(db, err);
}

struct ledger_port_walk {
	ledger_port_fn each;
	void *ctx;
};

static int ledger_port_on_row(void *ctx, const struct db_value *row)
{
	const struct ledger_port_walk *walk = ctx;

	return walk->each(walk->ctx, row[0].bytes, (uint16_t)row[1].number);
}

int ledger_ports(struct db *db, ledger_port_fn each, void *ctx)
{
	struct ledger_port_walk walk = {each, ctx};
	const struct db_query query = {
		.sql = "SELECT name, port FROM adit_ports ORDER BY used_ms, name",
		.on_row = ledger_port_on_row,
		.ctx = &walk,
	};

	return db_run(db, &query);
}

struct ledger_meta_found {
	struct buf *out;
	bool is_found;
};

static int ledger_meta_on_row(void *ctx, const struct db_value *row)
{
	struct ledger_meta_found *found = ctx;

	buf_append_slice(found->out, row[0].bytes);
	found->is_found = true;
	return 0;
}

int ledger_meta_get(struct db *db, const char *name, struct buf *value_out)
{
	struct ledger_meta_found found = {.out = value_out};
	const struct db_value value = db_str(name);
	const struct db_query query = {
		.sql = "SELECT value FROM adit_meta WHERE name = $1",
		.values = &value,
		.count = 1,
		.on_row = ledger_meta_on_row,
		.ctx = &found,
	};
	int err = db_run(db, &query);

	return err || found.is_found ? err : ERR_NOT_FOUND;
}

int ledger_meta_set(struct db *db, const char *name, struct slice text)
{
	const struct db_value values[] = {db_str(name), db_text(text)};
	const struct db_query query = {
		.sql = "INSERT INTO adit_meta (name, value) VALUES ($1, $2) "
		       "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	CHECK(!slice_eq(slice_from_str(name), SLICE("schema")));
	return db_run(db, &query);
}
