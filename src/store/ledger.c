/* One statement each; the order of its values is the order of its columns. */
#include "store/ledger.h"

#include <string.h>

#include "base/err.h"
#include "store/db.h"
#include "store/ledger_audit.h"
#include "store/record.h"

/* A callback and what it wants, for the walks over all rows of a table. */
struct ledger_walk {
	union {
		ledger_account_fn account;
		ledger_key_fn key;
		ledger_name_fn name;
	} each;
	void *ctx;
};

/* ---- accounts ---- */

static int ledger_account_on_id(void *ctx, const struct db_value *row)
{
	*(uint64_t *)ctx = db_u64(&row[0]);
	return 0;
}

int ledger_account_add(struct db *db, struct account *a, const struct audit *audit)
{
	const struct db_value values[] = {
		db_str(a->name),
		db_str(a->plan),
		db_str(a->password_hash),
		db_int(a->disabled),
		db_int(a->created_ms),
	};
	const struct db_query query = {
		.sql = "INSERT INTO adit_accounts (name, plan, password_hash, disabled, "
		       "created_ms) VALUES ($1, $2, $3, $4, $5) RETURNING id",
		.values = values,
		.count = ARRAY_LEN(values),
		.on_row = ledger_account_on_id,
		.ctx = &a->id,
	};

	return ledger_audit_change(db, &query, audit);
}

