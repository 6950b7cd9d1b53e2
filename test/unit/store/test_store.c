/* The store's thread: jobs, their deadlines and bounds, and what happens when the file is in
 * trouble. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "io/loop.h"
#include "store/db.h"
#include "store/ledger.h"
#include "store/record.h"
#include "support/loop_turn.h"
#include "support/store_place.h"

struct fixture {
	struct store_place place;
	struct store_conf conf;
	struct store *store;
	struct loop *loop;
	atomic_uint opened;
	int opened_err; /* what opened returns */
};

/* Adds an account, or holds the thread until it is let go. */
struct work {
	struct store_job job;
	char name[RECORD_ACCOUNT_MAX + 1];
	const char *sql; /* instead of an account; borrowed */
	atomic_bool *holds; /* borrowed; waited for while it is set */
	atomic_bool is_running;
	unsigned done;
	pthread_t ran_on;
};

static int on_opened(void *ctx, struct db *db)
{
	struct fixture *f = ctx;

	atomic_fetch_add(&f->opened, 1);
	return f->opened_err;
}

static int on_run(struct store_job *job, struct db *db)
{
	struct work *w = CONTAINER_OF(job, struct work, job);
	struct account a = {.id = 0};

	w->ran_on = pthread_self();
	atomic_store(&w->is_running, true);
	while (w->holds && atomic_load(w->holds))
		sched_yield();
	if (w->sql)
		return store_place_sql(db, w->sql);
	memcpy(a.name, w->name, sizeof(a.name));
	return ledger_account_add(db, &a, NULL);
}

static void on_done(struct store_job *job)
{
	CONTAINER_OF(job, struct work, job)->done++;
}

static void work_init(struct work *w, const char *name)
{
	*w = (struct work) {.job = {.run = on_run, .done = on_done}};
	snprintf(w->name, sizeof(w->name), "%s", name);
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	store_place_init_file(&f.place);
	f.conf = (struct store_conf) {.path = f.place.path, .opened = on_opened, .ctx = &f};
	f.loop = loop_new();
	*state = &f;
	return 0;
}

/* As a quota would: a write that goes beyond is an I/O error to SQLite. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	limit_files(RLIM_INFINITY);
	store_free(&f->store);
	loop_free(&f->loop);
	store_place_deinit(&f->place);
	return 0;
}

static void open_store(struct fixture *f)
{
	struct buf message;

	buf_init(&message);
	if (store_open(&f->conf, NULL, &f->store, &message) != 0)
		fail_msg("%.*s", SLICE_ARG(buf_slice(&message)));
	buf_release(&message);
}

static void open_fails(struct fixture *f, int err, const char *words)
{
	struct buf message;

	buf_init(&message);
	assert_int_equal(store_open(&f->conf, NULL, &f->store, &message), err);
	assert_null(f->store);
	buf_append_char(&message, '\0');
	if (!strstr(buf_slice(&message).ptr, words))
		fail_msg("\"%s\" does not say \"%s\"", buf_slice(&message).ptr, words);
	buf_release(&message);
}

/* Runs it to its end and returns that; why must say the words. */
static int run(struct fixture *f, struct work *w, const char *words)
{
	int err = store_run_now(f->store, &w->job);

	buf_append_char(&w->job.why, '\0');
	if (!strstr(buf_slice(&w->job.why).ptr, words))
		fail_msg("\"%s\" does not say \"%s\"", buf_slice(&w->job.why).ptr, words);
	buf_release(&w->job.why);
	return err;
}

static int add(struct fixture *f, const char *name, const char *words)
{
	struct work w;

	work_init(&w, name);
	return run(f, &w, words);
}

static int sql(struct fixture *f, const char *text)
{
	struct work w;

	work_init(&w, "");
	w.sql = text;
	return run(f, &w, "");
}

static bool is_well(struct fixture *f)
{
	return store_is_well(f->store, NULL);
}

static void wait_until_running(const struct work *w)
{
	while (!atomic_load(&w->is_running))
		sched_yield();
}

