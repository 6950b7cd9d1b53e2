/* The crew: order, bounds, whose thread tells what, and its end with work left over. */
#include "io/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/err.h"
#include "support/loop_turn.h"

#define JOBS 1000u
#define LOOPS 3u

struct work {
	struct crew_job job;
	unsigned number;
	pthread_t ran_on;
	int niceness;
	struct gate *gate; /* borrowed; waited for while it runs */
	atomic_uint *ran; /* borrowed; counted when it runs */
	unsigned *order; /* borrowed; on the loop: its number is put here */
	unsigned *done; /* borrowed; counted on the loop */
};

/* Holds a job back until a test opens it. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned inside;
	bool is_open;
};

static void gate_init(struct gate *g)
{
	*g = (struct gate) {.inside = 0};
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
}

static void gate_pass(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->inside++;
	pthread_cond_broadcast(&g->changed);
	while (!g->is_open)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_wait_for(struct gate *g, unsigned inside)
{
	pthread_mutex_lock(&g->lock);
	while (g->inside < inside)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->is_open = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static void gate_deinit(struct gate *g)
{
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
}

static void on_run(struct crew_job *job)
{
	struct work *w = CONTAINER_OF(job, struct work, job);

	w->ran_on = pthread_self();
	w->niceness = getpriority(PRIO_PROCESS, 0);
	if (w->gate)
		gate_pass(w->gate);
	if (w->ran)
		atomic_fetch_add(w->ran, 1);
}

static void on_done(struct crew_job *job)
{
	struct work *w = CONTAINER_OF(job, struct work, job);

	if (w->order)
		w->order[*w->done] = w->number;
	++*w->done;
}

static void work_init(struct work *w, unsigned *done)
{
	*w = (struct work) {.done = done};
	w->job.run = on_run;
	w->job.done = on_done;
}

static struct crew *crew_of(unsigned threads, size_t max_waiting, bool finishes)
{
	const struct crew_conf conf = {
		.threads = threads, .max_waiting = max_waiting, .finishes = finishes};

	return crew_new(&conf);
}

static void a_job_runs_elsewhere_and_its_end_is_told_on_the_loop(void **state)
{
	struct loop *loop = loop_new();
	struct crew *crew = crew_of(1, 1, false);
	unsigned done = 0;
	struct work w;

	work_init(&w, &done);
	assert_int_equal(crew_submit(crew, &w.job, loop), 0);
	LOOP_TURN_UNTIL(loop, done == 1);
	assert_false(pthread_equal(w.ran_on, pthread_self()));
	assert_false(w.job.dropped);
	crew_free(&crew);
	assert_null(crew);
	loop_free(&loop);
}

static void one_thread_takes_jobs_in_their_order(void **state)
{
	static struct work works[JOBS];
	static unsigned order[JOBS];
	struct loop *loop = loop_new();
	struct crew *crew = crew_of(1, JOBS, false);
	unsigned done = 0;

	for (unsigned i = 0; i < JOBS; i++) {
		work_init(&works[i], &done);
		works[i].number = i;
		works[i].order = order;
		assert_int_equal(crew_submit(crew, &works[i].job, loop), 0);
	}
	LOOP_TURN_UNTIL(loop, done == JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(order[i], i);
	crew_free(&crew);
	loop_free(&loop);
}

static void one_job_more_than_may_wait_is_refused(void **state)
{
	struct loop *loop = loop_new();
	struct crew *crew = crew_of(1, 2, false);
	struct work running, waiting[2], late;
	unsigned done = 0;
	struct gate gate;

	gate_init(&gate);
	work_init(&running, &done);
	running.gate = &gate;
	assert_int_equal(crew_submit(crew, &running.job, loop), 0);
	gate_wait_for(&gate, 1);
	for (int i = 0; i < 2; i++) {
		work_init(&waiting[i], &done);
		assert_int_equal(crew_submit(crew, &waiting[i].job, loop), 0);
	}
	work_init(&late, &done);
	assert_int_equal(crew_submit(crew, &late.job, loop), ERR_LIMIT);
	gate_open(&gate);
	LOOP_TURN_UNTIL(loop, done == 3);
	assert_int_equal(crew_submit(crew, &late.job, loop), 0);
	LOOP_TURN_UNTIL(loop, done == 4);
	crew_free(&crew);
	loop_free(&loop);
	gate_deinit(&gate);
}

static void threads_work_beside_each_other_and_are_nice(void **state)
{
	const struct crew_conf conf = {.threads = 3, .max_waiting = 3, .nice = 5};
	struct loop *loop = loop_new();
	struct crew *crew = crew_new(&conf);
	int niceness = getpriority(PRIO_PROCESS, 0);
	struct work works[3];
	unsigned done = 0;
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < 3; i++) {
		work_init(&works[i], &done);
		works[i].gate = &gate;
		assert_int_equal(crew_submit(crew, &works[i].job, loop), 0);
	}
	gate_wait_for(&gate, 3); /* all three at once */
	gate_open(&gate);
	LOOP_TURN_UNTIL(loop, done == 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(works[i].niceness, niceness + 5 > 19 ? 19 : niceness + 5);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), niceness);
	crew_free(&crew);
	loop_free(&loop);
	gate_deinit(&gate);
}

