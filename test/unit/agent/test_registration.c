/* Tunnels wanted against tunnels registered, on one session and on several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/registration.h"

#include "registration_rig.h"

static void each_tunnel_is_asked_for_once(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", "demo"), http("b", NULL), tcp("c", 5000)};

	set(&f, specs, 3);
	assert_says(&f, 0, "register 1 demo, register 2, register 3 5000");
	assert_says(&f, 0, "");
	assert_int_equal(take(&f, 0, REGISTERED(2, "mole")), REGISTRATION_IS_UP);
	assert_string_equal(f.reg->url, "https://mole.example.com");
	assert_string_equal(f.reg->spec.label, "b");
	assert_int_equal(take(&f, 0, REGISTERED(2, "mole")), REGISTRATION_NOTHING);
	assert_says(&f, 0, "");
	registrations_deinit(&f.r);
}

static void what_is_set_again_is_not_touched(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", "demo"), http("b", NULL)};

	set(&f, specs, 2);
	assert_says(&f, 0, "register 1 demo, register 2");
	take(&f, 0, REGISTERED(1, "demo"));
	registrations_set(&f.r, specs, 2);
	assert_null(registrations_find_new(&f.r));
	assert_says(&f, 0, "");
	/* The order does not matter, and a local change stays local. */
	specs[0] = http("b", NULL);
	specs[1] = http("a", "demo");
	specs[1].target.port = 3001;
	registrations_set(&f.r, specs, 2);
	assert_string_equal(registrations_find_new(&f.r)->spec.label, "a");
	assert_int_equal(registrations_find_new(&f.r)->number, 1);
	registrations_find_new(&f.r)->is_new = false;
	assert_null(registrations_find_new(&f.r));
	assert_says(&f, 0, "");
	registrations_deinit(&f.r);
}

static void what_is_missing_is_closed_and_what_changed_replaced(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", "demo"), http("b", NULL), http("c", NULL)};
	struct registration *gone;

	set(&f, specs, 3);
	assert_says(&f, 0, "register 1 demo, register 2, register 3");
	take(&f, 0, REGISTERED(1, "demo"));
	take(&f, 0, REGISTERED(3, "mole"));
	specs[0] = http("a", "other");
	set(&f, specs, 1);
	assert_null(registrations_take_gone(&f.r));
	/* 2 was not answered yet. */
	assert_says(&f, 0, "unregister 1, unregister 2, unregister 3, register 4 other");
	assert_int_equal(take(&f, 0, REGISTERED(2, "late")), REGISTRATION_NOTHING);
	take(&f, 0, REFUSED(3, "superseded", true));
	assert_null(registrations_take_gone(&f.r));
	take(&f, 0, CLOSED(2));
	gone = registrations_take_gone(&f.r);
	assert_int_equal(gone->number, 2);
	registration_free(&gone);
	registrations_lose_lane(&f.r, 0);
	for (int i = 0; i < 2; i++) {
		gone = registrations_take_gone(&f.r);
		assert_non_null(gone);
		registration_free(&gone);
	}
	assert_null(registrations_take_gone(&f.r));
	registrations_deinit(&f.r);
}

#define PROTECTED(n, its_name)                                                                     \
	((struct control) {.type = CONTROL_REGISTERED,                                             \
		.tunnel = n,                                                                       \
		.is_protected = true,                                                              \
		.name = TEXT(its_name),                                                            \
		.url = TEXT("https://" its_name ".example.com")})

static struct tunnel_spec guarded(const char *password)
{
	struct tunnel_spec spec = http("a", NULL);

	spec.guard.password = TEXT(password);
	return spec;
}

