/* Queues of timeouts. Times are real but tiny, and only lower bounds are checked: a slow machine
 * cannot fail them. */
#include "io/timeout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "io/loop.h"
#include "support/loop_turn.h"

#define THOUSANDS 5000
#define SHORT_MS 3
#define NEVER_MS 3600000

struct fixture {
	struct loop *loop;
	struct timeout_queue *queue;
	unsigned fired;
	int last;
};

struct alarm {
	struct timeout timeout;
	struct fixture *fixture;
	struct alarm *other;
	int number;
	unsigned fired;
	uint64_t fired_at;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture) {.loop = loop_new(), .last = -1};
	fixture.queue = timeout_queue_new(fixture.loop, SHORT_MS);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	timeout_queue_free(&f->queue);
	loop_free(&f->loop);
	return f->queue || f->loop;
}

static void on_fire(struct timeout *timeout)
{
	struct alarm *a = CONTAINER_OF(timeout, struct alarm, timeout);

	assert_false(timeout_is_armed(timeout));
	assert_true(loop_now(a->fixture->loop) >= timeout->deadline);
	a->fired++;
	a->fired_at = loop_now(a->fixture->loop);
	a->fixture->fired++;
	a->fixture->last = a->number;
}

static void alarm_init(struct alarm *a, struct fixture *f, int number)
{
	*a = (struct alarm) {.fixture = f, .number = number};
	timeout_init(&a->timeout, on_fire);
}

/* Turns the loop for so long by its own clock. */
static void pass(struct fixture *f, uint64_t ms)
{
	uint64_t until = loop_now(f->loop) + ms;

	LOOP_TURN_UNTIL(f->loop, loop_now(f->loop) >= until);
	loop_turn(f->loop);
}

static void a_timeout_fires_once_and_not_before_its_time(void **state)
{
	struct fixture *f = *state;
	struct alarm a;
	uint64_t armed_at = loop_now(f->loop);

	alarm_init(&a, f, 0);
	assert_false(timeout_is_armed(&a.timeout));
	timeout_arm(f->queue, &a.timeout);
	assert_true(timeout_is_armed(&a.timeout));
	assert_true(a.timeout.deadline == armed_at + SHORT_MS);
	LOOP_TURN_UNTIL(f->loop, a.fired);
	assert_true(a.fired_at >= armed_at + SHORT_MS);
	pass(f, 3 * SHORT_MS);
	assert_int_equal(a.fired, 1);
}

static void on_fire_in_order(struct timeout *timeout)
{
	struct alarm *a = CONTAINER_OF(timeout, struct alarm, timeout);

	assert_int_equal(a->number, a->fixture->last + 1);
	on_fire(timeout);
}

static void thousands_fire_in_the_order_they_were_armed(void **state)
{
	static struct alarm alarms[THOUSANDS];
	struct fixture *f = *state;

	for (int i = 0; i < THOUSANDS; i++) {
		alarm_init(&alarms[i], f, i);
		timeout_init(&alarms[i].timeout, on_fire_in_order);
		timeout_arm(f->queue, &alarms[i].timeout);
		if (i % 1000 == 999)
			loop_turn(f->loop);
	}
	LOOP_TURN_UNTIL(f->loop, f->fired == THOUSANDS);
	pass(f, SHORT_MS);
	assert_int_equal(f->fired, THOUSANDS);
}

static void arming_again_starts_the_time_anew(void **state)
{
	struct fixture *f = *state;
	struct alarm a;
	uint64_t deadline;

	alarm_init(&a, f, 1);
	timeout_queue_set(f->queue, NEVER_MS);
	timeout_arm(f->queue, &a.timeout);
	deadline = a.timeout.deadline;
	pass(f, 1);
	timeout_arm(f->queue, &a.timeout);
	assert_true(a.timeout.deadline > deadline);
	timeout_disarm(&a.timeout);
}

