/* The alarms of a loop, with the system's descriptor and without one. Times are real but tiny, and
 * only lower bounds are checked: a slow machine cannot fail them. */
#include "io/alarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/attr.h"
#include "io/alarm_linux.h"

#define SOON_MS 3
#define LATER_MS 12
#define NEVER_MS 3600000

struct fixture {
	uv_loop_t uv;
	struct alarms *alarms;
	uv_prepare_t prepare;
	unsigned turns; /* how often the loop was about to wait */
	unsigned rung; /* alarms of all kinds */
};

struct bell {
	struct alarm alarm;
	struct fixture *fixture;
	struct alarm *clears; /* when it rings */
	uint64_t again_in_ms; /* it is set anew when it rings; 0: it is not */
	unsigned rung;
	unsigned place; /* among all that rang */
};

static void on_prepare(uv_prepare_t *prepare)
{
	struct fixture *f = prepare->data;

	f->turns++;
}

static void fixture_begin(struct fixture *f)
{
	assert_int_equal(uv_loop_init(&f->uv), 0);
	assert_int_equal(uv_prepare_init(&f->uv, &f->prepare), 0);
	f->prepare.data = f;
	uv_prepare_start(&f->prepare, on_prepare);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture) {0};
	fixture_begin(&fixture);
	fixture.alarms = alarms_new(&fixture.uv);
	*state = &fixture;
	return 0;
}

/* As where the system has no descriptor for alarms: this process has none left. */
static int set_up_without_descriptor(void **state)
{
	static struct fixture fixture;
	struct rlimit all;
	struct rlimit none;

	fixture = (struct fixture) {0};
	fixture_begin(&fixture);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = all;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(alarm_linux_open(), -1);
	fixture.alarms = alarms_new(&fixture.uv);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	alarms_close(&f->alarms);
	uv_close((uv_handle_t *)&f->prepare, NULL);
	uv_run(&f->uv, UV_RUN_DEFAULT);
	return uv_loop_close(&f->uv) != 0 || f->alarms != NULL;
}

static void on_ring(struct alarm *alarm)
{
	struct bell *b = CONTAINER_OF(alarm, struct bell, alarm);

	assert_false(alarm_is_set(alarm));
	assert_true(uv_now(&b->fixture->uv) >= alarm->at_ms);
	b->rung++;
	b->place = b->fixture->rung++;
	uv_stop(&b->fixture->uv);
	if (b->clears)
		alarm_clear(b->clears);
	if (b->again_in_ms)
		alarm_set(b->fixture->alarms, alarm, uv_now(&b->fixture->uv) + b->again_in_ms);
}

static void bell_init(struct bell *b, struct fixture *f)
{
	*b = (struct bell) {.fixture = f};
	alarm_init(&b->alarm, on_ring);
}

static void bell_set(struct bell *b, uint64_t in_ms)
{
	alarm_set(b->fixture->alarms, &b->alarm, uv_now(&b->fixture->uv) + in_ms);
}

static void run_until(struct fixture *f, const struct bell *b, unsigned rung)
{
	while (b->rung < rung)
		uv_run(&f->uv, UV_RUN_DEFAULT);
}

static void an_alarm_rings_once_and_not_before_its_time(void **state)
{
	struct fixture *f = *state;
	struct bell once, last;

	bell_init(&once, f);
	bell_init(&last, f);
	assert_false(alarm_is_set(&once.alarm));
	bell_set(&once, SOON_MS);
	assert_true(alarm_is_set(&once.alarm));
	run_until(f, &once, 1);
	bell_set(&last, SOON_MS);
	run_until(f, &last, 1);
	assert_int_equal(once.rung, 1);
}

static void a_time_that_is_over_rings_in_the_next_turn(void **state)
{
	struct fixture *f = *state;
	struct bell past;

	bell_init(&past, f);
	alarm_set(f->alarms, &past.alarm, 0);
	assert_int_equal(past.rung, 0);
	run_until(f, &past, 1);
}

