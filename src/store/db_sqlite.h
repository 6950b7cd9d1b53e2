/* SQLite: one file, in WAL mode, each commit on the disk before it is acknowledged. */
#ifndef STORE_DB_SQLITE_H
#define STORE_DB_SQLITE_H

#include <stdbool.h>

#include "base/attr.h"

struct db;

/* The connection comes on an error as well, for its sentence; then it may only be closed. ERR_BUSY:
 * another aditd has the file. ERR_CORRUPT: it is damaged. */
MUST_CHECK int db_sqlite_open(const char *path, bool must_exist, struct db **db_out);

#endif
