/*
 * Threads for work that blocks: hashing of passwords, SQL. Jobs wait in one bounded queue and
 * begin in the order in which they came; each one's end is told on the loop that it came from,
 * exactly once.
 *
 * The crew ends before the loops: crew_free() waits for what runs, and leaves every end on its
 * loop, where loop_free() runs it at the latest. What such an end finds may be half gone by then,
 * so it asks its owner's own "stopped" before it touches more than its job.
 */
#ifndef IO_CREW_H
#define IO_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "io/loop.h"

struct crew;

/* Lives in the object that it is about, and stays until it is done; then it may be used again. */
struct crew_job {
	struct loop_task task;
	struct loop *loop; /* borrowed; NULL: done is called on the crew's thread */
	void (*run)(struct crew_job *job); /* on a thread of the crew */
	void (*done)(struct crew_job *job); /* on the loop */
	bool dropped; /* the crew ended before the job began; run was not called */
};

struct crew_conf {
	unsigned threads;
	size_t max_waiting; /* jobs that have not begun */
	int nice; /* added to the threads' niceness; 0: as the process */
	bool finishes; /* crew_free runs what waits, else it drops it */
	unsigned idle_ms; /* with on_idle: how long the crew has had nothing to do */
	void (*on_idle)(void *ctx); /* on a thread of the crew, not while a job runs there */
	void *ctx; /* borrowed */
};

/* Starts the threads. */
struct crew *crew_new(const struct crew_conf *conf);
/* No other thread may submit any more. */
void crew_free(struct crew **crew);
/* ERR_LIMIT when as many jobs as may be wait already; then nothing was done. On any thread. */
MUST_CHECK int crew_submit(struct crew *crew, struct crew_job *job, struct loop *loop);
/* Takes back a job that has not begun; nothing is told of it then. False: its end will be told. */
bool crew_cancel(struct crew *crew, struct crew_job *job);

#endif
