/*
 * Sessions of one key, on workers whose loops the test turns by hand, that want what the key had
 * before. They have no links, so that the test says when a tunnel is served.
 */
#include "relay/agent_register.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "relay/agent_session_priv.h"
#include "relay/auth.h"
#include "relay/create.h"
#include "relay/directory.h"
#include "relay/holdings.h"
#include "relay/lt_pool.h"
#include "relay/ports.h"
#include "relay/refusals.h"
#include "relay/session_tunnel.h"
#include "relay/tcp_tunnel.h"
#include "store/book.h"
#include "support/loop_turn.h"
#include "wire/control.h"
#include "wire/session.h"
#include "worker_rig.h"

#define KEY "abcdefghijkl"
#define NAME "quick-otter-7"
#define TCP_FIRST 18000
#define TCP_LAST 18999

static char address[] = "127.0.0.1";
static struct worker_rig rig;
static unsigned done_count;

static int set_up(void **state)
{
	const struct account alice = {.id = 7, .name = "alice"};
	const struct key key = {.id = KEY, .account_id = 7, .scope = {.http = true, .tcp = true}};
	const struct name_record name = {
		.name = NAME, .account_id = 7, .key_id = KEY, .created_ms = 1};

	rig = (struct worker_rig) {
		.conf =
			{
				.auth = RELAY_AUTH_OPTIONAL,
				.address = address,
				.grace_ms = 30000,
				.session_buffer = 1 << 20,
				.session_memory = 1 << 20,
				.tcp_range_start = TCP_FIRST,
				.tcp_range_end = TCP_LAST,
			},
		.shared =
			{
				.book = book_new(),
				.directory = directory_new(0),
				.holdings = holdings_new(),
				.refusals = refusals_new(),
				.tcp_ports = ports_new(TCP_FIRST, TCP_LAST),
			},
	};
	book_put_account(rig.shared.book, &alice);
	book_put_key(rig.shared.book, &key);
	book_put_name(rig.shared.book, &name);
	worker_rig_start(&rig, WORKER_RIG_MAX);
	done_count = 0;
	return 0;
}

static int tear_down(void **state)
{
	worker_rig_stop(&rig);
	return 0;
}

static void on_done(struct agent_session *a)
{
	done_count++;
}

static struct agent_session *agent_of(unsigned home, struct identity who, const char *source)
{
	static const struct session_events events = {0};
	const struct auth auth = {
		.keyed = who.kind == IDENTITY_ACCOUNT,
		.account = "7",
		.grant = {.account_id = 7, .key_id = KEY, .scope = {.http = true, .tcp = true}},
	};
	const struct agent_session_setup setup = {
		.client = slice_from_str(source),
		.source = slice_from_str(source),
		.auth = &auth,
		.events = &events,
	};
	struct agent_session *a = agent_session_new(rig.workers[home], &setup);

	a->owner_kind = who.kind;
	a->owner = mem_dup_str(who.text.ptr, who.text.len);
	return a;
}

/* Of alice. */
static struct agent_session *agent(unsigned home)
{
	return agent_of(home, (struct identity) {IDENTITY_ACCOUNT, SLICE("7")}, "192.0.2.7");
}

/* Of nobody who has an account. */
static struct agent_session *agent_with_token(unsigned home, const char *token, const char *source)
{
	return agent_of(home, (struct identity) {IDENTITY_TOKEN, slice_from_str(token)}, source);
}

static void ask(struct agent_session *a, enum control_proto proto)
{
	const struct control message = {.type = CONTROL_REGISTER, .tunnel = 1, .proto = proto};

	agent_register_start(a, &message, on_done);
}

static void ask_for(struct agent_session *a, const char *name)
{
	char text[NAME_MAX_LEN + 1];
	const struct control message = {.type = CONTROL_REGISTER, .tunnel = 1, .subdomain = text};

	(void)snprintf(text, sizeof(text), "%s", name);
	agent_register_start(a, &message, on_done);
}

/* What it serves, or NULL. */
static struct tunnel *tunnel_of(const struct agent_session *a)
{
	const struct session_member *m = session_tunnel_find(a, 1);

	return m ? &m->tunnel->tunnel : NULL;
}

static void check_name(const struct agent_session *a, const char *name)
{
	assert_non_null(tunnel_of(a));
	assert_string_equal(tunnel_of(a)->name, name);
}

static void check_other_name(const struct agent_session *a, const char *name)
{
	assert_non_null(tunnel_of(a));
	assert_string_not_equal(tunnel_of(a)->name, name);
}

/* Served, and then without its link. */
static struct agent_session *parked_agent(unsigned home, enum control_proto proto)
{
	struct agent_session *a = agent(home);