static void arming_again_goes_to_the_end_of_the_queue(void **state)
{
	struct fixture *f = *state;
	struct alarm first, second;

	alarm_init(&first, f, 1);
	alarm_init(&second, f, 2);
	timeout_arm(f->queue, &first.timeout);
	timeout_arm(f->queue, &second.timeout);
	timeout_arm(f->queue, &first.timeout);
	LOOP_TURN_UNTIL(f->loop, f->fired == 2);
	assert_int_equal(f->last, 1);
	pass(f, SHORT_MS);
	assert_int_equal(f->fired, 2);
}

static void a_disarmed_timeout_never_fires(void **state)
{
	struct fixture *f = *state;
	struct alarm first, second;

	alarm_init(&first, f, 1);
	alarm_init(&second, f, 2);
	timeout_disarm(&first.timeout);
	timeout_arm(f->queue, &first.timeout);
	timeout_arm(f->queue, &second.timeout);
	timeout_disarm(&first.timeout);
	assert_false(timeout_is_armed(&first.timeout));
	LOOP_TURN_UNTIL(f->loop, second.fired);
	pass(f, 2 * SHORT_MS);
	assert_int_equal(first.fired, 0);
}

static void on_fire_disarm_other(struct timeout *timeout)
{
	struct alarm *a = CONTAINER_OF(timeout, struct alarm, timeout);

	on_fire(timeout);
	timeout_disarm(&a->other->timeout);
}

static void a_callback_may_disarm_the_next_one(void **state)
{
	struct fixture *f = *state;
	struct alarm first, second, third;

	alarm_init(&first, f, 1);
	alarm_init(&second, f, 2);
	alarm_init(&third, f, 3);
	timeout_init(&first.timeout, on_fire_disarm_other);
	first.other = &second;
	timeout_arm(f->queue, &first.timeout);
	timeout_arm(f->queue, &second.timeout);
	timeout_arm(f->queue, &third.timeout);
	LOOP_TURN_UNTIL(f->loop, third.fired);
	assert_int_equal(first.fired, 1);
	assert_int_equal(second.fired, 0);
}

static void on_fire_arm_again(struct timeout *timeout)
{
	struct alarm *a = CONTAINER_OF(timeout, struct alarm, timeout);

	on_fire(timeout);
	timeout_arm(a->fixture->queue, timeout);
}

static void a_callback_may_arm_its_own_timeout_again(void **state)
{
	struct fixture *f = *state;
	struct alarm a;

	alarm_init(&a, f, 1);
	timeout_init(&a.timeout, on_fire_arm_again);
	timeout_arm(f->queue, &a.timeout);
	LOOP_TURN_UNTIL(f->loop, a.fired == 3);
	assert_true(timeout_is_armed(&a.timeout));
	timeout_disarm(&a.timeout);
}

static void on_fire_free_queue(struct timeout *timeout)
{
	struct alarm *a = CONTAINER_OF(timeout, struct alarm, timeout);

	on_fire(timeout);
	timeout_queue_free(&a->fixture->queue);
}

static void a_callback_may_free_the_queue(void **state)
{
	struct fixture *f = *state;
	struct alarm first, second;

	alarm_init(&first, f, 1);
	alarm_init(&second, f, 2);
	timeout_init(&first.timeout, on_fire_free_queue);
	timeout_arm(f->queue, &first.timeout);
	timeout_arm(f->queue, &second.timeout);
	LOOP_TURN_UNTIL(f->loop, first.fired);
	pass(f, SHORT_MS);
	assert_int_equal(second.fired, 0);
	assert_false(timeout_is_armed(&second.timeout));
}

static void freeing_a_queue_disarms_what_is_left(void **state)
{
	struct fixture *f = *state;
	struct alarm a;

	alarm_init(&a, f, 1);
	timeout_arm(f->queue, &a.timeout);
	timeout_queue_free(&f->queue);
	timeout_queue_free(&f->queue);
	assert_false(timeout_is_armed(&a.timeout));
	pass(f, 2 * SHORT_MS);
	assert_int_equal(a.fired, 0);
}

