/* The loop: tasks from other threads, tasks put off, and its end. */
#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/check.h"
#include "support/loop_turn.h"

#define TASKS 1000

struct fixture {
	struct loop *loop;
	unsigned count;
	int order[16];
};

struct step {
	struct loop_task task;
	struct fixture *fixture;
	int number;
	struct step *next; /* deferred when this one runs */
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture) {.loop = loop_new()};
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	loop_free(&f->loop);
	return f->loop != NULL;
}

static void on_step(struct loop_task *task)
{
	struct step *step = CONTAINER_OF(task, struct step, task);
	struct fixture *f = step->fixture;

	if (f->count < ARRAY_LEN(f->order))
		f->order[f->count] = step->number;
	f->count++;
	if (step->next)
		loop_defer(f->loop, &step->next->task);
}

static void step_init(struct step *step, struct fixture *f, int number)
{
	*step = (struct step) {.fixture = f, .number = number};
	loop_task_init(&step->task, on_step);
}

static void on_stop(struct loop_task *task)
{
	loop_stop(CONTAINER_OF(task, struct step, task)->fixture->loop);
}

static void deferred_tasks_run_in_order_and_never_inside_the_call(void **state)
{
	struct fixture *f = *state;
	struct step steps[4];

	for (int i = 0; i < 4; i++) {
		step_init(&steps[i], f, i);
		loop_defer(f->loop, &steps[i].task);
	}
	assert_int_equal(f->count, 0);
	loop_turn(f->loop);
	assert_int_equal(f->count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(f->order[i], i);
}

static void a_waiting_task_keeps_its_place_when_deferred_again(void **state)
{
	struct fixture *f = *state;
	struct step first, second;

	step_init(&first, f, 1);
	step_init(&second, f, 2);
	loop_defer(f->loop, &first.task);
	loop_defer(f->loop, &second.task);
	loop_defer(f->loop, &first.task);
	loop_turn(f->loop);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->order[0], 1);
	loop_defer(f->loop, &first.task);
	loop_turn(f->loop);
	assert_int_equal(f->count, 3);
}

static void a_task_may_defer_others_and_the_loop_does_not_sleep_on_them(void **state)
{
	struct fixture *f = *state;
	struct step first, second, stop;

	step_init(&first, f, 1);
	step_init(&second, f, 2);
	step_init(&stop, f, 3);
	first.next = &second;
	second.next = &stop;
	stop.task.run = on_stop;
	loop_post(f->loop, &first.task);
	loop_run(f->loop);
	assert_int_equal(f->count, 2);
}

static void a_cancelled_task_never_runs(void **state)
{
	struct fixture *f = *state;
	struct step kept, cancelled;

	step_init(&kept, f, 1);
	step_init(&cancelled, f, 2);
	loop_cancel(&cancelled.task);
	loop_defer(f->loop, &cancelled.task);
	loop_defer(f->loop, &kept.task);
	loop_cancel(&cancelled.task);
	loop_turn(f->loop);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->order[0], 1);
	loop_cancel(&kept.task);
	loop_defer(f->loop, &cancelled.task);
	loop_turn(f->loop);
	assert_int_equal(f->count, 2);
}

static void on_cancel_next(struct loop_task *task)
{
	struct step *step = CONTAINER_OF(task, struct step, task);

	step->fixture->count++;
	loop_cancel(&step->next->task);
}

static void a_task_may_cancel_the_one_behind_it(void **state)
{
	struct fixture *f = *state;
	struct step first, second;

	step_init(&first, f, 1);
	step_init(&second, f, 2);
	first.task.run = on_cancel_next;
	first.next = &second;
	loop_defer(f->loop, &first.task);
	loop_defer(f->loop, &second.task);
	loop_turn(f->loop);
	assert_int_equal(f->count, 1);
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
	struct fixture *f = *state;

	loop_stop(f->loop);
	loop_run(f->loop);
	loop_turn(f->loop);
}

static void on_post_again(struct loop_task *task)
{
	struct step *step = CONTAINER_OF(task, struct step, task);

	if (++step->fixture->count == 5)
		loop_stop(step->fixture->loop);
	else
		loop_post(step->fixture->loop, task);
}

static void a_task_may_post_itself_while_it_runs(void **state)
{
	struct fixture *f = *state;
	struct step step;

	step_init(&step, f, 1);
	step.task.run = on_post_again;
	loop_post(f->loop, &step.task);
	loop_run(f->loop);
	assert_int_equal(f->count, 5);
}

static void what_waits_when_the_loop_is_freed_still_runs(void **state)
{
	struct fixture *f = *state;
	struct loop *loop = f->loop;
	struct step posted, deferred, chained;

	step_init(&posted, f, 1);
	step_init(&deferred, f, 2);
	step_init(&chained, f, 3);
	posted.next = &chained;
	loop_defer(f->loop, &deferred.task);
	loop_post(f->loop, &posted.task);
	loop_free(&loop);
	assert_null(loop);
	f->loop = NULL;
	assert_int_equal(f->count, 3);
}

/* ---- threads ---- */

struct sender {
	struct fixture *fixture;
	struct step steps[TASKS];
	pthread_t thread;
	int last; /* the number of the step that ran last */
	unsigned ran;
	struct sender *other;
};

static void on_sent(struct loop_task *task)
{
	struct step *step = CONTAINER_OF(task, struct step, task);
	struct sender *s = CONTAINER_OF(step - step->number, struct sender, steps[0]);

	CHECK(step->number == s->last + 1);
	s->last = step->number;
	if (++s->ran + s->other->ran == 2 * TASKS)
		loop_stop(s->fixture->loop);
}

static void *send_all(void *ctx)
{
	struct sender *s = ctx;

	for (int i = 0; i < TASKS; i++)
		loop_post(s->fixture->loop, &s->steps[i].task);
	return NULL;
}

