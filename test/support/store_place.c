/* The folder has the rights that the store asks for; what is in it goes with it. */
#include "support/store_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "io/loop.h"
#include "store/db.h"

#define STORE_PLACE_OPEN_MS 30000u

int store_place_sql(struct db *db, const char *sql)
{
	const struct db_query query = {.sql = sql};

	return db_run(db, &query);
}

struct db *store_place_open(const struct store_place *place)
{
	struct db *db = NULL;
	struct buf why;

	buf_init(&why);
	if (db_open(&place->conf, loop_clock_us() / 1000 + STORE_PLACE_OPEN_MS, &db, &why) != 0) {
		fprintf(stderr, "%.*s\n", SLICE_ARG(buf_slice(&why)));
		abort();
	}
	buf_release(&why);
	db_set_deadline(db, 0);
	return db;
}

void store_place_init_file(struct store_place *place)
{
	*place = (struct store_place) {.folder = "/tmp/adit-store-XXXXXX"};
	CHECK(mkdtemp(place->folder) != NULL);
	snprintf(place->path, sizeof(place->path), "%s/adit.db", place->folder);
	place->conf.path = place->path;
}

static void store_place_clean(struct store_place *place)
{
	static const char *const tables[] = {"adit_names", "adit_keys", "adit_accounts",
		"adit_audits", "adit_usages", "adit_ports", "adit_meta"};
	struct db *db = store_place_open(place);

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s", tables[i]);
		CHECK(store_place_sql(db, sql) == 0);
	}
	db_close(&db);
}

void store_place_init(struct store_place *place)
{
	const char *url = getenv("ADIT_TEST_DATABASE");

	if (!url) {
		store_place_init_file(place);
		return;
	}
	*place = (struct store_place) {.conf = {.url = url, .instance = 1}};
	store_place_clean(place);
}

bool store_place_is_file(const struct store_place *place)
{
	return place->conf.path != NULL;
}

void store_place_deinit(struct store_place *place)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock", "-journal"};

	if (!store_place_is_file(place))
		return;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", place->path, ends[i]);
		unlink(path);
	}
	rmdir(place->folder);
}
