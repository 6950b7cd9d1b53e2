/* Two muxes joined by a bad link: whatever happens, bytes are right, and everything ends. */
#include "proto/mux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/mux_sim.h"

#define SEEDS 12
#define MIB 1048576u

static const struct mux_sim_conf usual = {
	.steps = 3000,
	.streams = 12,
	.write_max = 300 * 1024,
	.wire_max = 200 * 1024,
	.window_max = 8 * MIB,
	.window_budget = 16 * MIB,
	.tail_max = MIB,
	.resume = true,
	.rough = true,
};

/* ADIT_MUX_SEEDS=n runs more of them. */
static unsigned seeds(void)
{
	const char *wanted = getenv("ADIT_MUX_SEEDS");

	return wanted ? (unsigned)strtoul(wanted, NULL, 10) : SEEDS;
}

static struct mux_sim_result run(struct mux_sim_conf conf)
{
	struct mux_sim_result sum = {0};

	for (unsigned seed = 0; seed < seeds(); seed++) {
		struct mux_sim_result r;

		conf.seed = seed;
		r = mux_sim_run(&conf);
		if (r.problem)
			fail_msg("seed %u: not true: %s", seed, r.problem);
		sum.opened += r.opened;
		sum.whole += r.whole;
		sum.reset += r.reset;
		sum.cuts += r.cuts;
		sum.grown += r.grown;
		sum.bytes += r.bytes;
	}
	assert_true(sum.bytes > MIB && sum.whole);
	return sum;
}

static void streams_survive_a_link_that_breaks(void **state)
{
	struct mux_sim_conf conf = usual;
	struct mux_sim_result sum;

	conf.cut_every = 100;
	sum = run(conf);
	assert_true(sum.cuts > 100 && sum.reset > 100 && sum.grown > 100);
}

static void orderly_streams_are_all_whole(void **state)
{
	struct mux_sim_conf conf = usual;
	struct mux_sim_result sum;

	conf.cut_every = 60;
	conf.rough = false;
	sum = run(conf);
	assert_int_equal(sum.opened, sum.whole);
	assert_int_equal(sum.reset, 0);
}

static void without_resume_nothing_is_kept(void **state)
{
	struct mux_sim_conf conf = usual;

	conf.resume = false;
	run(conf);
}

static void the_smallest_tail_and_windows_do(void **state)
{
	struct mux_sim_conf conf = usual;

	conf.cut_every = 100;
	conf.tail_max = MUX_WINDOW_START;
	conf.window = 16384;
	conf.window_max = MUX_WINDOW_START;
	conf.window_budget = 0;
	run(conf);
}

static void memory_that_others_have_taken_does(void **state)
{
	struct mux_sim_conf conf = usual;

	conf.cut_every = 100;
	conf.scarce = true;
	conf.tail_max = 16 * MIB;
	run(conf);
	conf.cut_every = 0;
	conf.rough = false;
	run(conf);
}

static void an_agreed_window_beyond_the_largest_does(void **state)
{
	struct mux_sim_conf conf = usual;

	conf.cut_every = 100;
	conf.window = MIB;
	conf.window_max = MUX_WINDOW_START;
	run(conf);
}

static void a_link_that_takes_little_does(void **state)
{
	struct mux_sim_conf conf = usual;

	conf.cut_every = 300;
	conf.wire_max = 1;
	conf.write_max = 60000;
	run(conf);
}

static void streams_by_the_thousand_do(void **state)
{
	struct mux_sim_conf conf = usual;

	conf.seed = 7;
	conf.steps = 60000;
	conf.streams = 3000;
	conf.cut_every = 2000;
	conf.write_max = 3000;
	assert_null(mux_sim_run(&conf).problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_survive_a_link_that_breaks),
		cmocka_unit_test(orderly_streams_are_all_whole),
		cmocka_unit_test(without_resume_nothing_is_kept),
		cmocka_unit_test(the_smallest_tail_and_windows_do),
		cmocka_unit_test(memory_that_others_have_taken_does),
		cmocka_unit_test(an_agreed_window_beyond_the_largest_does),
		cmocka_unit_test(a_link_that_takes_little_does),
		cmocka_unit_test(streams_by_the_thousand_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
