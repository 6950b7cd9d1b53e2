/*
 * One event loop, run by one thread. Besides running libuv it offers what every object on it
 * needs: the time, work posted from other threads, work put off to the end of the turn, and the
 * read buffer that all streams of the loop share.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct alarms;
struct buf;

#define LOOP_READ_SIZE 262144u /* most bytes one read brings */

struct loop;
struct uv_loop_s;

/* Lives in the object that it is about; may be posted again once it runs. */
struct loop_task {
	struct list node;
	void (*run)(struct loop_task *task);
};

struct loop *loop_new(void);
/* Every object on the loop must be closed; runs the loop until the last one is gone. */
void loop_free(struct loop **loop);
/* Whether loop_free would wait for somebody else: for an answer that nobody here wants any more, to
 * a question that cannot be taken back. The end of the process would, too, unless it is _exit(). */
bool loop_has_orphans(const struct loop *loop);
/* Returns after loop_stop. */
void loop_run(struct loop *loop);
/* May be called on any thread. */
void loop_stop(struct loop *loop);

/* Monotonic milliseconds as of the start of the turn. */
uint64_t loop_now(const struct loop *loop);
/* Monotonic microseconds right now, independent of any loop. */
uint64_t loop_clock_us(void);
/* The same, read once for all that one event brings: many requests, when they come in one read. */
uint64_t loop_event_us(struct loop *loop);
/* Another event begins: whoever hands out what a socket brought says so. */
void loop_begin_event(struct loop *loop);
/* Counts turns: another number is another turn. */
uint32_t loop_turn_number(const struct loop *loop);
/* Milliseconds since 1970 as the system's clock has them right now. */
uint64_t loop_wall_ms(void);

/* How many threads the machine runs at once for this process. */
unsigned loop_core_count(void);

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task));
/* Runs the task on the loop's thread; may be called on any thread. */
void loop_post(struct loop *loop, struct loop_task *task);
/* Runs the task at the end of this turn; on the loop's own thread only. A task that waits
 * already is left where it is. */
void loop_defer(struct loop *loop, struct loop_task *task);
/* Runs the task in the next turn, after what sockets bring in this one, and without sleeping before
 * it: for work of which one turn does a part. On the loop's own thread only. */
void loop_put_off(struct loop *loop, struct loop_task *task);
/* Takes back a task that was deferred or put off and has not run. */
void loop_cancel(struct loop_task *task);

/* For the other files of this folder. */
struct uv_loop_s *loop_uv(struct loop *loop);
struct alarms *loop_alarms(struct loop *loop);
struct loop *loop_of_uv(struct uv_loop_s *uv);
/* How many bytes this reader has read in this turn, and that it has read more: libuv reads a socket
 * again and again while others wait. */
size_t loop_bytes_read(const struct loop *loop, const void *reader);
void loop_count_read(struct loop *loop, const void *reader, size_t len);
/* One more, or with -1 one less. */
void loop_count_orphan(struct loop *loop, int change);
char *loop_read_buffer(struct loop *loop);
/* For what is made of what was read: as large, and another one. */
char *loop_plain_buffer(struct loop *loop);
/* Scratch space for what one call writes. */
struct buf *loop_out(struct loop *loop);

#endif