static void what_guards_a_tunnel_is_said(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec spec = guarded("hunter22");
	struct control c;

	spec.guard.allow = TEXT("192.0.2.0/24");
	spec.guard.deny = TEXT("192.0.2.7");
	spec.guard.verify_scheme = "slack";
	spec.guard.verify_secret = TEXT("s");
	set_one(&f, spec);
	assert_true(registrations_next(&f.r, 0, f.now, &c));
	assert_string_equal(c.password, "hunter22");
	assert_string_equal(c.allow, "192.0.2.0/24");
	assert_string_equal(c.deny, "192.0.2.7");
	assert_string_equal(c.verify.scheme, "slack");
	assert_string_equal(c.verify.secret, "s");
	assert_int_equal(take(&f, 0, PROTECTED(1, "mole")), REGISTRATION_IS_UP);
	assert_true(f.reg->is_protected);
	registrations_deinit(&f.r);
}

/* An older relay reads the message and does not know the member. */
static void a_tunnel_without_its_password_is_taken_back(void **state)
{
	BEGIN(f, 2);

	set_one(&f, guarded("hunter22"));
	assert_says(&f, 0, "register 1 share");
	assert_int_equal(take(&f, 0, REGISTERED(1, "mole")), REGISTRATION_IS_BARE);
	assert_true(registrations_are_dead(&f.r));
	assert_says(&f, 0, "unregister 1");
	assert_int_equal(take(&f, 0, CLOSED(1)), REGISTRATION_NOTHING);
	assert_says(&f, 0, "");
	assert_says(&f, 1, "");
	registrations_deinit(&f.r);
}

static void another_password_keeps_the_name(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec spec = http("a", NULL);
	struct registration *gone;

	set_one(&f, spec);
	assert_says(&f, 0, "register 1");
	take(&f, 0, REGISTERED(1, "mole"));
	set_one(&f, guarded("hunter22"));
	assert_says(&f, 0, "unregister 1, register 2 mole");
	take(&f, 0, CLOSED(1));
	gone = registrations_take_gone(&f.r);
	registration_free(&gone);
	assert_int_equal(take(&f, 0, PROTECTED(2, "mole")), REGISTRATION_IS_UP);
	set_one(&f, guarded("hunter22"));
	assert_says(&f, 0, "");
	set_one(&f, guarded("hunter23"));
	assert_says(&f, 0, "unregister 2, register 3 mole");
	registrations_deinit(&f.r);
}

static void a_tunnel_that_was_never_asked_for_goes_silently(void **state)
{
	BEGIN(f, 1);
	struct registration *gone;

	set_one(&f, http("a", NULL));
	set(&f, NULL, 0);
	assert_says(&f, 0, "");
	gone = registrations_take_gone(&f.r);
	assert_non_null(gone);
	registration_free(&gone);
	registrations_deinit(&f.r);
}

static void without_tunnels_nothing_is_dead(void **state)
{
	BEGIN(f, 1);

	assert_false(registrations_are_dead(&f.r));
	registrations_deinit(&f.r);
}

static void a_tunnel_that_is_taken_away_is_down_or_dead(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", "demo"), http("b", NULL)};

	set(&f, specs, 2);
	assert_says(&f, 0, "register 1 demo, register 2");
	take(&f, 0, REGISTERED(1, "demo"));
	take(&f, 0, REGISTERED(2, "mole"));
	assert_int_equal(take(&f, 0, REFUSED(1, "superseded", true)), REGISTRATION_IS_DEAD);
	assert_int_equal(take(&f, 0, REFUSED(2, "too-many-tunnels", false)), REGISTRATION_IS_DOWN);
	f.now += 1000;
	assert_says(&f, 0, "register 2 mole");
	registrations_deinit(&f.r);
}

