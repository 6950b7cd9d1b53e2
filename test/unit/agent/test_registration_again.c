/* What is asked for again: in a new session, and after a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/registration.h"

#include "registration_rig.h"

static void names_and_ports_are_asked_for_again_after_a_new_session(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", NULL), tcp("b", 0)};

	set(&f, specs, 2);
	assert_says(&f, 0, "register 1, register 2");
	take(&f, 0, REGISTERED(1, "mole"));
	take(&f, 0, REGISTERED_TCP(2, 40000));
	registrations_lose_lane(&f.r, 0);
	assert_says(&f, 0, "register 1 mole, register 2 40000");
	/* The same URL again is news: it was away. */
	assert_int_equal(take(&f, 0, REGISTERED(1, "mole")), REGISTRATION_IS_UP);
	assert_int_equal(take(&f, 0, REFUSED(2, "port-in-use", false)), REGISTRATION_AGAIN);
	assert_says(&f, 0, "register 2");
	assert_int_equal(take(&f, 0, REGISTERED_TCP(2, 40001)), REGISTRATION_IS_UP);
	registrations_deinit(&f.r);
}

/* Who was given the old address has to be told, once. */
static void an_address_that_changed_is_told_with_the_one_before(void **state)
{
	BEGIN(f, 1);

	set_one(&f, tcp("b", 0));
	assert_says(&f, 0, "register 1");
	take(&f, 0, REGISTERED_TCP(1, 40000));
	assert_null(f.reg->url_before);
	registrations_lose_lane(&f.r, 0);
	assert_says(&f, 0, "register 1 40000");
	take(&f, 0, REGISTERED_TCP(1, 40000));
	assert_null(f.reg->url_before);
	registrations_lose_lane(&f.r, 0);
	assert_says(&f, 0, "register 1 40000");
	/* Another program listens there. */
	assert_int_equal(take(&f, 0, REFUSED(1, "no-free-port", false)), REGISTRATION_AGAIN);
	assert_says(&f, 0, "register 1");
	assert_int_equal(take(&f, 0, REGISTERED_TCP(1, 40001)), REGISTRATION_IS_UP);
	assert_string_equal(f.reg->url_before, "tcp://example.com:40000");
	registrations_lose_lane(&f.r, 0);
	assert_says(&f, 0, "register 1 40001");
	take(&f, 0, REGISTERED_TCP(1, 40001));
	assert_null(f.reg->url_before);
	registrations_deinit(&f.r);
}

/* All are in use: it waits, as one that asks for no port. */
static void without_a_free_port_it_is_asked_again(void **state)
{
	BEGIN(f, 1);

	set_one(&f, tcp("b", 0));
	assert_says(&f, 0, "register 1");
	assert_int_equal(take(&f, 0, REFUSED(1, "no-free-port", false)), REGISTRATION_AGAIN);
	assert_says(&f, 0, "");
	f.now += 2000;
	assert_says(&f, 0, "register 1");
	registrations_deinit(&f.r);
}

/* A name was made for it, and its session is over: it asks for the same one again. */
static void lose_a_name_and_ask_again(struct fixture *f)
{
	set_one(f, http("a", NULL));
	assert_says(f, 0, "register 1");
	take(f, 0, REGISTERED(1, "mole"));
	registrations_lose_lane(&f->r, 0);
	assert_says(f, 0, "register 1 mole");
}

static void a_remembered_name_that_is_refused_is_given_up_whatever_the_relay_calls_it(void **state)
{
	BEGIN(f, 1);

	lose_a_name_and_ask_again(&f);
	assert_int_equal(take(&f, 0, REFUSED(1, "name-in-use", true)), REGISTRATION_AGAIN);
	assert_says(&f, 0, "register 1");
	registrations_deinit(&f.r);
}

static void a_remembered_name_outlives_an_error_that_is_not_about_it(void **state)
{
	BEGIN(f, 1);

	lose_a_name_and_ask_again(&f);
	assert_int_equal(take(&f, 0, REFUSED(1, "too-many-tunnels", false)), REGISTRATION_AGAIN);
	f.now += 1000;
	assert_says(&f, 0, "register 1 mole");
	registrations_deinit(&f.r);
}

static void a_name_asked_for_is_fatal_when_the_relay_says_so(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", "demo"), http("b", "other")};

	set(&f, specs, 2);
	assert_says(&f, 0, "register 1 demo, register 2 other");
	assert_int_equal(take(&f, 0, REFUSED(1, "name-in-use", true)), REGISTRATION_IS_DEAD);
	assert_false(registrations_are_dead(&f.r));
	assert_int_equal(take(&f, 0, REFUSED(1, "name-in-use", true)), REGISTRATION_NOTHING);
	f.now += 1000000;
	assert_says(&f, 0, "");
	registrations_lose_lane(&f.r, 0);
	assert_says(&f, 0, "register 2 other");
	assert_int_equal(take(&f, 0, REFUSED(2, "invalid-name", true)), REGISTRATION_IS_DEAD);
	assert_true(registrations_are_dead(&f.r));
	assert_false(registrations_is_waiting(&f.r));
	/* Setting it again is a new hope. */
	set(&f, specs, 1);
	assert_false(registrations_are_dead(&f.r));
	assert_says(&f, 0, "register 3 demo");
	registrations_deinit(&f.r);
}

static void what_is_refused_for_now_is_asked_for_again(void **state)
{
	BEGIN(f, 1);

	f.now = 5000;
	set_one(&f, http("a", "demo"));
	assert_says(&f, 0, "register 1 demo");
	assert_int_equal(take(&f, 0, REFUSED(1, "name-in-use", false)), REGISTRATION_AGAIN);
	assert_true(registrations_is_waiting(&f.r));
	assert_int_equal(f.reg->retry_at, 5250);
	f.now = 5249;
	assert_says(&f, 0, "");
	f.now = 5250;
	assert_says(&f, 0, "register 1 demo");
	assert_false(registrations_is_waiting(&f.r));
	struct control later = REFUSED(1, "too-many-tunnels", false);
	later.retry_after_s = 60;
	assert_int_equal(take(&f, 0, later), REGISTRATION_AGAIN);
	assert_in_range(f.reg->retry_at, f.now + 60000, f.now + 61000);
	registrations_deinit(&f.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_ports_are_asked_for_again_after_a_new_session),
		cmocka_unit_test(an_address_that_changed_is_told_with_the_one_before),
		cmocka_unit_test(without_a_free_port_it_is_asked_again),
		cmocka_unit_test(
			a_remembered_name_that_is_refused_is_given_up_whatever_the_relay_calls_it),
		cmocka_unit_test(a_remembered_name_outlives_an_error_that_is_not_about_it),
		cmocka_unit_test(a_name_asked_for_is_fatal_when_the_relay_says_so),
		cmocka_unit_test(what_is_refused_for_now_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