	ask(a, proto);
	tunnel_set_online(tunnel_of(a));
	tunnel_set_offline(tunnel_of(a));
	return a;
}

static void let_have(const char *text)
{
	struct buf message = {0};

	assert_int_equal(plans_parse("p", slice_from_str(text), &rig.conf.plans, &message), 0);
}

/* ---- who comes first ---- */

/* The second session fetches what the first one, which is where that lives, gets meanwhile. */
static void check_is_overtaken(
	const struct agent_session *before, enum control_proto proto, const char *name)
{
	struct agent_session *first = agent(0), *second = agent(1);

	check_name(before, name);
	ask(second, proto);
	assert_non_null(second->registration);
	ask(first, proto);
	check_name(first, name);
	tunnel_set_online(tunnel_of(first));
	assert_null(tunnel_of(before));
	loop_turn(rig.workers[0]->loop);
	loop_turn(rig.workers[1]->loop);
	assert_int_equal(done_count, 1);
	check_name(first, name);
	check_other_name(second, name);
}

static void a_name_that_another_session_got_back_meanwhile_stays_there(void **state)
{
	check_is_overtaken(parked_agent(0, CONTROL_HTTP), CONTROL_HTTP, NAME);
}

static void a_port_that_another_session_got_back_meanwhile_stays_there(void **state)
{
	struct agent_session *before = parked_agent(0, CONTROL_TCP);
	uint16_t port = tcp_tunnel_port(tunnel_of(before));
	char name[NAME_MAX_LEN + 1];

	(void)snprintf(name, sizeof(name), "tcp:%u", port);
	directory_remember(rig.shared.directory, SLICE("key:" KEY ":0"), port);
	check_is_overtaken(before, CONTROL_TCP, name);
}

static void of_two_that_fetch_a_name_one_gets_another(void **state)
{
	struct agent_session *before = parked_agent(0, CONTROL_HTTP);
	struct agent_session *first = agent(1), *second = agent(2);

	ask(first, CONTROL_HTTP);
	ask(second, CONTROL_HTTP);
	loop_turn(rig.workers[0]->loop);
	assert_null(tunnel_of(before));
	loop_turn(rig.workers[1]->loop);
	assert_int_equal(done_count, 1);
	check_name(first, NAME);
	tunnel_set_online(tunnel_of(first));
	while (done_count < 2) {
		loop_turn(rig.workers[2]->loop);
		loop_turn(rig.workers[1]->loop);
	}
	check_name(first, NAME);
	check_other_name(second, NAME);
}

static void in_strict_mode_it_is_no_other_way(void **state)
{
	rig.conf.strict = true;
	a_name_that_another_session_got_back_meanwhile_stays_there(state);
}

/* Who says the name means it: a client that was forgotten must be able to come back. */
static void a_name_that_is_asked_for_is_taken_over(void **state)
{
	struct agent_session *first = agent(0), *second = agent(1);

	ask_for(first, NAME);
	check_name(first, NAME);
	tunnel_set_online(tunnel_of(first));
	ask_for(second, NAME);
	loop_turn(rig.workers[0]->loop);
	assert_null(tunnel_of(first));
	loop_turn(rig.workers[1]->loop);
	check_name(second, NAME);
}

/* ---- as many as the plan says ---- */

static void ask_for_to_the_end(struct agent_session *a, const char *name)
{
	ask_for(a, name);
	while (a->registration) {
		loop_turn(rig.workers[0]->loop);
		loop_turn(a->worker->loop);
	}
}

static void check_is_refused_beside_another(unsigned home, const char *name)
{
	struct agent_session *before = parked_agent(0, CONTROL_HTTP);
	struct agent_session *other = agent(0), *again = agent(home);

	let_have("default: a\nplans: {a: {tunnels: 1}}");
	ask_for(other, "another-name");
	tunnel_set_online(tunnel_of(other));
	ask_for_to_the_end(again, name);
	assert_null(tunnel_of(again));
	check_name(other, "another-name");
	check_name(before, NAME);
	/* With room there is nothing against it. */
	agent_session_leave(other);
	ask_for_to_the_end(again, name);
	check_name(again, NAME);
	assert_int_equal(holdings_count(rig.shared.holdings, SLICE("#7"), HOLDING_TUNNELS), 1);
}

static void a_name_in_its_grace_period_comes_back_into_room_only(void **state)
{
	check_is_refused_beside_another(0, NAME);
}

static void a_name_in_its_grace_period_is_fetched_into_room_only(void **state)
{
	check_is_refused_beside_another(1, NAME);
}

