/* A visitor who leaves while the relay is busy with its request. */
#include "relay/front_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/api_later.h"
#include "relay/front_priv.h"

struct errand {
	struct api_later later;
	unsigned written;
	unsigned freed;
};

static void on_write(struct api_later *l, struct buf *out, struct reply *reply)
{
	CONTAINER_OF(l, struct errand, later)->written++;
}

static void on_free(struct api_later *l)
{
	CONTAINER_OF(l, struct errand, later)->freed++;
}

static void begin(struct front *f, struct errand *errand)
{
	const struct front_wait_setup setup = {
		.later = &errand->later,
		.method = SLICE("POST"),
		.path = SLICE("/"),
		.visitor = SLICE("127.0.0.1"),
	};

	*f = (struct front) {.state = FRONT_HEAD};
	*errand = (struct errand) {.later = {.write = on_write, .free = on_free}};
	timeout_init(&f->timeout, NULL);
	front_wait_begin(f, &setup);
	assert_int_equal(f->state, FRONT_WAITING);
}

static void nobody_is_answered_who_has_left(void **state)
{
	struct errand errand;
	struct front f;

	begin(&f, &errand);
	front_wait_end(&f);
	api_later_done(&errand.later);
	assert_int_equal(errand.written, 0);
	assert_int_equal(errand.freed, 1);
	assert_null(f.wait);
}

/* Its stream is closed, and it is freed when the turn is over: the answer may come before. */
static void nobody_is_answered_who_leaves_in_the_same_turn(void **state)
{
	struct errand errand;
	struct front f;

	begin(&f, &errand);
	f.state = FRONT_GONE;
	api_later_done(&errand.later);
	assert_int_equal(errand.written, 0);
	assert_int_equal(errand.freed, 1);
	assert_null(f.wait);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_answered_who_has_left),
		cmocka_unit_test(nobody_is_answered_who_leaves_in_the_same_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
