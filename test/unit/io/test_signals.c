/* Signals as events of a loop. */
#include "io/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "io/loop.h"
#include "support/loop_turn.h"

static unsigned count;
static int last;

static void on_signal(void *ctx, int number)
{
	count++;
	last = number;
}

static void each_signal_comes_once_and_from_the_loop(void **state)
{
	static const int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGHUP};
	struct loop *loop = loop_new();
	struct signals *signals = signals_new(loop, on_signal, NULL);

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(raise(numbers[i]), 0);
		assert_int_equal(count, i);
		LOOP_TURN_UNTIL(loop, count == i + 1);
		assert_int_equal(last, numbers[i]);
	}
	loop_turn(loop);
	assert_int_equal(count, 4);
	signals_free(&signals);
	assert_null(signals);
	signals_free(&signals);
	loop_free(&loop);
}

static void a_broken_pipe_is_no_signal(void **state)
{
	struct loop *loop = loop_new();
	struct signals *signals = signals_new(loop, on_signal, NULL);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(write(fds[1], "x", 1), -1);
	close(fds[1]);
	signals_free(&signals);
	loop_free(&loop);
}

static void others_get_what_they_asked_for_beside_them(void **state)
{
	static const int numbers[] = {SIGWINCH, SIGCONT};
	struct loop *loop = loop_new();
	struct signals *signals = signals_new(loop, on_signal, NULL);
	struct signals *more = signals_new_for(loop, numbers, 2, on_signal, NULL);

	count = 0;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(raise(numbers[i]), 0);
		LOOP_TURN_UNTIL(loop, count == i + 1);
		assert_int_equal(last, numbers[i]);
	}
	signals_free(&more);
	assert_int_equal(raise(SIGHUP), 0);
	LOOP_TURN_UNTIL(loop, count == 3);
	signals_free(&signals);
	loop_free(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signal_comes_once_and_from_the_loop),
		cmocka_unit_test(a_broken_pipe_is_no_signal),
		cmocka_unit_test(others_get_what_they_asked_for_beside_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
