/* A counted object, because whoever is late must still find it. */
#include "relay/admin_ask.h"

#include <pthread.h>
#include <time.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "relay/worker.h"

#define ADMIN_ASK_WAIT_MS 2000u
#define ADMIN_ASK_LOOK_MS 50u /* between looks whether the relay stops */

struct admin_ask_part {
	struct loop_task task;
	struct admin_ask *ask; /* a reference while it is posted */
	struct worker *worker; /* borrowed */
	struct buf out;
};

struct admin_ask {
	struct relay_shared *shared; /* borrowed */
	admin_ask_fn fn;
	void *what; /* owned */
	size_t size;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned refs;
	unsigned pending;
	struct admin_ask_part parts[];
};

struct admin_ask *admin_ask_new(
	struct relay_shared *shared, admin_ask_fn fn, const void *what, size_t size)
{
	struct admin_ask *ask =
		mem_zero(sizeof(*ask) + shared->worker_count * sizeof(struct admin_ask_part));
	pthread_condattr_t monotonic;

	ask->shared = shared;
	ask->fn = fn;
	ask->what = mem_dup(what, size);
	ask->size = size;
	ask->refs = 1;
	CHECK(pthread_condattr_init(&monotonic) == 0);
	CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_mutex_init(&ask->lock, NULL) == 0);
	CHECK(pthread_cond_init(&ask->answered, &monotonic) == 0);
	pthread_condattr_destroy(&monotonic);
	return ask;
}

static void admin_ask_unref(struct admin_ask *ask)
{
	unsigned left;

	pthread_mutex_lock(&ask->lock);
	left = --ask->refs;
	pthread_mutex_unlock(&ask->lock);
	if (left)
		return;
	for (unsigned i = 0; i < ask->shared->worker_count; i++)
		buf_release(&ask->parts[i].out);
	mem_wipe(ask->what, ask->size);
	mem_free(ask->what);
	pthread_cond_destroy(&ask->answered);
	pthread_mutex_destroy(&ask->lock);
	mem_free(ask);
}

void admin_ask_free(struct admin_ask **ask)
{
	if (*ask)
		admin_ask_unref(*ask);
	*ask = NULL;
}

/* On the worker. A relay that stops runs what is left of its tasks with everything closed. */
static void admin_ask_on_task(struct loop_task *task)
{
	struct admin_ask_part *part = CONTAINER_OF(task, struct admin_ask_part, task);
	struct admin_ask *ask = part->ask;

	if (!atomic_load(&ask->shared->stopping))
		ask->fn(part->worker, ask->what, &part->out);
	pthread_mutex_lock(&ask->lock);
	ask->pending--;
	pthread_cond_signal(&ask->answered);
	pthread_mutex_unlock(&ask->lock);
	admin_ask_unref(ask);
}

static void admin_ask_post(struct admin_ask *ask, unsigned i)
{
	struct admin_ask_part *part = &ask->parts[i];

	part->ask = ask;
	part->worker = ask->shared->workers[i];
	loop_task_init(&part->task, admin_ask_on_task);
	pthread_mutex_lock(&ask->lock);
	ask->refs++;
	ask->pending++;
	pthread_mutex_unlock(&ask->lock);
	loop_post(part->worker->loop, &part->task);
}

static void admin_ask_later(struct timespec *at, unsigned ms)
{
	clock_gettime(CLOCK_MONOTONIC, at);
	at->tv_nsec += (long)ms * 1000000;
	at->tv_sec += at->tv_nsec / 1000000000;
	at->tv_nsec %= 1000000000;
}

static int admin_ask_wait(struct admin_ask *ask)
{
	uint64_t until = loop_clock_us() + ADMIN_ASK_WAIT_MS * 1000u;
	struct timespec look;
	unsigned pending;

	pthread_mutex_lock(&ask->lock);
	while (ask->pending && loop_clock_us() < until && !atomic_load(&ask->shared->stopping)) {
		admin_ask_later(&look, ADMIN_ASK_LOOK_MS);
		pthread_cond_timedwait(&ask->answered, &ask->lock, &look);
	}
	pending = ask->pending;
	pthread_mutex_unlock(&ask->lock);
	return pending ? ERR_TIMEOUT : 0;
}

int admin_ask_all(struct admin_ask *ask)
{
	for (unsigned i = 0; i < ask->shared->worker_count; i++)
		admin_ask_post(ask, i);
	return admin_ask_wait(ask);
}

int admin_ask_one(struct admin_ask *ask, unsigned worker)
{
	CHECK(worker < ask->shared->worker_count);
	admin_ask_post(ask, worker);
	return admin_ask_wait(ask);
}

struct slice admin_ask_answer(const struct admin_ask *ask, unsigned worker)
{
	return buf_slice(&ask->parts[worker].out);
}
