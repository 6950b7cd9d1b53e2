/* How much went through an account's tunnels, month by month. Nobody's tunnels count for account 0.
 */
#ifndef STORE_LEDGER_USAGE_H
#define STORE_LEDGER_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct db;
struct usage;

typedef int (*ledger_usage_fn)(void *ctx, const struct usage *usage);

/* Adds to what is there, all of them or none. */
MUST_CHECK int ledger_usage_add(struct db *db, const struct usage *usages, size_t count);
/* The newest month first; account 0: all accounts, nobody included. */
MUST_CHECK int ledger_usage(struct db *db, uint64_t account_id, ledger_usage_fn each, void *ctx);

#endif
