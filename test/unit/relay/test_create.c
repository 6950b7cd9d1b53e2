/* Who gets which name (D5, D12-D14, D22, D24). Nobody connects to the tunnels made here. */
#include "relay/create.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/addr.h"
#include "io/listener.h"
#include "relay/directory.h"
#include "relay/holdings.h"
#include "relay/lt_pool.h"
#include "relay/name.h"
#include "relay/ports.h"
#include "relay/tunnel.h"
#include "worker_rig.h"

#define MAX_NAMES 3

static char *reserved_names[] = {(char *)"admin", (char *)"status", NULL};
static struct worker_rig rig;
static struct create_outcome outcome;

static const struct identity alice = {IDENTITY_TOKEN, SLICE("alice")};
static const struct identity bob = {IDENTITY_TOKEN, SLICE("bob")};
static const struct identity alice_address = {IDENTITY_IP, SLICE("alice")};

static int set_up(void **state)
{
	rig = (struct worker_rig) {
		.conf = {.reserved_names = reserved_names, .grace_ms = 30000, .max_sockets = 10},
		.shared = {.directory = directory_new(MAX_NAMES), .holdings = holdings_new()},
	};
	worker_rig_start(&rig, 2);
	return 0;
}

static int tear_down(void **state)
{
	worker_rig_stop(&rig);
	return 0;
}

static enum create_result create(const char *name, struct identity who)
{
	const struct create_wish wish = {
		.kind = lt_pool_kind(),
		.name = slice_from_str(name),
		.who = who,
		.client = SLICE("192.0.2.7"),
		.source = SLICE("192.0.2.7"),
	};

	outcome = (struct create_outcome) {0};
	return create_tunnel(rig.workers[0], &wish, &outcome);
}

/* The tunnel that came of it. */
static struct tunnel *created(const char *name, struct identity who)
{
	assert_int_equal(create(name, who), CREATE_OK);
	assert_non_null(outcome.tunnel);
	return outcome.tunnel;
}

static void check_name(const struct tunnel *t, const char *name)
{
	assert_true(slice_eq(tunnel_name(t), slice_from_str(name)));
}

static void check_random(const struct tunnel *t, const char *but)
{
	assert_true(name_is_valid(tunnel_name(t)));
	assert_false(slice_eq(tunnel_name(t), slice_from_str(but)));
}

static void a_free_name_is_had_with_a_port(void **state)
{
	struct tunnel *t = created("my-app", alice);
	unsigned home = 99;

	check_name(t, "my-app");
	assert_int_equal(t->state, TUNNEL_OFFLINE);
	assert_true(identity_eq(tunnel_owner(t), alice));
	assert_int_not_equal(lt_pool_port(t), 0);
	assert_int_equal(tunnel_grace_left_s(t), 30);
	assert_true(directory_find(rig.shared.directory, SLICE("my-app"), &home));
	assert_int_equal(home, 0);
}

static void no_name_in_particular_gives_a_random_one(void **state)
{
	struct tunnel *first = created("", alice), *second = created("", alice);

	check_random(first, "");
	check_random(second, "");
	assert_ptr_not_equal(first, second);
	assert_int_not_equal(lt_pool_port(first), lt_pool_port(second));
	assert_int_equal(directory_count(rig.shared.directory), 2);
}

