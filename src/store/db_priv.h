/* What a connection is to the drivers, which embed it. */
#ifndef STORE_DB_PRIV_H
#define STORE_DB_PRIV_H

#include "store/db.h"

#define DB_ERROR_MAX 512u

struct db_ops {
	const char *begin; /* of a transaction that writes */
	const char *id_type; /* stands for {id} in a migration */
	const char *bytes_type; /* for {bytes} */
	const char *has_table; /* a query with one row for each table named $1 */
	int (*run)(struct db *db, const struct db_query *query);
	bool (*is_alive)(struct db *db);
	void (*close)(struct db *db); /* frees it */
};

struct db {
	const struct db_ops *ops;
	uint64_t deadline_ms;
	unsigned depth; /* of transactions */
	uint64_t commits;
	bool is_lost;
	bool is_undone; /* the database ended the transaction by itself */
	char error[DB_ERROR_MAX];
};

/* Keeps the sentence, cut if need be; returns err. */
int db_fail(struct db *db, int err, const char *format, ...) PRINTF_LIKE(3, 4);
/* Milliseconds until the deadline, at most max; 0 when it has passed. */
int db_time_left(const struct db *db, int max);

#endif
