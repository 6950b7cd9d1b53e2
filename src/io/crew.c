/*
 * A list under one mutex. A job is in the list from crew_submit() until a thread takes it, so that
 * crew_cancel() can tell one that waits from one that runs or is over.
 */
#include "io/crew.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

struct crew {
	struct crew_conf conf;
	pthread_t *threads; /* owned */
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct list waiting; /* of crew_job */
	size_t waiting_count;
	bool ending;
};

/* The job's memory may be gone when this returns. */
static void crew_tell(struct crew_job *job)
{
	if (job->loop)
		loop_post(job->loop, &job->task);
	else
		job->done(job);
}

static void crew_on_end(struct loop_task *task)
{
	struct crew_job *job = CONTAINER_OF(task, struct crew_job, task);

	job->done(job);
}

static void crew_add_ms(struct timespec *t, unsigned ms)
{
	t->tv_sec += ms / 1000;
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
}

/* Under the lock. False when nothing came for as long as the crew calls idle. */
static bool crew_wait(struct crew *c)
{
	struct timespec until;

	if (!c->conf.on_idle) {
		pthread_cond_wait(&c->wake, &c->lock);
		return true;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	crew_add_ms(&until, c->conf.idle_ms);
	return pthread_cond_timedwait(&c->wake, &c->lock, &until) == 0;
}

/* Under the lock, which is free while on_idle runs. NULL when the crew ends. */
static struct crew_job *crew_take(struct crew *c)
{
	while (list_is_empty(&c->waiting) && !c->ending) {
		if (crew_wait(c) || !list_is_empty(&c->waiting) || c->ending)
			continue;
		pthread_mutex_unlock(&c->lock);
		c->conf.on_idle(c->conf.ctx);
		pthread_mutex_lock(&c->lock);
	}
	if (list_is_empty(&c->waiting))
		return NULL;
	c->waiting_count--;
	return CONTAINER_OF(list_pop(&c->waiting), struct crew_job, task.node);
}

static void *crew_main(void *arg)
{
	struct crew *c = arg;
	struct crew_job *job;

	/* Linux has one niceness for each thread; where a process has one, being less nice to the
	 * others than asked for is all that is lost. */
	if (c->conf.nice)
		setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + c->conf.nice);
	pthread_mutex_lock(&c->lock);
	while ((job = crew_take(c)) != NULL) {
		job->dropped = c->ending && !c->conf.finishes;
		pthread_mutex_unlock(&c->lock);
		if (!job->dropped)
			job->run(job);
		crew_tell(job);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct crew *crew_new(const struct crew_conf *conf)
{
	struct crew *c = MEM_NEW(struct crew);
	pthread_condattr_t monotonic;

	CHECK(conf->threads > 0);
	c->conf = *conf;
	list_init(&c->waiting);
	CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&monotonic) == 0);
	CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&c->wake, &monotonic) == 0);
	pthread_condattr_destroy(&monotonic);
	c->threads = mem_zero(conf->threads * sizeof(*c->threads));
	for (unsigned i = 0; i < conf->threads; i++)
		CHECK(pthread_create(&c->threads[i], NULL, crew_main, c) == 0);
	return c;
}

void crew_free(struct crew **c_ptr)
{
	struct crew *c = *c_ptr;

	if (!c)
		return;
	*c_ptr = NULL;
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_broadcast(&c->wake);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->conf.threads; i++)
		pthread_join(c->threads[i], NULL);
	CHECK(list_is_empty(&c->waiting));
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	mem_free(c->threads);
	mem_free(c);
}

int crew_submit(struct crew *c, struct crew_job *job, struct loop *loop)
{
	int err = 0;

	pthread_mutex_lock(&c->lock);
	if (c->waiting_count >= c->conf.max_waiting) {
		err = ERR_LIMIT;
	} else {
		loop_task_init(&job->task, crew_on_end);
		job->loop = loop;
		job->dropped = false;
		list_append(&c->waiting, &job->task.node);
		c->waiting_count++;
		pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

bool crew_cancel(struct crew *c, struct crew_job *job)
{
	bool found = false;

	pthread_mutex_lock(&c->lock);
	LIST_EACH (node, &c->waiting) {
		if (node == &job->task.node) {
			found = true;
			break;
		}
	}
	if (found) {
		list_remove(&job->task.node);
		c->waiting_count--;
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}