static void nothing_fires_without_a_duration(void **state)
{
	struct fixture *f = *state;
	struct alarm before, after;

	alarm_init(&before, f, 1);
	alarm_init(&after, f, 2);
	timeout_arm(f->queue, &before.timeout);
	timeout_arm(f->queue, &after.timeout);
	timeout_queue_set(f->queue, 0);
	timeout_arm(f->queue, &after.timeout);
	assert_false(timeout_is_armed(&after.timeout));
	LOOP_TURN_UNTIL(f->loop, before.fired);
	pass(f, 2 * SHORT_MS);
	assert_int_equal(after.fired, 0);
	timeout_queue_set(f->queue, SHORT_MS);
	timeout_arm(f->queue, &after.timeout);
	LOOP_TURN_UNTIL(f->loop, after.fired);
}

static void a_longer_duration_is_for_those_armed_from_then_on(void **state)
{
	struct fixture *f = *state;
	struct alarm before, after;

	alarm_init(&before, f, 1);
	alarm_init(&after, f, 2);
	timeout_arm(f->queue, &before.timeout);
	timeout_queue_set(f->queue, NEVER_MS);
	timeout_arm(f->queue, &after.timeout);
	LOOP_TURN_UNTIL(f->loop, before.fired);
	pass(f, 2 * SHORT_MS);
	assert_true(timeout_is_armed(&after.timeout));
	timeout_disarm(&after.timeout);
}

static void a_shorter_duration_does_not_wait_for_longer_ones_in_front(void **state)
{
	struct fixture *f = *state;
	struct alarm before, after;

	alarm_init(&before, f, 1);
	alarm_init(&after, f, 2);
	timeout_queue_set(f->queue, NEVER_MS);
	timeout_arm(f->queue, &before.timeout);
	timeout_queue_set(f->queue, SHORT_MS);
	timeout_arm(f->queue, &after.timeout);
	LOOP_TURN_UNTIL(f->loop, after.fired);
	timeout_disarm(&before.timeout);
}

static void a_shorter_duration_does_not_wait_for_longer_ones_that_left(void **state)
{
	struct fixture *f = *state;
	struct alarm before, after;

	alarm_init(&before, f, 1);
	alarm_init(&after, f, 2);
	timeout_queue_set(f->queue, NEVER_MS);
	timeout_arm(f->queue, &before.timeout);
	timeout_disarm(&before.timeout);
	timeout_queue_set(f->queue, SHORT_MS);
	timeout_arm(f->queue, &after.timeout);
	LOOP_TURN_UNTIL(f->loop, after.fired);
	assert_int_equal(before.fired, 0);
}

static void queues_of_one_loop_do_not_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	struct timeout_queue *slow = timeout_queue_new(f->loop, NEVER_MS);
	struct alarm first, second;

	alarm_init(&first, f, 1);
	alarm_init(&second, f, 2);
	timeout_arm(slow, &first.timeout);
	timeout_arm(f->queue, &second.timeout);
	LOOP_TURN_UNTIL(f->loop, second.fired);
	assert_int_equal(first.fired, 0);
	/* An entry may move between queues. */
	timeout_arm(f->queue, &first.timeout);
	LOOP_TURN_UNTIL(f->loop, first.fired);
	timeout_queue_free(&slow);
}

int main(void)
{
#define TIMEOUT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TIMEOUT_TEST(a_timeout_fires_once_and_not_before_its_time),
		TIMEOUT_TEST(thousands_fire_in_the_order_they_were_armed),
		TIMEOUT_TEST(arming_again_starts_the_time_anew),
		TIMEOUT_TEST(arming_again_goes_to_the_end_of_the_queue),
		TIMEOUT_TEST(a_disarmed_timeout_never_fires),
		TIMEOUT_TEST(a_callback_may_disarm_the_next_one),
		TIMEOUT_TEST(a_callback_may_arm_its_own_timeout_again),
		TIMEOUT_TEST(a_callback_may_free_the_queue),
		TIMEOUT_TEST(freeing_a_queue_disarms_what_is_left),
		TIMEOUT_TEST(nothing_fires_without_a_duration),
		TIMEOUT_TEST(a_longer_duration_is_for_those_armed_from_then_on),
		TIMEOUT_TEST(a_shorter_duration_does_not_wait_for_longer_ones_in_front),
		TIMEOUT_TEST(a_shorter_duration_does_not_wait_for_longer_ones_that_left),
		TIMEOUT_TEST(queues_of_one_loop_do_not_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
