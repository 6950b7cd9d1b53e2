/* The version stands in adit_meta under "schema", and changes in the transaction of its step. */
#include "store/db_migrate.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "store/db_priv.h"

struct db_step {
	unsigned version;
	const char *sql;
};

static const struct db_step db_steps[] = {
#define STEP(version, sql) {version, sql},
#include "store/db_migration.def"
#undef STEP
};

unsigned db_migrate_version(void)
{
	return db_steps[ARRAY_LEN(db_steps) - 1].version;
}

/* The statement with the names of types that this database has. */
static void db_migrate_print(const struct db *db, const char *sql, struct buf *out)
{
	struct slice rest = slice_from_str(sql), part;

	while (slice_split(&rest, '{', &part)) {
		if (slice_starts(part, SLICE("id}"))) {
			buf_append_str(out, db->ops->id_type);
			part = slice_from(part, 3);
		} else if (slice_starts(part, SLICE("bytes}"))) {
			buf_append_str(out, db->ops->bytes_type);
			part = slice_from(part, 6);
		}
		buf_append_slice(out, part);
	}
	buf_append_char(out, '\0');
}

static int db_migrate_statement(struct db *db, const char *sql)
{
	struct db_query query = {0};
	struct buf text;
	int err;

	buf_init(&text);
	db_migrate_print(db, sql, &text);
	query.sql = buf_slice(&text).ptr;
	err = db_run(db, &query);
	buf_release(&text);
	return err;
}

static int db_migrate_on_table(void *ctx, const struct db_value *row)
{
	*(bool *)ctx = true;
	return 0;
}

static int db_migrate_on_version(void *ctx, const struct db_value *row)
{
	return num_parse_u64(row[0].bytes, ctx);
}

/* 0 for a database in which nothing of ours is. */
static int db_migrate_find(struct db *db, uint64_t *version_out)
{
	const struct db_value name = db_str("adit_meta");
	bool has_table = false;
	struct db_query query = {.sql = db->ops->has_table,
		.values = &name,
		.count = 1,
		.on_row = db_migrate_on_table,
		.ctx = &has_table};
	int err = db_run(db, &query);

	*version_out = 0;
	if (err || !has_table)
		return err;
	query = (struct db_query) {.sql = "SELECT value FROM adit_meta WHERE name = 'schema'",
		.on_row = db_migrate_on_version,
		.ctx = version_out};
	err = db_run(db, &query);
	if (err == ERR_SYNTAX || err == ERR_RANGE)
		err = db_fail(db, ERR_CORRUPT, "adit_meta holds no version number");
	return err;
}

static int db_migrate_note(struct db *db, unsigned version)
{
	char digits[NUM_TEXT_MAX];
	const struct db_value value = db_text(slice_of(digits, num_print_u64(version, digits)));
	const struct db_query query = {
		.sql = "INSERT INTO adit_meta (name, value) VALUES ('schema', $1) "
		       "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		.values = &value,
		.count = 1,
	};

	return db_run(db, &query);
}

static int db_migrate_to(struct db *db, unsigned version)
{
	int err = db_begin(db);

	if (err)
		return err;
	if (version == 1)
		err = db_migrate_statement(
			db, "CREATE TABLE adit_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
	for (size_t i = 0; i < ARRAY_LEN(db_steps) && !err; i++) {
		if (db_steps[i].version == version)
			err = db_migrate_statement(db, db_steps[i].sql);
	}
	if (!err)
		err = db_migrate_note(db, version);
	return db_end(db, err);
}

int db_migrate(struct db *db)
{
	uint64_t have;
	int err = db_migrate_find(db, &have);

	if (!err && have > db_migrate_version())
		return db_fail(db, ERR_RANGE,
			"it was made by a newer version of aditd (schema %llu, this one knows %u): "
			"run that version, or restore a backup from before",
			(unsigned long long)have, db_migrate_version());
	while (!err && have < db_migrate_version())
		err = db_migrate_to(db, (unsigned)++have);
	return err;
}
