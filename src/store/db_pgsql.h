/*
 * PostgreSQL through libpq, which is never allowed to block: a server that has stopped costs a call
 * its deadline and no more. One connection, which holds an advisory lock for as long as it lives,
 * so that a second relay on the same database is refused.
 */
#ifndef STORE_DB_PGSQL_H
#define STORE_DB_PGSQL_H

#include <stdint.h>

#include "base/attr.h"

struct buf;
struct db;

/* The connection comes on an error as well, for its sentence; then it may only be closed. A
 * connection that the same instance has lost and the server has not is ended there. ERR_SYNTAX: no
 * such URL. ERR_BUSY: another relay has the database. */
MUST_CHECK int db_pgsql_open(
	const char *url, uint64_t instance, uint64_t deadline_ms, struct db **db_out);
/* Appends the URL without passwords and options. */
void db_pgsql_describe(const char *url, struct buf *out);

#endif