static void a_job_runs_elsewhere_and_ends_on_the_loop(void **state)
{
	struct fixture *f = *state;
	struct work w;

	open_store(f);
	assert_int_equal(atomic_load(&f->opened), 1);
	assert_true(is_well(f));
	assert_true(slice_eq(store_label(f->store), slice_from_str(f->place.path)));
	work_init(&w, "anna");
	assert_int_equal(store_submit(f->store, &w.job, f->loop), 0);
	LOOP_TURN_UNTIL(f->loop, w.done == 1);
	assert_int_equal(w.job.err, 0);
	assert_false(pthread_equal(w.ran_on, pthread_self()));
	/* Again, for its error. */
	assert_int_equal(store_submit(f->store, &w.job, f->loop), 0);
	LOOP_TURN_UNTIL(f->loop, w.done == 2);
	assert_int_equal(w.job.err, ERR_EXISTS);
	assert_true(buf_len(&w.job.why) > 0);
	buf_release(&w.job.why);
	/* A duplicate is no trouble of the store. */
	assert_true(is_well(f));
	assert_int_equal(add(f, "ben", ""), 0);
}

static void one_job_more_than_may_wait_is_refused(void **state)
{
	static struct work works[STORE_JOBS_MAX + 1];
	struct fixture *f = *state;
	atomic_bool holds = true;
	struct work late;
	unsigned done = 0;

	open_store(f);
	for (unsigned i = 0; i < ARRAY_LEN(works); i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%u", i);
		work_init(&works[i], name);
		works[i].holds = i ? NULL : &holds;
		assert_int_equal(store_submit(f->store, &works[i].job, f->loop), 0);
		if (!i)
			wait_until_running(&works[0]);
	}
	work_init(&late, "late");
	assert_int_equal(store_submit(f->store, &late.job, f->loop), ERR_LIMIT);
	atomic_store(&holds, false);
	while (done < ARRAY_LEN(works)) {
		loop_turn(f->loop);
		done = 0;
		for (unsigned i = 0; i < ARRAY_LEN(works); i++)
			done += works[i].done;
	}
	for (unsigned i = 0; i < ARRAY_LEN(works); i++)
		assert_int_equal(works[i].job.err, 0);
}

static void a_job_that_waited_too_long_is_not_run(void **state)
{
	struct fixture *f = *state;
	atomic_bool holds = true;
	struct work first, second;

	f->conf.deadline_ms = 50;
	open_store(f);
	do { /* on a busy machine it may be late itself */
		work_init(&first, "");
		first.sql = "SELECT 1";
		first.holds = &holds;
		assert_int_equal(store_submit(f->store, &first.job, f->loop), 0);
		while (!atomic_load(&first.is_running) && !first.done)
			loop_turn(f->loop);
		buf_release(&first.job.why);
	} while (first.done);
	work_init(&second, "second");
	assert_int_equal(store_submit(f->store, &second.job, f->loop), 0);
	while (loop_clock_us() / 1000 < second.job.deadline_ms)
		sched_yield();
	atomic_store(&holds, false);
	LOOP_TURN_UNTIL(f->loop, first.done == 1 && second.done == 1);
	assert_int_equal(second.job.err, ERR_UNAVAILABLE);
	assert_true(slice_eq(buf_slice(&second.job.why), SLICE("the store is busy")));
	assert_false(atomic_load(&second.is_running));
	buf_release(&first.job.why);
	buf_release(&second.job.why);
}

static void what_waits_is_written_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct work works[20];

	open_store(f);
	for (unsigned i = 0; i < ARRAY_LEN(works); i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%u", i);
		work_init(&works[i], name);
		assert_int_equal(store_submit(f->store, &works[i].job, f->loop), 0);
	}
	store_free(&f->store);
	loop_turn(f->loop);
	for (unsigned i = 0; i < ARRAY_LEN(works); i++) {
		assert_int_equal(works[i].done, 1);
		assert_int_equal(works[i].job.err, 0);
	}
	open_store(f);
	assert_int_equal(add(f, "user19", ""), ERR_EXISTS);
}

static void what_cannot_be_loaded_is_not_opened(void **state)
{
	struct fixture *f = *state;

	f->opened_err = ERR_CORRUPT;
	open_fails(f, ERR_CORRUPT, "cannot open the store: its content cannot be read: damaged");
	f->opened_err = 0;
	open_store(f);
}

