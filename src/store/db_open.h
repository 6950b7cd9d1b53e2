/* Which database there is, and its opening: connection, lock, schema. */
#ifndef STORE_DB_OPEN_H
#define STORE_DB_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct db;

/* One of path and url. */
struct db_conf {
	const char *path; /* borrowed; an SQLite file */
	const char *url; /* borrowed; postgresql://... */
	bool must_exist; /* a file that was there before is not made anew when it is gone */
	uint64_t instance; /* random; connections of the same number are the same program's */
};

/* Gives up at the deadline (monotonic milliseconds). The sentence for people has no full stop; no
 * password is in it. */
MUST_CHECK int db_open(
	const struct db_conf *conf, uint64_t deadline_ms, struct db **db_out, struct buf *why);
/* Appends what the database is called where people read it: the path, or the URL without
 * passwords. */
void db_open_describe(const struct db_conf *conf, struct buf *out);

#endif
