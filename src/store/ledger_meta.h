/* Small things that a relay wants back after a restart: ports of tunnels, and values by name. */
#ifndef STORE_LEDGER_META_H
#define STORE_LEDGER_META_H

#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define LEDGER_PORTS_MAX 16384u /* beyond it the ports that were used longest ago go */

struct buf;
struct db;

typedef int (*ledger_port_fn)(void *ctx, struct slice name, uint16_t port);

/* The port that a tunnel's name had last; 0 forgets it. */
MUST_CHECK int ledger_port_set(struct db *db, const char *name, uint16_t port);
/* Those that were used longest ago first. */
MUST_CHECK int ledger_ports(struct db *db, ledger_port_fn each, void *ctx);

/* Appends the value. ERR_NOT_FOUND when there is none. */
MUST_CHECK int ledger_meta_get(struct db *db, const char *name, struct buf *value_out);
/* The value is text. "schema" is the database's own. */
MUST_CHECK int ledger_meta_set(struct db *db, const char *name, struct slice value);

#endif
