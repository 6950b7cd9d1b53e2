/* Sums are made by the database, so that what is added twice was counted twice, and nothing else.
 */
#include "store/ledger_usage.h"

#include "store/db.h"
#include "store/record.h"

static int ledger_usage_add_one(struct db *db, const struct usage *u)
{
	const struct db_value values[] = {
		db_int(u->account_id),
		db_str(u->month),
		db_int(u->bytes_in),
		db_int(u->bytes_out),
		db_int(u->requests),
	};
	const struct db_query query = {
		.sql = "INSERT INTO adit_usages (account_id, month, bytes_in, bytes_out, requests) "
		       "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, month) DO UPDATE SET "
		       "bytes_in = adit_usages.bytes_in + excluded.bytes_in, "
		       "bytes_out = adit_usages.bytes_out + excluded.bytes_out, "
		       "requests = adit_usages.requests + excluded.requests",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return db_run(db, &query);
}

int ledger_usage_add(struct db *db, const struct usage *usages, size_t count)
{
	int err = db_begin(db);

	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++)
		err = ledger_usage_add_one(db, &usages[i]);
	return db_end(db, err);
}

struct ledger_usage_walk {
	ledger_usage_fn each;
	void *ctx;
};

static int ledger_usage_on_row(void *ctx, const struct db_value *row)
{
	const struct ledger_usage_walk *walk = ctx;
	struct usage u = {
		.account_id = db_u64(&row[0]),
		.bytes_in = db_u64(&row[2]),
		.bytes_out = db_u64(&row[3]),
		.requests = db_u64(&row[4]),
	};

	slice_to_str(row[1].bytes, u.month, sizeof(u.month));
	return walk->each(walk->ctx, &u);
}

#define LEDGER_USAGE_SELECT                                                                        \
	"SELECT account_id, month, bytes_in, bytes_out, requests FROM adit_usages "

int ledger_usage(struct db *db, uint64_t account_id, ledger_usage_fn each, void *ctx)
{
	struct ledger_usage_walk walk = {each, ctx};
	const struct db_value account = db_int(account_id);
	struct db_query query = {
		.sql = LEDGER_USAGE_SELECT "ORDER BY month DESC, account_id",
		.on_row = ledger_usage_on_row,
		.ctx = &walk,
	};

	if (account_id) {
		query.sql = LEDGER_USAGE_SELECT "WHERE account_id = $1 ORDER BY month DESC";
		query.values = &account;
		query.count = 1;
	}
	return db_run(db, &query);
}
