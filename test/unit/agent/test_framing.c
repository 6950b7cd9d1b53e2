/* Plain or WebSocket, from one attempt to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/framing.h"

static void plain_is_tried_first_then_websocket_then_from_the_start(void **state)
{
	struct framing f;

	framing_init(&f, false);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(framing_pick(&f, true, 0), UPLINK_PLAIN);
		assert_true(framing_failed(&f, UPLINK_PLAIN, 0));
		assert_int_equal(framing_pick(&f, true, 0), UPLINK_WEBSOCKET);
		assert_false(framing_failed(&f, UPLINK_WEBSOCKET, 0));
	}
}

static void websocket_alone_never_tries_plain(void **state)
{
	struct framing f;

	framing_init(&f, true);
	assert_int_equal(framing_pick(&f, true, 0), UPLINK_WEBSOCKET);
	for (int i = 0; i < 5; i++)
		assert_false(framing_failed(&f, UPLINK_WEBSOCKET, 0));
	assert_int_equal(framing_pick(&f, true, 0), UPLINK_WEBSOCKET);
	framing_worked(&f, UPLINK_WEBSOCKET, 0);
	assert_int_equal(framing_pick(&f, true, 10 * FRAMING_PROBE_MS), UPLINK_WEBSOCKET);
}

static struct framing on_websocket(void)
{
	struct framing f;

	framing_init(&f, false);
	framing_failed(&f, UPLINK_PLAIN, 0);
	framing_worked(&f, UPLINK_WEBSOCKET, 1000);
	return f;
}

static void websocket_is_remembered_and_plain_probed_after_an_hour(void **state)
{
	struct framing f = on_websocket();

	assert_int_equal(framing_pick(&f, true, 1000), UPLINK_WEBSOCKET);
	framing_worked(&f, UPLINK_WEBSOCKET, 2000);
	assert_int_equal(framing_pick(&f, true, 999 + FRAMING_PROBE_MS), UPLINK_WEBSOCKET);
	assert_int_equal(framing_pick(&f, false, 1000 + FRAMING_PROBE_MS), UPLINK_WEBSOCKET);
	assert_int_equal(framing_pick(&f, true, 1000 + FRAMING_PROBE_MS), UPLINK_PLAIN);
}

static void a_probe_that_fails_is_not_repeated_for_an_hour(void **state)
{
	struct framing f = on_websocket();
	uint64_t now = 1000 + FRAMING_PROBE_MS;

	assert_true(framing_failed(&f, UPLINK_PLAIN, now));
	assert_int_equal(framing_pick(&f, true, now), UPLINK_WEBSOCKET);
	assert_int_equal(framing_pick(&f, true, now + FRAMING_PROBE_MS - 1), UPLINK_WEBSOCKET);
	assert_int_equal(framing_pick(&f, true, now + FRAMING_PROBE_MS), UPLINK_PLAIN);
}

static void a_probe_that_works_is_stayed_with(void **state)
{
	struct framing f = on_websocket();

	framing_worked(&f, UPLINK_PLAIN, 1000 + FRAMING_PROBE_MS);
	assert_int_equal(framing_pick(&f, false, 1000 + FRAMING_PROBE_MS), UPLINK_PLAIN);
}

static void plain_that_has_worked_is_given_some_failures(void **state)
{
	struct framing f;

	framing_init(&f, false);
	framing_worked(&f, UPLINK_PLAIN, 0);
	assert_false(framing_failed(&f, UPLINK_PLAIN, 0));
	assert_false(framing_failed(&f, UPLINK_PLAIN, 0));
	framing_worked(&f, UPLINK_PLAIN, 0);
	assert_false(framing_failed(&f, UPLINK_PLAIN, 0));
	assert_false(framing_failed(&f, UPLINK_PLAIN, 0));
	assert_true(framing_failed(&f, UPLINK_PLAIN, 0));
	assert_int_equal(framing_pick(&f, false, 0), UPLINK_WEBSOCKET);
	assert_false(framing_failed(&f, UPLINK_WEBSOCKET, 0));
	assert_int_equal(framing_pick(&f, false, 0), UPLINK_PLAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_is_tried_first_then_websocket_then_from_the_start),
		cmocka_unit_test(websocket_alone_never_tries_plain),
		cmocka_unit_test(websocket_is_remembered_and_plain_probed_after_an_hour),
		cmocka_unit_test(a_probe_that_fails_is_not_repeated_for_an_hour),
		cmocka_unit_test(a_probe_that_works_is_stayed_with),
		cmocka_unit_test(plain_that_has_worked_is_given_some_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