static void only_a_job_that_waits_can_be_taken_back(void **state)
{
	struct loop *loop = loop_new();
	struct crew *crew = crew_of(1, 2, false);
	struct work running, waiting;
	unsigned done = 0;
	struct gate gate;

	gate_init(&gate);
	work_init(&running, &done);
	work_init(&waiting, &done);
	running.gate = &gate;
	assert_int_equal(crew_submit(crew, &running.job, loop), 0);
	gate_wait_for(&gate, 1);
	assert_int_equal(crew_submit(crew, &waiting.job, loop), 0);
	assert_true(crew_cancel(crew, &waiting.job));
	assert_false(crew_cancel(crew, &waiting.job));
	assert_false(crew_cancel(crew, &running.job));
	gate_open(&gate);
	LOOP_TURN_UNTIL(loop, done == 1);
	assert_false(crew_cancel(crew, &running.job));
	assert_int_equal(crew_submit(crew, &waiting.job, loop), 0);
	LOOP_TURN_UNTIL(loop, done == 2);
	crew_free(&crew);
	loop_free(&loop);
	gate_deinit(&gate);
}

static void *open_later(void *arg)
{
	gate_open(arg);
	return NULL;
}

/* Ends a crew while one job runs and five wait; returns how many ran. */
static unsigned end_with_work_left(bool finishes, struct work works[6], unsigned *done)
{
	struct loop *loop = loop_new();
	struct crew *crew = crew_of(1, 6, finishes);
	atomic_uint ran = 0;
	struct gate gate;
	pthread_t opener;

	gate_init(&gate);
	for (unsigned i = 0; i < 6; i++) {
		work_init(&works[i], done);
		works[i].ran = &ran;
		works[i].gate = i ? NULL : &gate;
		assert_int_equal(crew_submit(crew, &works[i].job, loop), 0);
	}
	gate_wait_for(&gate, 1);
	assert_int_equal(pthread_create(&opener, NULL, open_later, &gate), 0);
	crew_free(&crew);
	pthread_join(opener, NULL);
	assert_int_equal(*done, 0); /* the loop has not turned */
	loop_free(&loop);
	gate_deinit(&gate);
	return atomic_load(&ran);
}

