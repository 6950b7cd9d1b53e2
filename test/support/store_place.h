/*
 * An empty database for a test: a file in a folder of its own, or the PostgreSQL database that
 * ADIT_TEST_DATABASE names, with what an earlier test has left there removed.
 */
#ifndef SUPPORT_STORE_PLACE_H
#define SUPPORT_STORE_PLACE_H

#include <stdbool.h>

#include "store/db_open.h"

struct db;

struct store_place {
	char folder[64];
	char path[96];
	struct db_conf conf;
};

void store_place_init(struct store_place *place);
void store_place_deinit(struct store_place *place);
/* Always a file, whatever the environment says. */
void store_place_init_file(struct store_place *place);
bool store_place_is_file(const struct store_place *place);
/* Opens it, or ends the test program with the reason. */
struct db *store_place_open(const struct store_place *place);
/* The same without values and rows; returns what db_run does. */
int store_place_sql(struct db *db, const char *sql);

#endif
