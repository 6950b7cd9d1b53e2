/*
 * Accounts, their keys and their names in the database. Every change takes the row of the audit
 * log that tells of it, and both are written in one transaction; without one (NULL) the change
 * goes unlogged. Inside of db_begin and db_commit several changes become one.
 *
 * ERR_EXISTS: there is such a row already. ERR_NOT_FOUND: there is none, or what it belongs to is
 * not there. ERR_UNAVAILABLE, ERR_FULL, ERR_READONLY: not now, db_error says why. Runs on the
 * store's thread only.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/attr.h"

struct account;
struct audit;
struct db;
struct key;
struct name_record;

/* Each gets one row at a time; an error ends the walk and becomes its result. */
typedef int (*ledger_account_fn)(void *ctx, const struct account *account);
typedef int (*ledger_key_fn)(void *ctx, const struct key *key);
typedef int (*ledger_name_fn)(void *ctx, const struct name_record *name);

/* Puts the id into the account. */
MUST_CHECK int ledger_account_add(
	struct db *db, struct account *account, const struct audit *audit);
/* By id: name, plan, password, disabled. */
MUST_CHECK int ledger_account_set(
	struct db *db, const struct account *account, const struct audit *audit);
MUST_CHECK int ledger_accounts(struct db *db, ledger_account_fn each, void *ctx);

MUST_CHECK int ledger_key_add(struct db *db, const struct key *key, const struct audit *audit);
/* By id: label, scope, and the times of expiry, revocation and last use. */
MUST_CHECK int ledger_key_set(struct db *db, const struct key *key, const struct audit *audit);
MUST_CHECK int ledger_keys(struct db *db, ledger_key_fn each, void *ctx);

MUST_CHECK int ledger_name_add(
	struct db *db, const struct name_record *name, const struct audit *audit);
/* By name: account, key, password. */
MUST_CHECK int ledger_name_set(
	struct db *db, const struct name_record *name, const struct audit *audit);
MUST_CHECK int ledger_name_remove(struct db *db, const char *name, const struct audit *audit);
MUST_CHECK int ledger_names(struct db *db, ledger_name_fn each, void *ctx);

#endif