static void the_first_rings_first_however_they_were_set(void **state)
{
	struct fixture *f = *state;
	struct bell later, soon;

	bell_init(&later, f);
	bell_init(&soon, f);
	bell_set(&later, LATER_MS);
	bell_set(&soon, SOON_MS);
	run_until(f, &later, 1);
	assert_int_equal(soon.rung, 1);
	/* A machine that stood still has both due at once, and then they have no order. */
	assert_true(soon.place < later.place || uv_now(&f->uv) > later.alarm.at_ms);
}

static void an_alarm_moves_to_an_earlier_time_and_to_a_later_one(void **state)
{
	struct fixture *f = *state;
	struct bell hurried, delayed;

	bell_init(&hurried, f);
	bell_init(&delayed, f);
	bell_set(&hurried, NEVER_MS);
	bell_set(&hurried, SOON_MS);
	bell_set(&delayed, SOON_MS);
	bell_set(&delayed, NEVER_MS);
	run_until(f, &hurried, 1);
	bell_set(&hurried, LATER_MS);
	run_until(f, &hurried, 2);
	assert_int_equal(delayed.rung, 0);
	alarm_clear(&delayed.alarm);
}

static void one_that_is_cleared_does_not_ring(void **state)
{
	struct fixture *f = *state;
	struct bell cleared, last;

	bell_init(&cleared, f);
	bell_init(&last, f);
	bell_set(&cleared, SOON_MS);
	alarm_clear(&cleared.alarm);
	assert_false(alarm_is_set(&cleared.alarm));
	bell_set(&last, LATER_MS);
	run_until(f, &last, 1);
	assert_int_equal(cleared.rung, 0);
}

static void one_that_is_due_as_well_can_be_cleared_by_another(void **state)
{
	struct fixture *f = *state;
	struct bell first, second;

	bell_init(&first, f);
	bell_init(&second, f);
	first.clears = &second.alarm;
	alarm_set(f->alarms, &first.alarm, 1);
	alarm_set(f->alarms, &second.alarm, 1);
	run_until(f, &first, 1);
	bell_set(&first, SOON_MS);
	run_until(f, &first, 2);
	assert_int_equal(second.rung, 0);
}

static void one_that_sets_itself_anew_rings_again(void **state)
{
	struct fixture *f = *state;
	struct bell b;

	bell_init(&b, f);
	b.again_in_ms = 1;
	bell_set(&b, 0);
	run_until(f, &b, 5);
	alarm_clear(&b.alarm);
}

static void the_loop_sleeps_until_the_first_and_with_none_for_ever(void **state)
{
	struct fixture *f = *state;
	struct bell b, gone;

	bell_init(&b, f);
	bell_init(&gone, f);
	for (unsigned i = 1; i <= 3; i++) {
		bell_set(&gone, SOON_MS);
		alarm_clear(&gone.alarm);
		bell_set(&b, LATER_MS);
		run_until(f, &b, i);
	}
	/* Each time one wait that the cleared one ends, one that the alarm ends, and one turn more
	 * where libuv sees only in the next that a time is over. A loop that spins has thousands.
	 */
	assert_true(f->turns <= 9);
}

static void the_wait_has_no_timeout(void **state)
{
	struct fixture *f = *state;
	struct bell b;

	bell_init(&b, f);
	bell_set(&b, NEVER_MS);
	uv_run(&f->uv, UV_RUN_NOWAIT);
	assert_int_equal(uv_backend_timeout(&f->uv), -1);
	alarm_clear(&b.alarm);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITHOUT(test) cmocka_unit_test_setup_teardown(test, set_up_without_descriptor, tear_down)
#define BOTH(test) WITH(test), WITHOUT(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(an_alarm_rings_once_and_not_before_its_time),
		BOTH(a_time_that_is_over_rings_in_the_next_turn),
		BOTH(the_first_rings_first_however_they_were_set),
		BOTH(an_alarm_moves_to_an_earlier_time_and_to_a_later_one),
		BOTH(one_that_is_cleared_does_not_ring),
		BOTH(one_that_is_due_as_well_can_be_cleared_by_another),
		BOTH(one_that_sets_itself_anew_rings_again),
		BOTH(the_loop_sleeps_until_the_first_and_with_none_for_ever),
		WITH(the_wait_has_no_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