static void names_that_may_not_be_had_are_refused(void **state)
{
	static const char *const rows[] = {"abc", "-abc", "abc-", "Abcd", "ab.cd", "ab_cd", "ab cd",
		"admin", "status",
		"a234567890123456789012345678901234567890123456789012345678901234"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(create(rows[i], alice), CREATE_INVALID);
	assert_int_equal(directory_count(rig.shared.directory), 0);
	check_name(created("my-ap", alice), "my-ap");
}

static void the_owner_gets_the_same_tunnel_again(void **state)
{
	struct tunnel *t = created("my-app", alice);
	uint16_t port = lt_pool_port(t);

	assert_ptr_equal(created("my-app", alice), t);
	assert_int_equal(lt_pool_port(t), port);
	assert_int_equal(directory_count(rig.shared.directory), 1);
}

static void the_owner_of_an_online_tunnel_gets_it_at_another_port(void **state)
{
	struct tunnel *t = created("my-app", alice);
	uint16_t port = lt_pool_port(t);

	tunnel_set_online(t);
	assert_ptr_equal(created("my-app", alice), t);
	assert_int_not_equal(lt_pool_port(t), port);
}

static void others_get_a_random_name(void **state)
{
	struct tunnel *t = created("my-app", alice);

	check_random(created("my-app", bob), "my-app");
	assert_true(identity_eq(tunnel_owner(outcome.tunnel), bob));
	check_random(created("my-app", alice_address), "my-app");
	assert_true(identity_eq(tunnel_owner(t), alice));
	assert_ptr_equal(created("my-app", alice), t);
}

static void others_of_an_online_tunnel_get_a_random_name_and_do_not_disturb_it(void **state)
{
	struct tunnel *t = created("my-app", alice);
	uint16_t port = lt_pool_port(t);

	tunnel_set_online(t);
	check_random(created("my-app", bob), "my-app");
	assert_int_equal(t->state, TUNNEL_ONLINE);
	assert_int_equal(lt_pool_port(t), port);
}

static void in_strict_mode_others_are_refused(void **state)
{
	struct tunnel *t = created("my-app", alice);

	rig.conf.strict = true;
	assert_int_equal(create("my-app", bob), CREATE_RESERVED);
	assert_int_equal(outcome.seconds, 30);
	assert_null(outcome.tunnel);
	assert_int_equal(create("my-app", alice_address), CREATE_RESERVED);
	tunnel_set_online(t);
	assert_int_equal(create("my-app", bob), CREATE_IN_USE);
	assert_int_equal(directory_count(rig.shared.directory), 1);
	assert_ptr_equal(created("my-app", alice), t);
}

static void a_name_that_was_given_back_is_anybodys(void **state)
{
	rig.conf.strict = true;
	tunnel_close(created("my-app", alice));
	assert_int_equal(directory_count(rig.shared.directory), 0);
	assert_true(identity_eq(tunnel_owner(created("my-app", bob)), bob));
}

/* D24: whether that is free is another matter. */
static void the_port_of_a_name_is_remembered(void **state)
{
	struct tunnel *t = created("my-app", alice);
	uint16_t port = lt_pool_port(t);

	tunnel_close(t);
	assert_int_equal(directory_last_port(rig.shared.directory, SLICE("my-app")), port);
}

static void a_name_of_another_worker_is_asked_for_there(void **state)
{
	const struct create_wish wish = {
		.kind = lt_pool_kind(),
		.name = SLICE("my-app"),
		.who = alice,
		.client = SLICE("192.0.2.7"),
		.source = SLICE("192.0.2.7"),
	};
	struct create_outcome there = {0};

	assert_int_equal(create_tunnel(rig.workers[1], &wish, &there), CREATE_OK);
	assert_int_equal(create("my-app", alice), CREATE_MOVE);
	assert_int_equal(outcome.home, 1);
	assert_null(outcome.tunnel);
	assert_int_equal(create("my-app", bob), CREATE_MOVE);
}

static void there_are_as_many_tunnels_as_may_be(void **state)
{
	struct tunnel *t = created("my-app", alice);

	for (int i = 1; i < MAX_NAMES; i++)
		created("", alice);
	assert_int_equal(create("", alice), CREATE_FULL);
	assert_int_equal(create("another", alice), CREATE_FULL);
	assert_int_equal(create("my-app", bob), CREATE_FULL);
	assert_ptr_equal(created("my-app", alice), t);
	tunnel_close(t);
	check_name(created("another", alice), "another");
}

static void what_is_in_its_grace_period_comes_back_into_room_only(void **state)
{
	const struct create_wish wish = {
		.kind = lt_pool_kind(),
		.name = SLICE("my-app"),
		.who = alice,
		.source = SLICE("192.0.2.7"),
	};
	struct tunnel *t = created("my-app", alice), *other;
	struct buf message = {0};

	assert_int_equal(plans_parse("p", SLICE("default: a\nplans: {a: {tunnels: 1}}"),
				 &rig.conf.plans, &message),
		0);
	tunnel_set_online(t);
	tunnel_set_offline(t);
	other = created("another", alice);
	assert_int_equal(create_foresee(rig.workers[0], &wish, &outcome), CREATE_TOO_MANY);
	assert_int_equal(create("my-app", alice), CREATE_TOO_MANY);
	assert_ptr_equal(created("another", alice), other);
	tunnel_close(other);
	assert_int_equal(create_foresee(rig.workers[0], &wish, &outcome), CREATE_OK);
	assert_ptr_equal(created("my-app", alice), t);
	assert_int_equal(create("another", alice), CREATE_TOO_MANY);
}

/* ---- ports ---- */

static void without_a_port_the_name_stays_free(void **state)
{
	rig.shared.ports = ports_new(1, 1);
	assert_int_equal(ports_take(rig.shared.ports, 0), 1);
	assert_int_equal(create("my-app", alice), CREATE_NO_PORT);
	assert_int_equal(create("", alice), CREATE_NO_PORT);
	assert_int_equal(directory_count(rig.shared.directory), 0);
	assert_null(map_get(&rig.workers[0]->tunnels, SLICE("my-app")));
}

static void a_port_that_somebody_else_has_is_skipped_and_still_counted(void **state)
{
	struct listener *somebody = NULL;
	struct addr any;
	uint16_t port;

	assert_int_equal(addr_parse("0.0.0.0", 0, &any), 0);
	assert_int_equal(listener_open(rig.workers[1]->loop, &any, false, &somebody), 0);
	port = listener_port(somebody);
	rig.shared.ports = ports_new(port, port);
	assert_int_equal(create("my-app", alice), CREATE_NO_PORT);
	assert_int_equal(ports_free_count(rig.shared.ports), 1);
	assert_int_equal(directory_count(rig.shared.directory), 0);
	listener_close(&somebody);
}

int main(void)
{
#define CREATE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CREATE_TEST(a_free_name_is_had_with_a_port),
		CREATE_TEST(no_name_in_particular_gives_a_random_one),
		CREATE_TEST(names_that_may_not_be_had_are_refused),
		CREATE_TEST(the_owner_gets_the_same_tunnel_again),
		CREATE_TEST(the_owner_of_an_online_tunnel_gets_it_at_another_port),
		CREATE_TEST(others_get_a_random_name),
		CREATE_TEST(others_of_an_online_tunnel_get_a_random_name_and_do_not_disturb_it),
		CREATE_TEST(in_strict_mode_others_are_refused),
		CREATE_TEST(a_name_that_was_given_back_is_anybodys),
		CREATE_TEST(the_port_of_a_name_is_remembered),
		CREATE_TEST(a_name_of_another_worker_is_asked_for_there),
		CREATE_TEST(there_are_as_many_tunnels_as_may_be),
		CREATE_TEST(what_is_in_its_grace_period_comes_back_into_room_only),
		CREATE_TEST(without_a_port_the_name_stays_free),
		CREATE_TEST(a_port_that_somebody_else_has_is_skipped_and_still_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
