/*
 * The audit log: who changed what, in the transaction of the change itself, so that neither is ever
 * there without the other.
 */
#ifndef STORE_LEDGER_AUDIT_H
#define STORE_LEDGER_AUDIT_H

#include <stdint.h>

#include "base/attr.h"

#define LEDGER_AUDITS_MAX 200000u /* beyond it the oldest rows go */

struct audit;
struct db;
struct db_query;

/* An error ends the walk and becomes its result. */
typedef int (*ledger_audit_fn)(void *ctx, const struct audit *audit);

/* The row's id is the database's; audit->id is not looked at. */
MUST_CHECK int ledger_audit_add(struct db *db, const struct audit *audit);
/* The newest first, older than before_id; 0: from the newest on. */
MUST_CHECK int ledger_audits(
	struct db *db, uint64_t before_id, uint64_t limit, ledger_audit_fn each, void *ctx);

/* For the other ledgers: a statement that has to change something, and the audit row, which may be
 * NULL. ERR_NOT_FOUND when nothing was changed. */
MUST_CHECK int ledger_audit_change(
	struct db *db, const struct db_query *query, const struct audit *audit);

#endif
