/* The table against the simplest model there is: an array that says which ids are in. */
#include "proto/mux_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proto/mux.h"

#define STREAMS 3000u
#define STEPS 200000u

static struct mux_stream streams[STREAMS];
static bool in[STREAMS];

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void check_all(const struct mux_table *t)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < STREAMS; i++) {
		assert_ptr_equal(mux_table_get(t, streams[i].id), in[i] ? &streams[i] : NULL);
		count += in[i];
	}
	assert_int_equal(t->count, count);
}

/* At first more come than go, later the other way round; `used` keeps the runs short or long. */
static void run(uint32_t used, uint64_t seed)
{
	struct mux_table t = {0};
	uint32_t count = 0;

	memset(in, 0, sizeof(in));
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t i = next_random(&seed) % used;
		bool grow = next_random(&seed) % 100 < (step < STEPS / 2 ? 70 : 30);

		if (in[i] == grow)
			continue;
		if (grow)
			mux_table_put(&t, &streams[i]);
		else
			mux_table_remove(&t, &streams[i]);
		in[i] = grow;
		count += grow ? 1 : -1u;
		assert_int_equal(t.count, count);
		assert_ptr_equal(mux_table_get(&t, streams[i].id), grow ? &streams[i] : NULL);
		if (step % 5000 == 0)
			check_all(&t);
	}
	check_all(&t);
	mux_table_deinit(&t);
	assert_null(t.slots);
}

static void it_holds_what_was_put_in_and_not_removed(void **state)
{
	for (uint32_t i = 0; i < STREAMS; i++)
		streams[i].id = 2 * i + 1;
	run(STREAMS, 1);
	run(5, 2);
	run(60, 3);
}

/* Ids chosen so that all of them want the same few places of any table. */
static void it_does_with_ids_that_all_meet(void **state)
{
	uint32_t found = 0;

	for (uint32_t id = 1; found < 200; id++) {
		uint32_t home = (uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32);

		/* Also around the end of the table. */
		if ((home & 0xfff) == 0 || (home & 0xfff) == 0xfff)
			streams[found++].id = id;
	}
	for (uint32_t i = found; i < STREAMS; i++)
		streams[i].id = 0x80000000u + i;
	run(200, 4);
	run(STREAMS, 5);
}

static void an_empty_one_owns_nothing_and_finds_nothing(void **state)
{
	struct mux_table t = {0};

	assert_null(mux_table_get(&t, 1));
	assert_null(mux_table_any(&t));
	mux_table_deinit(&t);
}

static void taking_any_takes_each_once(void **state)
{
	struct mux_table t = {0};
	struct mux_stream *s;
	uint32_t taken = 0;

	memset(in, 0, sizeof(in));
	for (uint32_t i = 0; i < STREAMS; i++) {
		streams[i].id = i * 2654435761u;
		mux_table_put(&t, &streams[i]);
	}
	while ((s = mux_table_any(&t)) != NULL) {
		assert_false(in[s - streams]);
		in[s - streams] = true;
		mux_table_remove(&t, s);
		taken++;
	}
	assert_int_equal(taken, STREAMS);
	mux_table_fit(&t);
	assert_null(t.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_what_was_put_in_and_not_removed),
		cmocka_unit_test(it_does_with_ids_that_all_meet),
		cmocka_unit_test(an_empty_one_owns_nothing_and_finds_nothing),
		cmocka_unit_test(taking_any_takes_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
