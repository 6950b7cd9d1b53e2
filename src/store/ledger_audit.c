/* Ids rise, so that the oldest rows are those below a number, and trimming is cheap. */
#include "store/ledger_audit.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/record.h"

#define LEDGER_AUDIT_TRIM_EVERY 256u

static int ledger_audit_on_id(void *ctx, const struct db_value *row)
{
	*(uint64_t *)ctx = db_u64(&row[0]);
	return 0;
}

static int ledger_audit_trim(struct db *db, uint64_t newest)
{
	const struct db_value last = db_int(newest - LEDGER_AUDITS_MAX);
	const struct db_query query = {
		.sql = "DELETE FROM adit_audits WHERE id <= $1", .values = &last, .count = 1};

	if (newest <= LEDGER_AUDITS_MAX || newest % LEDGER_AUDIT_TRIM_EVERY)
		return 0;
	return db_run(db, &query);
}

int ledger_audit_add(struct db *db, const struct audit *a)
{
	const struct db_value values[] = {
		db_int(a->at_ms),
		db_str(a->actor),
		db_str(a->event),
		db_str(a->subject),
		db_str(a->address),
		a->detail ? db_str(a->detail) : db_null(),
	};
	uint64_t id = 0;
	const struct db_query query = {
		.sql = "INSERT INTO adit_audits (at_ms, actor, event, subject, address, detail) "
		       "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
		.values = values,
		.count = ARRAY_LEN(values),
		.on_row = ledger_audit_on_id,
		.ctx = &id,
	};
	int err = db_begin(db);

	if (err)
		return err;
	err = db_run(db, &query);
	if (!err)
		err = ledger_audit_trim(db, id);
	return db_end(db, err);
}

int ledger_audit_change(struct db *db, const struct db_query *query, const struct audit *audit)
{
	struct db_query counted = *query;
	uint64_t changed = 0;
	int err = db_begin(db);

	if (err)
		return err;
	counted.changed_out = &changed;
	err = db_run(db, &counted);
	if (!err && !changed)
		err = ERR_NOT_FOUND;
	if (!err && audit)
		err = ledger_audit_add(db, audit);
	return db_end(db, err);
}

struct ledger_audit_walk {
	ledger_audit_fn each;
	void *ctx;
};

static int ledger_audit_on_row(void *ctx, const struct db_value *row)
{
	const struct ledger_audit_walk *walk = ctx;
	struct audit a = {.id = db_u64(&row[0]), .at_ms = db_u64(&row[1])};
	int err;

	slice_to_str(row[2].bytes, a.actor, sizeof(a.actor));
	slice_to_str(row[3].bytes, a.event, sizeof(a.event));
	slice_to_str(row[4].bytes, a.subject, sizeof(a.subject));
	slice_to_str(row[5].bytes, a.address, sizeof(a.address));
	if (row[6].type != DB_NULL)
		a.detail = mem_dup_str(row[6].bytes.ptr, row[6].bytes.len);
	err = walk->each(walk->ctx, &a);
	mem_free(a.detail);
	return err;
}

int ledger_audits(
	struct db *db, uint64_t before_id, uint64_t limit, ledger_audit_fn each, void *ctx)
{
	struct ledger_audit_walk walk = {each, ctx};
	const struct db_value values[] = {
		db_int(before_id ? before_id : UINT64_MAX),
		db_int(limit),
	};
	const struct db_query query = {
		.sql = "SELECT id, at_ms, actor, event, subject, address, detail FROM adit_audits "
		       "WHERE id < $1 ORDER BY id DESC LIMIT $2",
		.values = values,
		.count = ARRAY_LEN(values),
		.on_row = ledger_audit_on_row,
		.ctx = &walk,
	};

	return db_run(db, &query);
}