static void a_second_lane_waits_for_the_name_and_asks_for_it(void **state)
{
	BEGIN(f, 2);

	set_one(&f, http("a", NULL));
	assert_says(&f, 0, "register 1 share");
	assert_says(&f, 1, "");
	assert_int_equal(take(&f, 0, REGISTERED(1, "mole")), REGISTRATION_IS_UP);
	assert_says(&f, 1, "register 1 mole share");
	assert_int_equal(take(&f, 1, REGISTERED(1, "mole")), REGISTRATION_NOTHING);
	/* Losing one of them is no outage. */
	registrations_lose_lane(&f.r, 0);
	assert_true(f.reg->is_up);
	assert_says(&f, 0, "register 1 mole share");
	assert_int_equal(take(&f, 0, REGISTERED(1, "mole")), REGISTRATION_NOTHING);
	registrations_lose_lane(&f.r, 0);
	registrations_lose_lane(&f.r, 1);
	assert_false(f.reg->is_up);
	registrations_deinit(&f.r);
}

static void a_second_lane_takes_no_other_name(void **state)
{
	BEGIN(f, 2);

	set_one(&f, http("a", NULL));
	assert_says(&f, 0, "register 1 share");
	take(&f, 0, REGISTERED(1, "mole"));
	assert_says(&f, 1, "register 1 mole share");
	assert_int_equal(take(&f, 1, REGISTERED(1, "vole")), REGISTRATION_NOTHING);
	assert_int_equal(f.reg->states[1], REGISTRATION_REFUSED);
	assert_string_equal(f.reg->name, "mole");
	registrations_deinit(&f.r);
}

static void a_second_lane_that_is_refused_kills_nothing(void **state)
{
	BEGIN(f, 2);

	set_one(&f, http("a", "demo"));
	assert_says(&f, 0, "register 1 demo share");
	take(&f, 0, REGISTERED(1, "demo"));
	assert_says(&f, 1, "register 1 demo share");
	assert_int_equal(take(&f, 1, REFUSED(1, "name-in-use", true)), REGISTRATION_NOTHING);
	assert_false(f.reg->is_dead);
	assert_true(f.reg->is_up);
	registrations_deinit(&f.r);
}

static void clearing_lets_everything_go(void **state)
{
	BEGIN(f, 1);
	struct tunnel_spec specs[] = {http("a", "demo"), http("b", NULL)};

	set(&f, specs, 2);
	assert_says(&f, 0, "register 1 demo, register 2");
	registrations_clear(&f.r);
	assert_says(&f, 0, "unregister 1, unregister 2");
	assert_true(list_is_empty(&f.r.wanted));
	registrations_deinit(&f.r);
}

static void an_answer_about_nothing_is_ignored(void **state)
{
	BEGIN(f, 1);

	assert_int_equal(take(&f, 0, REGISTERED(7, "mole")), REGISTRATION_NOTHING);
	assert_null(f.reg);
	set_one(&f, http("a", NULL));
	/* Not asked for yet. */
	assert_int_equal(take(&f, 0, REGISTERED(1, "mole")), REGISTRATION_NOTHING);
	assert_int_equal(take(&f, 0, REFUSED(1, "superseded", true)), REGISTRATION_NOTHING);
	assert_int_equal(take(&f, 0, CLOSED(1)), REGISTRATION_NOTHING);
	assert_says(&f, 0, "register 1");
	registrations_deinit(&f.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tunnel_is_asked_for_once),
		cmocka_unit_test(what_is_set_again_is_not_touched),
		cmocka_unit_test(what_is_missing_is_closed_and_what_changed_replaced),
		cmocka_unit_test(what_guards_a_tunnel_is_said),
		cmocka_unit_test(a_tunnel_without_its_password_is_taken_back),
		cmocka_unit_test(another_password_keeps_the_name),
		cmocka_unit_test(a_tunnel_that_was_never_asked_for_goes_silently),
		cmocka_unit_test(without_tunnels_nothing_is_dead),
		cmocka_unit_test(a_tunnel_that_is_taken_away_is_down_or_dead),
		cmocka_unit_test(a_second_lane_waits_for_the_name_and_asks_for_it),
		cmocka_unit_test(a_second_lane_takes_no_other_name),
		cmocka_unit_test(a_second_lane_that_is_refused_kills_nothing),
		cmocka_unit_test(clearing_lets_everything_go),
		cmocka_unit_test(an_answer_about_nothing_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