int ledger_account_set(struct db *db, const struct account *a, const struct audit *audit)
{
	const struct db_value values[] = {
		db_str(a->name),
		db_str(a->plan),
		db_str(a->password_hash),
		db_int(a->disabled),
		db_int(a->id),
	};
	const struct db_query query = {
		.sql = "UPDATE adit_accounts SET name = $1, plan = $2, password_hash = $3, "
		       "disabled = $4 WHERE id = $5",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return ledger_audit_change(db, &query, audit);
}

static int ledger_account_on_row(void *ctx, const struct db_value *row)
{
	const struct ledger_walk *walk = ctx;
	struct account a = {
		.id = db_u64(&row[0]),
		.disabled = row[4].number != 0,
		.created_ms = db_u64(&row[5]),
	};

	slice_to_str(row[1].bytes, a.name, sizeof(a.name));
	slice_to_str(row[2].bytes, a.plan, sizeof(a.plan));
	slice_to_str(row[3].bytes, a.password_hash, sizeof(a.password_hash));
	return walk->each.account(walk->ctx, &a);
}

int ledger_accounts(struct db *db, ledger_account_fn each, void *ctx)
{
	struct ledger_walk walk = {.each.account = each, .ctx = ctx};
	const struct db_query query = {
		.sql = "SELECT id, name, plan, password_hash, disabled, created_ms "
		       "FROM adit_accounts ORDER BY id",
		.on_row = ledger_account_on_row,
		.ctx = &walk,
	};

	return db_run(db, &query);
}

/* ---- keys ---- */

int ledger_key_add(struct db *db, const struct key *k, const struct audit *audit)
{
	const struct db_value values[] = {
		db_str(k->id),
		db_int(k->account_id),
		db_bytes(k->hash, sizeof(k->hash)),
		db_str(k->label),
		db_str(k->scope.names),
		db_int(k->scope.http),
		db_int(k->scope.tcp),
		db_int(k->scope.admin),
		db_int(k->scope.port_first),
		db_int(k->scope.port_last),
		db_int(k->created_ms),
		db_int(k->expires_ms),
		db_int(k->revoked_ms),
		db_int(k->used_ms),
	};
	const struct db_query query = {
		.sql = "INSERT INTO adit_keys (id, account_id, hash, label, names, http, tcp, "
		       "admin, port_first, port_last, created_ms, expires_ms, revoked_ms, "
		       "used_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
		       "$14)",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return ledger_audit_change(db, &query, audit);
}

int ledger_key_set(struct db *db, const struct key *k, const struct audit *audit)
{
	const struct db_value values[] = {
		db_str(k->label),
		db_str(k->scope.names),
		db_int(k->scope.http),
		db_int(k->scope.tcp),
		db_int(k->scope.admin),
		db_int(k->scope.port_first),
		db_int(k->scope.port_last),
		db_int(k->expires_ms),
		db_int(k->revoked_ms),
		db_int(k->used_ms),
		db_str(k->id),
	};
	const struct db_query query = {
		.sql = "UPDATE adit_keys SET label = $1, names = $2, http = $3, tcp = $4, "
		       "admin = $5, port_first = $6, port_last = $7, expires_ms = $8, "
		       "revoked_ms = $9, used_ms = $10 WHERE id = $11",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return ledger_audit_change(db, &query, audit);
}

static int ledger_key_on_row(void *ctx, const struct db_value *row)
{
	const struct ledger_walk *walk = ctx;
	struct key k = {
		.account_id = db_u64(&row[1]),
		.scope =
			{
				.http = row[5].number != 0,
				.tcp = row[6].number != 0,
				.admin = row[7].number != 0,
				.port_first = (uint16_t)row[8].number,
				.port_last = (uint16_t)row[9].number,
			},
		.created_ms = db_u64(&row[10]),
		.expires_ms = db_u64(&row[11]),
		.revoked_ms = db_u64(&row[12]),
		.used_ms = db_u64(&row[13]),
	};

	if (row[2].bytes.len != sizeof(k.hash))
		return ERR_CORRUPT;
	memcpy(k.hash, row[2].bytes.ptr, sizeof(k.hash));
	slice_to_str(row[0].bytes, k.id, sizeof(k.id));
	slice_to_str(row[3].bytes, k.label, sizeof(k.label));
	slice_to_str(row[4].bytes, k.scope.names, sizeof(k.scope.names));
	return walk->each.key(walk->ctx, &k);
}

int ledger_keys(struct db *db, ledger_key_fn each, void *ctx)
{
	struct ledger_walk walk = {.each.key = each, .ctx = ctx};
	const struct db_query query = {
		.sql = "SELECT id, account_id, hash, label, names, http, tcp, admin, port_first, "
		       "port_last, created_ms, expires_ms, revoked_ms, used_ms FROM adit_keys "
		       "ORDER BY created_ms, id",
		.on_row = ledger_key_on_row,
		.ctx = &walk,
	};

	return db_run(db, &query);
}

/* ---- names ---- */

static struct db_value ledger_name_key(const struct name_record *n)
{
	return n->key_id[0] ? db_str(n->key_id) : db_null();
}

int ledger_name_add(struct db *db, const struct name_record *n, const struct audit *audit)
{
	const struct db_value values[] = {
		db_str(n->name),
		db_int(n->account_id),
		ledger_name_key(n),
		db_str(n->password_hash),
		db_int(n->created_ms),
	};
	const struct db_query query = {
		.sql = "INSERT INTO adit_names (name, account_id, key_id, password_hash, "
		       "created_ms) VALUES ($1, $2, $3, $4, $5)",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return ledger_audit_change(db, &query, audit);
}

int ledger_name_set(struct db *db, const struct name_record *n, const struct audit *audit)
{
	const struct db_value values[] = {
		db_int(n->account_id),
		ledger_name_key(n),
		db_str(n->password_hash),
		db_str(n->name),
	};
	const struct db_query query = {
		.sql = "UPDATE adit_names SET account_id = $1, key_id = $2, password_hash = $3 "
		       "WHERE name = $4",
		.values = values,
		.count = ARRAY_LEN(values),
	};

	return ledger_audit_change(db, &query, audit);
}

int ledger_name_remove(struct db *db, const char *name, const struct audit *audit)
{
	const struct db_value value = db_str(name);
	const struct db_query query = {
		.sql = "DELETE FROM adit_names WHERE name = $1", .values = &value, .count = 1};

	return ledger_audit_change(db, &query, audit);
}

static int ledger_name_on_row(void *ctx, const struct db_value *row)
{
	const struct ledger_walk *walk = ctx;
	struct name_record n = {.account_id = db_u64(&row[1]), .created_ms = db_u64(&row[4])};

	slice_to_str(row[0].bytes, n.name, sizeof(n.name));
	slice_to_str(row[2].bytes, n.key_id, sizeof(n.key_id));
	slice_to_str(row[3].bytes, n.password_hash, sizeof(n.password_hash));
	return walk->each.name(walk->ctx, &n);
}

int ledger_names(struct db *db, ledger_name_fn each, void *ctx)
{
	struct ledger_walk walk = {.each.name = each, .ctx = ctx};
	const struct db_query query = {
		.sql = "SELECT name, account_id, key_id, password_hash, created_ms "
		       "FROM adit_names ORDER BY name",
		.on_row = ledger_name_on_row,
		.ctx = &walk,
	};

	return db_run(db, &query);
}
