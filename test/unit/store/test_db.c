/* Connections: the file's rights and lock, the schema's version, and what is refused. */
#include "store/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/db_migrate.h"
#include "store/db_open.h"
#include "store/db_sqlite.h"
#include "support/store_place.h"

struct fixture {
	struct store_place place;
	struct buf why;
};

static int set_up(void **state)
{
	static struct fixture f;

	store_place_init_file(&f.place);
	buf_init(&f.why);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	buf_release(&f->why);
	store_place_deinit(&f->place);
	return 0;
}

/* Opens, and expects that it fails with this in its sentence. */
static void refused(struct fixture *f, int want, const char *words)
{
	struct db *db = NULL;

	buf_clear(&f->why);
	assert_int_equal(db_open(&f->place.conf, 0, &db, &f->why), want);
	assert_null(db);
	buf_append_char(&f->why, '\0');
	if (!strstr(buf_slice(&f->why).ptr, words))
		fail_msg("\"%s\" does not say \"%s\"", buf_slice(&f->why).ptr, words);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void what_it_makes_is_for_its_owner_only(void **state)
{
	struct fixture *f = *state;
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	mode_t mask = umask(0);
	struct db *db;

	assert_int_equal(rmdir(f->place.folder), 0);
	db = store_place_open(&f->place);
	umask(mask);
	assert_int_equal(mode_of(f->place.folder), 0700);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", f->place.path, ends[i]);
		assert_int_equal(mode_of(path), 0600);
	}
	db_close(&db);
}

static void a_file_or_folder_that_others_may_write_is_refused(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);

	db_close(&db);
	assert_int_equal(chmod(f->place.path, 0660), 0);
	refused(f, ERR_DENIED, "others may write");
	assert_int_equal(chmod(f->place.path, 0600), 0);
	assert_int_equal(chmod(f->place.folder, 0777), 0);
	refused(f, ERR_DENIED, "others may write in the folder");
	assert_int_equal(chmod(f->place.folder, 0700), 0);
	db = store_place_open(&f->place);
	db_close(&db);
}

static void what_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char target[128];

	assert_int_equal(mkfifo(f->place.path, 0600), 0);
	refused(f, ERR_DENIED, "is not a file");
	assert_int_equal(unlink(f->place.path), 0);
	snprintf(target, sizeof(target), "%s/other", f->place.folder);
	assert_int_equal(symlink(target, f->place.path), 0);
	refused(f, ERR_SYSTEM, "cannot open");
	assert_int_equal(access(target, F_OK), -1);
}

static void a_second_one_is_refused_until_the_first_has_closed(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);
	char process[32];

	snprintf(process, sizeof(process), "(process %d)", (int)getpid());
	refused(f, ERR_BUSY, process);
	db_close(&db);
	db = store_place_open(&f->place);
	db_close(&db);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);

	assert_int_equal(
		store_place_sql(db, "UPDATE adit_meta SET value = '4711' WHERE name = 'schema'"),
		0);
	db_close(&db);
	refused(f, ERR_RANGE, "newer version of aditd (schema 4711, this one knows ");
}

static void a_schema_without_a_number_is_refused(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);

	assert_int_equal(store_place_sql(db, "UPDATE adit_meta SET value = 'one'"), 0);
	db_close(&db);
	refused(f, ERR_CORRUPT, "no version number");
}

static void a_step_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);
	static const char *const tables[] = {"adit_names", "adit_keys", "adit_accounts",
		"adit_audits", "adit_usages", "adit_meta"};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "DROP TABLE %s", tables[i]);
		assert_int_equal(store_place_sql(db, sql), 0);
	}
	db_close(&db);
	/* The last table of the first step is in its way, and was not even made by it. */
	refused(f, ERR_SYSTEM, "adit_ports");
	refused(f, ERR_SYSTEM, "adit_ports");
	assert_int_equal(db_sqlite_open(f->place.path, true, &db), 0);
	assert_int_equal(store_place_sql(db, "SELECT * FROM adit_accounts"), ERR_SYSTEM);
	assert_int_equal(store_place_sql(db, "DROP TABLE adit_ports"), 0);
	db_close(&db);
	db = store_place_open(&f->place);
	assert_int_equal(store_place_sql(db, "SELECT * FROM adit_accounts"), 0);
	db_close(&db);
}

static void a_file_that_is_gone_is_not_made_anew(void **state)
{
	struct fixture *f = *state;

	f->place.conf.must_exist = true;
	refused(f, ERR_UNAVAILABLE, "is gone");
	assert_int_equal(access(f->place.path, F_OK), -1);
}

static void spoil(const char *path, off_t at, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

static void a_damaged_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);
	char noise[4096];

	db_close(&db);
	memset(noise, 0xa5, sizeof(noise));
	spoil(f->place.path, 4096 * 3, noise, sizeof(noise));
	refused(f, ERR_CORRUPT, "is damaged: restore it from a backup");
	spoil(f->place.path, 0, noise, 100);
	refused(f, ERR_CORRUPT, "is damaged: restore it from a backup");
}

static void a_statement_after_the_deadline_is_not_begun(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);

	db_set_deadline(db, 1);
	assert_int_equal(store_place_sql(db, "DELETE FROM adit_meta"), ERR_UNAVAILABLE);
	assert_string_equal(db_error(db), "the database took too long");
	/* What has begun can be undone all the same. */
	db_set_deadline(db, 0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(store_place_sql(db, "DELETE FROM adit_meta"), 0);
	db_set_deadline(db, 1);
	assert_int_equal(db_commit(db), ERR_UNAVAILABLE);
	assert_false(db_is_lost(db));
	db_close(&db);
	db = store_place_open(&f->place); /* the schema's version is there */
	assert_int_equal(db_migrate(db), 0);
	db_close(&db);
}

static void foreign_keys_and_wal_are_on(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_place_open(&f->place);
	char header[20] = {0};
	int fd;

	assert_int_equal(
		store_place_sql(db, "INSERT INTO adit_names VALUES ('x', 99, NULL, '', 0)"),
		ERR_NOT_FOUND);
	db_close(&db);
	fd = open(f->place.path, O_RDONLY);
	assert_int_equal(read(fd, header, sizeof(header)), sizeof(header));
	close(fd);
	assert_int_equal(header[18], 2); /* write version: WAL */
}

#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DB_TEST(what_it_makes_is_for_its_owner_only),
		DB_TEST(a_file_or_folder_that_others_may_write_is_refused),
		DB_TEST(what_is_no_file_is_refused),
		DB_TEST(a_second_one_is_refused_until_the_first_has_closed),
		DB_TEST(a_newer_schema_is_refused),
		DB_TEST(a_schema_without_a_number_is_refused),
		DB_TEST(a_step_that_fails_leaves_nothing),
		DB_TEST(a_file_that_is_gone_is_not_made_anew),
		DB_TEST(a_damaged_file_is_refused),
		DB_TEST(a_statement_after_the_deadline_is_not_begun),
		DB_TEST(foreign_keys_and_wal_are_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
