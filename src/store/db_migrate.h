/*
 * Brings a database to the version that this program knows. A database of a newer program is
 * refused: nobody here knows what its columns mean.
 */
#ifndef STORE_DB_MIGRATE_H
#define STORE_DB_MIGRATE_H

#include "base/attr.h"

struct db;

/* The newest version that is known here. */
unsigned db_migrate_version(void);
/* ERR_RANGE for a newer database; db_error has the sentence. */
MUST_CHECK int db_migrate(struct db *db);

#endif