static void a_second_relay_waits_as_long_as_it_may(void **state)
{
	struct fixture *f = *state;
	struct store *first;

	open_store(f);
	first = f->store;
	open_fails(f, ERR_BUSY, "another aditd has");
	f->conf.patience_ms = 30; /* it tries more than once, and gives up */
	open_fails(f, ERR_BUSY, "another aditd has");
	store_free(&first);
	open_store(f);
}

static void a_file_that_is_moved_away_is_found_again(void **state)
{
	struct fixture *f = *state;
	char elsewhere[128];

	snprintf(elsewhere, sizeof(elsewhere), "%s.away", f->place.path);
	open_store(f);
	assert_int_equal(add(f, "anna", ""), 0);
	assert_int_equal(rename(f->place.path, elsewhere), 0);
	assert_int_equal(add(f, "ben", "is gone"), ERR_UNAVAILABLE);
	assert_false(is_well(f));
	assert_int_equal(add(f, "ben", "is gone"), ERR_UNAVAILABLE);
	/* Nothing is made in its place. */
	assert_int_equal(access(f->place.path, F_OK), -1);
	assert_int_equal(rename(elsewhere, f->place.path), 0);
	LOOP_TURN_UNTIL(f->loop, is_well(f));
	assert_int_equal(atomic_load(&f->opened), 2);
	assert_int_equal(add(f, "anna", ""), ERR_EXISTS);
	assert_int_equal(add(f, "ben", ""), 0);
}

static void a_full_disk_refuses_changes_until_there_is_room(void **state)
{
	struct fixture *f = *state;
	static const char grow[] =
		"INSERT INTO adit_meta (name, value) VALUES ('big', hex(zeroblob(100000)))";

	open_store(f);
	assert_int_equal(sql(f, "PRAGMA max_page_count = 1"), 0); /* as many as there are */
	assert_int_equal(sql(f, grow), ERR_FULL);
	assert_false(is_well(f));
	assert_int_equal(sql(f, "SELECT name FROM adit_accounts"), 0); /* reading goes on */
	assert_int_equal(sql(f, "PRAGMA max_page_count = 100000"), 0);
	LOOP_TURN_UNTIL(f->loop, is_well(f)); /* without anybody asking */
	assert_int_equal(sql(f, grow), 0);
	assert_int_equal(add(f, "anna", ""), 0);
}

static void a_write_that_fails_is_undone_and_the_file_opened_anew(void **state)
{
	struct fixture *f = *state;
	char wal[128];
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	open_store(f);
	assert_int_equal(add(f, "anna", ""), 0);
	snprintf(wal, sizeof(wal), "%s-wal", f->place.path);
	assert_int_equal(stat(wal, &st), 0);
	limit_files((rlim_t)st.st_size);
	assert_int_equal(add(f, "ben", "disk I/O error"), ERR_UNAVAILABLE);
	assert_false(is_well(f));
	limit_files(RLIM_INFINITY);
	LOOP_TURN_UNTIL(f->loop, is_well(f));
	assert_true(atomic_load(&f->opened) > 1);
	assert_int_equal(add(f, "anna", ""), ERR_EXISTS);
	assert_int_equal(add(f, "ben", ""), 0);
}

static void another_writer_is_waited_for_and_then_refused(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	f->conf.deadline_ms = 1000;
	open_store(f);
	assert_int_equal(sqlite3_open(f->place.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(add(f, "anna", "another program holds"), ERR_UNAVAILABLE);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	LOOP_TURN_UNTIL(f->loop, is_well(f));
	assert_int_equal(add(f, "anna", ""), 0);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_job_runs_elsewhere_and_ends_on_the_loop),
		STORE_TEST(one_job_more_than_may_wait_is_refused),
		STORE_TEST(a_job_that_waited_too_long_is_not_run),
		STORE_TEST(what_waits_is_written_at_the_end),
		STORE_TEST(what_cannot_be_loaded_is_not_opened),
		STORE_TEST(a_second_relay_waits_as_long_as_it_may),
		STORE_TEST(a_file_that_is_moved_away_is_found_again),
		STORE_TEST(a_full_disk_refuses_changes_until_there_is_room),
		STORE_TEST(a_write_that_fails_is_undone_and_the_file_opened_anew),
		STORE_TEST(another_writer_is_waited_for_and_then_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