static void posts_of_other_threads_all_run_in_the_order_of_each(void **state)
{
	static struct sender senders[2];

	for (int i = 0; i < 2; i++) {
		senders[i].fixture = *state;
		senders[i].other = &senders[!i];
		senders[i].last = -1;
		senders[i].ran = 0;
		for (int k = 0; k < TASKS; k++) {
			step_init(&senders[i].steps[k], *state, k);
			senders[i].steps[k].task.run = on_sent;
		}
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
	loop_run(senders[0].fixture->loop);
	for (int i = 0; i < 2; i++)
		pthread_join(senders[i].thread, NULL);
	assert_int_equal(senders[0].ran + senders[1].ran, 2 * TASKS);
}

static void *run_loop(void *ctx)
{
	struct fixture *f = ctx;

	loop_run(f->loop);
	return NULL;
}

static void another_thread_may_stop_a_loop_that_sleeps(void **state)
{
	struct fixture *f = *state;
	struct step step;
	pthread_t thread;

	step_init(&step, f, 1);
	assert_int_equal(pthread_create(&thread, NULL, run_loop, f), 0);
	loop_post(f->loop, &step.task);
	loop_stop(f->loop);
	pthread_join(thread, NULL);
	assert_int_equal(f->count, 1);
}

/* ---- clocks ---- */

static void clocks_only_go_forward(void **state)
{
	struct fixture *f = *state;
	uint64_t us = loop_clock_us(), now = loop_now(f->loop), wall = loop_wall_ms();

	while (loop_clock_us() < us + 3000)
		continue;
	assert_true(loop_now(f->loop) == now);
	LOOP_TURN_UNTIL(f->loop, loop_now(f->loop) >= now + 2);
	assert_true(wall > 1600000000000u);
	assert_true(loop_core_count() >= 1);
}

static void an_event_has_one_time(void **state)
{
	struct fixture *f = *state;
	uint64_t before = loop_clock_us(), at;

	loop_begin_event(f->loop);
	at = loop_event_us(f->loop);
	assert_true(at >= before);
	while (loop_clock_us() == at)
		continue;
	assert_int_equal(loop_event_us(f->loop), at);
	loop_begin_event(f->loop);
	assert_true(loop_event_us(f->loop) > at);
}

struct again {
	struct loop_task task;
	struct fixture *fixture;
	uint32_t turns[3]; /* in which it ran */
};

static void on_again(struct loop_task *task)
{
	struct again *again = CONTAINER_OF(task, struct again, task);
	struct fixture *f = again->fixture;

	again->turns[f->count++] = loop_turn_number(f->loop);
	if (f->count < ARRAY_LEN(again->turns))
		loop_put_off(f->loop, task);
	else
		loop_stop(f->loop);
}

/* The loop would sleep for ever otherwise: nothing else is on it. */
static void what_is_put_off_runs_once_a_turn_without_a_sleep_before_it(void **state)
{
	struct fixture *f = *state;
	struct again again = {.fixture = f};

	loop_task_init(&again.task, on_again);
	loop_put_off(f->loop, &again.task);
	loop_put_off(f->loop, &again.task);
	assert_int_equal(f->count, 0);
	loop_run(f->loop);
	assert_int_equal(f->count, 3);
	assert_true(again.turns[1] > again.turns[0]);
	assert_true(again.turns[2] > again.turns[1]);
}

static void what_is_put_off_can_be_cancelled_or_runs_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct step steps[2];

	for (int i = 0; i < 2; i++) {
		step_init(&steps[i], f, i);
		loop_put_off(f->loop, &steps[i].task);
	}
	loop_cancel(&steps[0].task);
	loop_free(&f->loop);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->order[0], 1);
	f->loop = loop_new();
}

static void what_a_reader_has_read_counts_for_one_turn(void **state)
{
	struct fixture *f = *state;
	char one, other;

	loop_turn(f->loop);
	assert_int_equal(loop_bytes_read(f->loop, &one), 0);
	loop_count_read(f->loop, &one, 5);
	loop_count_read(f->loop, &one, 6);
	assert_int_equal(loop_bytes_read(f->loop, &one), 11);
	assert_int_equal(loop_bytes_read(f->loop, &other), 0);
	loop_count_read(f->loop, &other, 7);
	assert_int_equal(loop_bytes_read(f->loop, &other), 7);
	loop_turn(f->loop);
	assert_int_equal(loop_bytes_read(f->loop, &other), 0);
}

int main(void)
{
#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOOP_TEST(deferred_tasks_run_in_order_and_never_inside_the_call),
		LOOP_TEST(a_waiting_task_keeps_its_place_when_deferred_again),
		LOOP_TEST(a_task_may_defer_others_and_the_loop_does_not_sleep_on_them),
		LOOP_TEST(a_cancelled_task_never_runs),
		LOOP_TEST(a_task_may_cancel_the_one_behind_it),
		LOOP_TEST(a_stop_before_the_run_is_not_lost),
		LOOP_TEST(a_task_may_post_itself_while_it_runs),
		LOOP_TEST(what_waits_when_the_loop_is_freed_still_runs),
		LOOP_TEST(posts_of_other_threads_all_run_in_the_order_of_each),
		LOOP_TEST(another_thread_may_stop_a_loop_that_sleeps),
		LOOP_TEST(clocks_only_go_forward),
		LOOP_TEST(an_event_has_one_time),
		LOOP_TEST(what_is_put_off_runs_once_a_turn_without_a_sleep_before_it),
		LOOP_TEST(what_is_put_off_can_be_cancelled_or_runs_at_the_end),
		LOOP_TEST(what_a_reader_has_read_counts_for_one_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
