/*
 * The file of an SQLite database before SQLite sees it: made with narrow rights, refused when
 * others may write it, and locked, so that two programs never believe that they are the only one.
 */
#ifndef STORE_DB_FILE_H
#define STORE_DB_FILE_H

#include <stdbool.h>

#include "base/attr.h"

struct db;

/* Makes the folder (0700) and the file (0600) if they are not there, unless the file must be, and
 * takes the lock, which ends when the descriptor is closed. ERR_BUSY: another process has it. */
MUST_CHECK int db_file_open(struct db *db, const char *path, bool must_exist, int *lock_out);

#endif