static void what_waits_at_the_end_is_told_or_finished(void **state)
{
	struct work works[6];
	unsigned done = 0, ran, dropped = 0;

	/* The opener may be later than the end, or earlier: then some of the five have run. */
	ran = end_with_work_left(false, works, &done);
	for (unsigned i = 0; i < 6; i++)
		dropped += works[i].job.dropped;
	assert_int_equal(done, 6);
	assert_int_equal(ran + dropped, 6);
	assert_false(works[0].job.dropped);
	done = 0;
	assert_int_equal(end_with_work_left(true, works, &done), 6);
	assert_int_equal(done, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_false(works[i].job.dropped);
}

static void a_job_without_a_loop_ends_on_the_crew(void **state)
{
	struct crew *crew = crew_of(1, 1, true);
	unsigned done = 0;
	struct work w;

	work_init(&w, &done);
	assert_int_equal(crew_submit(crew, &w.job, NULL), 0);
	crew_free(&crew);
	assert_int_equal(done, 1);
}

/* Each loop on a thread of its own gives the shared crew its jobs and hears of no others. */
struct station {
	struct loop *loop;
	struct crew *crew;
	struct work works[100];
	struct loop_task start;
	unsigned done;
	pthread_t thread;
	bool is_wrong;
};

static void on_station_done(struct crew_job *job)
{
	struct work *w = CONTAINER_OF(job, struct work, job);
	struct station *s = CONTAINER_OF(w, struct station, works[w->number]);

	if (!pthread_equal(s->thread, pthread_self()))
		s->is_wrong = true;
	if (++s->done == ARRAY_LEN(s->works))
		loop_stop(s->loop);
}

static void on_station_start(struct loop_task *task)
{
	struct station *s = CONTAINER_OF(task, struct station, start);

	s->thread = pthread_self();
	for (unsigned i = 0; i < ARRAY_LEN(s->works); i++) {
		work_init(&s->works[i], &s->done);
		s->works[i].number = i;
		s->works[i].job.done = on_station_done;
		if (crew_submit(s->crew, &s->works[i].job, s->loop) != 0)
			s->is_wrong = true;
	}
}

static void *station_main(void *arg)
{
	struct station *s = arg;

	loop_run(s->loop);
	return NULL;
}

static void each_loop_hears_of_its_own_jobs(void **state)
{
	static struct station stations[LOOPS];
	struct crew *crew = crew_of(2, LOOPS * ARRAY_LEN(stations[0].works), false);
	pthread_t threads[LOOPS];

	for (unsigned i = 0; i < LOOPS; i++) {
		stations[i] = (struct station) {.loop = loop_new(), .crew = crew};
		loop_task_init(&stations[i].start, on_station_start);
		loop_post(stations[i].loop, &stations[i].start);
		assert_int_equal(pthread_create(&threads[i], NULL, station_main, &stations[i]), 0);
	}
	for (unsigned i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
	crew_free(&crew);
	for (unsigned i = 0; i < LOOPS; i++) {
		assert_int_equal(stations[i].done, ARRAY_LEN(stations[i].works));
		assert_false(stations[i].is_wrong);
		loop_free(&stations[i].loop);
	}
}

static void on_idle(void *ctx)
{
	struct gate *gate = ctx;

	gate_pass(gate);
}

static void a_crew_without_work_says_that_it_is_idle(void **state)
{
	struct gate gate;
	const struct crew_conf conf = {
		.threads = 1, .max_waiting = 1, .idle_ms = 1, .on_idle = on_idle, .ctx = &gate};
	unsigned done = 0;
	struct crew *crew;
	struct loop *loop;
	struct work w;

	gate_init(&gate);
	crew = crew_new(&conf);
	loop = loop_new();
	gate_wait_for(&gate, 1);
	work_init(&w, &done);
	assert_int_equal(crew_submit(crew, &w.job, loop), 0);
	loop_turn(loop);
	assert_int_equal(done, 0); /* the thread is busy with on_idle */
	gate_open(&gate);
	LOOP_TURN_UNTIL(loop, done == 1);
	gate_wait_for(&gate, 3);
	crew_free(&crew);
	loop_free(&loop);
	gate_deinit(&gate);
}

static void nothing_is_freed_twice(void **state)
{
	struct crew *crew = NULL;

	crew_free(&crew);
	assert_null(crew);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_runs_elsewhere_and_its_end_is_told_on_the_loop),
		cmocka_unit_test(one_thread_takes_jobs_in_their_order),
		cmocka_unit_test(one_job_more_than_may_wait_is_refused),
		cmocka_unit_test(threads_work_beside_each_other_and_are_nice),
		cmocka_unit_test(only_a_job_that_waits_can_be_taken_back),
		cmocka_unit_test(what_waits_at_the_end_is_told_or_finished),
		cmocka_unit_test(a_job_without_a_loop_ends_on_the_crew),
		cmocka_unit_test(each_loop_hears_of_its_own_jobs),
		cmocka_unit_test(a_crew_without_work_says_that_it_is_idle),
		cmocka_unit_test(nothing_is_freed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
