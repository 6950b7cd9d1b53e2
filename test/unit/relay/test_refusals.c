/* One line a minute and source about refusals. */
#include "relay/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#define MINUTE_MS 60000
#define SOURCES 50

static void a_source_gets_one_line_a_minute(void **state)
{
	struct refusals *r = refusals_new();
	uint64_t suppressed = 99;

	assert_true(refusals_due(r, SLICE("10.0.0.1"), 5, &suppressed));
	assert_int_equal(suppressed, 0);
	for (uint64_t s = 1; s < 60; s++)
		assert_false(refusals_due(r, SLICE("10.0.0.1"), 5 + s * 1000, &suppressed));
	assert_true(refusals_due(r, SLICE("10.0.0.1"), 5 + MINUTE_MS, &suppressed));
	assert_int_equal(suppressed, 59);
	refusals_free(&r);
	assert_null(r);
	refusals_free(&r);
}

static void sources_do_not_hide_each_other(void **state)
{
	struct refusals *r = refusals_new();
	uint64_t suppressed;

	assert_true(refusals_due(r, SLICE("10.0.0.1"), 1, &suppressed));
	assert_true(refusals_due(r, SLICE("10.0.0.2"), 2, &suppressed));
	assert_true(refusals_due(r, SLICE("10.0.0.11"), 3, &suppressed));
	assert_true(refusals_due(r, SLICE(""), 4, &suppressed));
	assert_false(refusals_due(r, SLICE("10.0.0.2"), 5, &suppressed));
	assert_false(refusals_due(r, SLICE(""), 6, &suppressed));
	refusals_free(&r);
}

struct asker {
	pthread_t thread;
	struct refusals *refusals;
	unsigned due;
};

static void *ask(void *ctx)
{
	struct asker *a = ctx;

	for (int round = 0; round < 20; round++) {
		for (char i = 0; i < SOURCES; i++) {
			uint64_t suppressed;

			a->due += refusals_due(a->refusals, slice_of(&i, 1), 1000, &suppressed);
		}
	}
	return NULL;
}

static void two_threads_share_what_is_due(void **state)
{
	struct refusals *r = refusals_new();
	struct asker askers[2];

	for (int i = 0; i < 2; i++) {
		askers[i] = (struct asker) {.refusals = r};
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(askers[i].thread, NULL);
	assert_int_equal(askers[0].due + askers[1].due, SOURCES);
	refusals_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_gets_one_line_a_minute),
		cmocka_unit_test(sources_do_not_hide_each_other),
		cmocka_unit_test(two_threads_share_what_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