static void check_stays_with_a_stranger(unsigned home)
{
	const struct name_record kept = {.name = "kept-name", .account_id = 7, .created_ms = 2};
	struct agent_session *stranger = agent_with_token(0, "stranger", "192.0.2.7");
	struct agent_session *other = agent(0), *again = agent(home);

	let_have("default: a\nplans: {a: {tunnels: 1}}");
	ask_for(stranger, kept.name);
	book_put_name(rig.shared.book, &kept);
	ask_for(other, "another-name");
	ask_for_to_the_end(again, kept.name);
	assert_null(tunnel_of(again));
	check_name(stranger, kept.name);
	agent_session_leave(other);
	ask_for_to_the_end(again, kept.name);
	check_name(again, kept.name);
	assert_null(tunnel_of(stranger));
}

static void a_name_that_is_kept_is_taken_from_others_into_room_only(void **state)
{
	check_stays_with_a_stranger(0);
}

static void a_name_that_is_kept_is_fetched_from_others_into_room_only(void **state)
{
	check_stays_with_a_stranger(1);
}

/* Where it goes to it counts for who asks, and that address has no room for it. */
static void a_name_is_fetched_to_another_address_into_room_only(void **state)
{
	struct agent_session *before = agent_with_token(0, "token", "192.0.2.1");
	struct agent_session *other = agent_with_token(0, "other", "192.0.2.2");
	struct agent_session *again = agent_with_token(1, "token", "192.0.2.2");

	let_have("default: a\nplans: {a: {tunnels: 1}}");
	ask_for(before, "shared-name");
	tunnel_set_online(tunnel_of(before));
	ask_for(other, "another-name");
	ask_for_to_the_end(again, "shared-name");
	assert_null(tunnel_of(again));
	check_name(before, "shared-name");
	agent_session_leave(other);
	ask_for_to_the_end(again, "shared-name");
	check_name(again, "shared-name");
	assert_null(tunnel_of(before));
}

/* A tunnel of another kind is made anew, and counts for who asks then. */
static void a_pool_tunnel_of_another_address_is_taken_into_room_only(void **state)
{
	const struct create_wish wish = {
		.kind = lt_pool_kind(),
		.name = SLICE("shared-name"),
		.who = {IDENTITY_TOKEN, SLICE("token")},
		.source = SLICE("192.0.2.1"),
	};
	struct agent_session *other = agent_with_token(0, "other", "192.0.2.2");
	struct agent_session *again = agent_with_token(0, "token", "192.0.2.2");
	struct create_outcome before = {0};

	let_have("default: a\nplans: {a: {tunnels: 1}}");
	assert_int_equal(create_tunnel(rig.workers[0], &wish, &before), CREATE_OK);
	ask_for(other, "another-name");
	ask_for(again, "shared-name");
	assert_null(tunnel_of(again));
	assert_ptr_equal(map_get(&rig.workers[0]->tunnels, wish.name), before.tunnel);
	agent_session_leave(other);
	ask_for(again, "shared-name");
	check_name(again, "shared-name");
}

static void what_is_online_is_taken_over_without_more_room(void **state)
{
	struct agent_session *before = agent(0), *here = agent(0), *there = agent(1);

	let_have("default: a\nplans: {a: {tunnels: 1}}");
	ask_for(before, NAME);
	tunnel_set_online(tunnel_of(before));
	ask_for(here, NAME);
	check_name(here, NAME);
	ask_for(there, NAME);
	loop_turn(rig.workers[0]->loop);
	assert_null(tunnel_of(here));
	loop_turn(rig.workers[1]->loop);
	check_name(there, NAME);
	assert_int_equal(holdings_count(rig.shared.holdings, SLICE("#7"), HOLDING_TUNNELS), 1);
}

int main(void)
{
#define REGISTER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		REGISTER_TEST(a_name_that_another_session_got_back_meanwhile_stays_there),
		REGISTER_TEST(of_two_that_fetch_a_name_one_gets_another),
		REGISTER_TEST(in_strict_mode_it_is_no_other_way),
		REGISTER_TEST(a_port_that_another_session_got_back_meanwhile_stays_there),
		REGISTER_TEST(a_name_that_is_asked_for_is_taken_over),
		REGISTER_TEST(a_name_in_its_grace_period_comes_back_into_room_only),
		REGISTER_TEST(a_name_in_its_grace_period_is_fetched_into_room_only),
		REGISTER_TEST(a_name_that_is_kept_is_taken_from_others_into_room_only),
		REGISTER_TEST(a_name_that_is_kept_is_fetched_from_others_into_room_only),
		REGISTER_TEST(a_name_is_fetched_to_another_address_into_room_only),
		REGISTER_TEST(a_pool_tunnel_of_another_address_is_taken_into_room_only),
		REGISTER_TEST(what_is_online_is_taken_over_without_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
