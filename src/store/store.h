/*
 * The store's thread: the only one that speaks SQL. Jobs wait for it in a bounded queue, each with
 * a deadline, and are told their end on the loop that they came from. A connection that was lost
 * is opened again by itself; until then jobs fail at once with ERR_UNAVAILABLE and a reason.
 *
 * One relay at a time has a store: a second one is refused, because each keeps in memory what it
 * read at the start.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "io/crew.h"

#define STORE_JOBS_MAX 256u
#define STORE_DEADLINE_MS 5000u

struct db;
struct log;
struct loop;
struct store;

/* One of path and url. The texts are copied. */
struct store_conf {
	const char *path; /* borrowed; an SQLite file, made if it is not there */
	const char *url; /* borrowed; postgresql://... */
	unsigned deadline_ms; /* of a job; 0: STORE_DEADLINE_MS */
	unsigned patience_ms; /* to wait at the start for a database that is not there yet */
	/* Each time that a connection was opened, on the store's thread, before any job: what is
	 * kept in memory is read anew. An error closes the connection. May be NULL. */
	int (*opened)(void *ctx, struct db *db);
	void *ctx; /* borrowed */
};

/* Lives in the object that it is about, and stays until it is done; then it may be used again. */
struct store_job {
	struct crew_job crew_job;
	struct store *store; /* borrowed */
	void *waiter; /* borrowed; of store_run_now */
	uint64_t deadline_ms;
	int (*run)(struct store_job *job, struct db *db); /* on the store's thread; 0 or ERR_* */
	void (*done)(struct store_job *job); /* on the loop */
	int err; /* what run returned, or why it was not called */
	/* With an error the sentence for it, unless run has put one there; the job's owner releases
	 * it. */
	struct buf why;
};

/* Opens the database, brings it to this program's schema, and calls opened. The message is a
 * sentence for people. ERR_BUSY: another relay has it. */
MUST_CHECK int store_open(const struct store_conf *conf, struct log *log, struct store **store_out,
	struct buf *message);
/* Runs what still waits. After the threads that submit, before their loops: see io/crew.h. */
void store_free(struct store **store);

/* ERR_LIMIT when STORE_JOBS_MAX wait; then nothing was done. Without a loop done is called on the
 * store's thread. On any thread. */
MUST_CHECK int store_submit(struct store *store, struct store_job *job, struct loop *loop);
/* The same, and waits for its end, which it returns; done is not called. Not on a loop's thread. */
int store_run_now(struct store *store, struct store_job *job);

/* Whether it takes changes, as far as is known; appends the reason otherwise. On any thread. */
bool store_is_well(struct store *store, struct buf *why);
/* What people call it: the path, or the URL without passwords. */
struct slice store_label(const struct store *store);

#endif
