/* Names to addresses, without asking any other machine. */
#include "io/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "io/addr.h"
#include "io/loop.h"
#include "support/loop_turn.h"

struct fixture {
	struct loop *loop;
	unsigned done;
	int err;
	size_t count;
	bool loopback; /* all of them */
	char why[128];
};

static struct fixture fixture;

static int set_up(void **state)
{
	fixture = (struct fixture) {.loop = loop_new()};
	return 0;
}

static int tear_down(void **state)
{
	loop_free(&fixture.loop);
	return 0;
}

static void on_done(void *ctx, const struct resolve_result *result)
{
	char text[ADDR_TEXT_MAX];

	assert_ptr_equal(ctx, &fixture);
	fixture.done++;
	fixture.err = result->err;
	fixture.count = result->count;
	fixture.loopback = true;
	for (size_t i = 0; i < result->count; i++) {
		addr_print(&result->addrs[i], text);
		assert_int_equal(addr_port(&result->addrs[i]), 4711);
		if (strcmp(text, "::1") != 0 && strncmp(text, "127.", 4) != 0)
			fixture.loopback = false;
	}
	if (result->err)
		strncpy(fixture.why, result->why, sizeof(fixture.why) - 1);
}

static struct resolve *ask(const char *host)
{
	return resolve_start(fixture.loop, host, 4711, on_done, &fixture);
}

static void this_machine_has_its_name(void **state)
{
	ask("localhost");
	assert_int_equal(fixture.done, 0);
	LOOP_TURN_UNTIL(fixture.loop, fixture.done);
	assert_int_equal(fixture.err, 0);
	assert_in_range(fixture.count, 1, RESOLVE_MAX);
	assert_true(fixture.loopback);
}

static void what_is_no_name_is_told_from_the_loop(void **state)
{
	char longer[4096];

	ask("\xff\xfe");
	assert_int_equal(fixture.done, 0);
	LOOP_TURN_UNTIL(fixture.loop, fixture.done);
	assert_int_equal(fixture.err, ERR_SYNTAX);
	assert_string_equal(fixture.why, "this is not the name of a host");
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ask(longer);
	LOOP_TURN_UNTIL(fixture.loop, fixture.done == 2);
	assert_int_not_equal(fixture.err, 0);
	assert_int_equal(fixture.count, 0);
}

static void a_cancelled_one_is_silent(void **state)
{
	struct resolve *running[20], *refused = ask("\xff\xfe");

	/* More than there are threads: some run, some wait. */
	for (size_t i = 0; i < ARRAY_LEN(running); i++)
		running[i] = ask("localhost");
	for (size_t i = 0; i < ARRAY_LEN(running); i++)
		resolve_cancel(&running[i]);
	resolve_cancel(&refused);
	resolve_cancel(&refused);
	loop_free(&fixture.loop);
	assert_int_equal(fixture.done, 0);
}

static void families_take_turns(void **state)
{
	static const struct {
		const char *before[6], *after[6];
	} rows[] = {
		{{NULL}, {NULL}},
		{{"10.0.0.1"}, {"10.0.0.1"}},
		{{"::1", "::2", "10.0.0.1"}, {"::1", "10.0.0.1", "::2"}},
		{{"10.0.0.1", "::1", "::2"}, {"10.0.0.1", "::1", "::2"}},
		{{"::1", "::2", "::3"}, {"::1", "::2", "::3"}},
		{{"::1", "::2", "::3", "10.0.0.1", "10.0.0.2", "10.0.0.3"},
			{"::1", "10.0.0.1", "::2", "10.0.0.2", "::3", "10.0.0.3"}},
		{{"10.0.0.1", "10.0.0.2", "10.0.0.3", "::1"},
			{"10.0.0.1", "::1", "10.0.0.2", "10.0.0.3"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr addrs[6];
		char text[ADDR_TEXT_MAX];
		size_t count = 0;

		for (; count < 6 && rows[i].before[count]; count++)
			assert_int_equal(addr_parse(rows[i].before[count], 1, &addrs[count]), 0);
		resolve_interleave(addrs, count);
		for (size_t at = 0; at < count; at++) {
			addr_print(&addrs[at], text);
			assert_string_equal(text, rows[i].after[at]);
		}
	}
}

int main(void)
{
#define RESOLVE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		RESOLVE_TEST(this_machine_has_its_name),
		RESOLVE_TEST(what_is_no_name_is_told_from_the_loop),
		RESOLVE_TEST(a_cancelled_one_is_silent),
		RESOLVE_TEST(families_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
