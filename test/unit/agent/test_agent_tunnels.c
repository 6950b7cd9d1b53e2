/* The agent against a relay by script: tunnels and visitors come and go, and the agent ends. */
#include "agent/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "agent_rig.h"
#include "base/attr.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"

/* ---- tunnels ---- */

static void a_name_that_is_refused_for_ever_is_fatal(void **state)
{
	struct rig *f = *state;

	f->relay.refuse_code = "name-in-use";
	f->relay.refuse_fatal = true;
	rig_start(f, rig_http("web", "demo"));
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(rig_was_reported(f, "error web  http://127.0.0.1:3000 name-in-use fatal\n"));
}

static void one_of_two_that_fails_is_not_the_end(void **state)
{
	struct rig *f = *state;
	struct tunnel_spec both[] = {rig_http("web", "demo"), rig_http("api", "api")};

	rig_start_up(f, "demo");
	f->relay.refuse_code = "invalid-name";
	f->relay.refuse_fatal = true;
	agent_set_tunnels(f->agent, both, 2);
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(rig_was_reported(f, "error api  http://127.0.0.1:3000 invalid-name\n"));
	fake_relay_say(&f->relay,
		"{\"type\":\"error\",\"tunnel\":1,\"code\":\"superseded\",\"message\":\"m\","
		"\"fatal\":true}");
	UNTIL(f->counts[REPORT_ERROR] == 2);
	assert_int_equal(f->counts[REPORT_TUNNEL_DOWN], 1);
	assert_true(rig_was_reported(f, "superseded fatal\n"));
}

static void a_name_that_is_in_use_for_now_is_asked_for_again(void **state)
{
	struct rig *f = *state;

	f->relay.refuse_code = "name-in-use";
	rig_start(f, rig_http("web", "demo"));
	UNTIL(f->counts[REPORT_WARNING] == 1);
	f->relay.refuse_code = NULL;
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
	assert_int_equal(f->counts[REPORT_ERROR], 0);
}

static void tunnels_change_while_it_runs(void **state)
{
	struct rig *f = *state;
	struct tunnel_spec specs[] = {rig_http("web", "demo"), rig_http("api", "api")};

	rig_start_up(f, "demo");
	/* The local side alone. */
	specs[0].target.port = 3001;
	agent_set_tunnels(f->agent, specs, 1);
	loop_turn(f->loop);
	loop_turn(f->loop);
	assert_true(fake_relay_heard(&f->relay, "\"register\"", 1));
	assert_int_equal(f->counts[REPORT_TUNNEL_CHANGED], 1);
	assert_true(rig_was_reported(f, "http://127.0.0.1:3001"));
	/* One more, and one that changes its public side. */
	specs[0].subdomain = (char *)(uintptr_t) "other";
	agent_set_tunnels(f->agent, specs, 2);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 3);
	assert_true(fake_relay_heard(&f->relay, "\"unregister\"", 1));
	agent_set_tunnels(f->agent, NULL, 0);
	UNTIL(rig_were_calls(
		"add 1 3000,add 1 3001,add 2 3001,add 3 3000,remove 1,remove 2,remove 3,"));
	assert_true(fake_relay_heard(&f->relay, "\"unregister\"", 3));
}

static void a_tunnel_whose_ca_file_is_bad_never_works(void **state)
{
	struct rig *f = *state;

	rig_start(f, rig_http("web", "demo"));
	rig_local->add_fails = true;
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(rig_was_reported(f, "local-tls fatal\n"));
	UNTIL(f->counts[REPORT_LINK_UP] == 1);
	assert_true(fake_relay_heard(&f->relay, "\"register\"", 0));
}

/* ---- visitors ---- */

static void a_visitor_that_cannot_be_served_is_told_on_its_own_session(void **state)
{
	struct rig *f = *state;
	struct stream *visitor;
	uint32_t id;
	void *before;

	rig_start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 1);
	id = session_stream_id(rig_local->visitor);
	assert_int_equal(id, session_stream_id(visitor));
	rig_local->events.failed(
		rig_local->session, id, SLICE("local-refused"), SLICE("It is not there."));
	UNTIL(fake_relay_heard(
		&f->relay, "\"stream\":2,\"code\":\"local-refused\",\"message\":\"It is", 1));
	before = rig_local->session;
	stream_abort(&visitor);
	fake_relay_forget(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(rig_local->failed, 1);
	/* Too late: the stream 2 of the new session is somebody else's. */
	rig_local->events.failed(before, id, SLICE("local-reset"), SLICE("late"));
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 2);
	rig_local->events.failed(
		rig_local->session, id, SLICE("local-overloaded"), SLICE("no room"));
	UNTIL(fake_relay_heard(&f->relay, "local-overloaded", 1));
	assert_true(fake_relay_heard(&f->relay, "local-reset", 0));
	stream_abort(&visitor);
}

/* ---- several sessions ---- */

static void a_second_session_shares_the_tunnels_of_the_first(void **state)
{
	struct rig *f = *state;
	struct stream *visitor;

	f->conf.connections = 2;
	rig_start(f, rig_http("web", NULL));
	UNTIL(fake_relay_heard(&f->relay, "\"subdomain\":\"mole\",\"share\":true", 1));
	assert_true(fake_relay_heard(&f->relay, "\"share\":true", 2));
	assert_true(fake_relay_was_asked(&f->relay, "Adit-Beside: session-1\r\n"));
	assert_int_equal(f->relay.begun, 2);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
	/* Behind this, the agent has the welcome. */
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 1);
	stream_abort(&visitor);
	/* Losing one is no outage. */
	fake_relay_cut(&f->relay);
	UNTIL(f->relay.resumed == 1);
	loop_turn(f->loop);
	assert_int_equal(f->counts[REPORT_LINK_LOST], 0);
	assert_int_equal(f->counts[REPORT_LINK_UP], 1);
	fake_relay_forget(&f->relay);
	UNTIL(f->relay.begun == 3);
	/* Where the newest one was, be it over or not. */
	assert_true(fake_relay_was_asked(&f->relay, "Adit-Beside: session-2\r\n"));
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 0);
}

/* ---- the end ---- */

static void on_done(void *ctx)
{
	struct rig *f = ctx;

	f->is_done = true;
}

static void stopping_unregisters_and_says_good_bye(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, NULL);
	agent_stop(f->agent, 60000, on_done, f);
	assert_false(f->is_done);
	UNTIL(f->is_done);
	assert_true(fake_relay_heard(&f->relay, "\"unregister\"", 1));
	assert_true(fake_relay_session(&f->relay, 0)->is_gone);
	assert_int_equal(f->counts[REPORT_LINK_LOST], 0);
}

static void stopping_waits_for_visitors(void **state)
{
	struct rig *f = *state;
	struct stream *visitor;
	uint64_t began;

	rig_start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 1);
	agent_stop(f->agent, 60000, on_done, f);
	began = loop_now(f->loop);
	UNTIL(loop_now(f->loop) >= began + 100);
	assert_false(f->is_done);
	stream_abort(&visitor);
	UNTIL(f->is_done);
	assert_int_equal(rig_local->failed, 1);
}

static void stopping_does_not_wait_for_ever(void **state)
{
	struct rig *f = *state;
	struct stream *visitor;

	f->relay.hold_closed = true;
	rig_start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 1);
	agent_stop(f->agent, 50, on_done, f);
	UNTIL(f->is_done);
	stream_abort(&visitor);
}

static void stopping_does_not_dial_again(void **state)
{
	struct rig *f = *state;
	struct stream *visitor;

	rig_start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 1);
	agent_stop(f->agent, 60000, on_done, f);
	UNTIL(fake_relay_session(&f->relay, 0)->is_gone);
	fake_relay_cut(&f->relay);
	UNTIL(f->is_done);
	assert_int_equal(rig_local->failed, 1);
	assert_int_equal(f->relay.requests, 1);
	stream_abort(&visitor);
}

static void stopping_without_a_link_is_at_once(void **state)
{
	struct rig *f = *state;

	fake_relay_stop_listening(&f->relay);
	rig_start(f, rig_http("web", NULL));
	UNTIL(f->counts[REPORT_WARNING] == 1);
	agent_stop(f->agent, 60000, on_done, f);
	UNTIL(f->is_done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_name_that_is_refused_for_ever_is_fatal),
		RIG_TEST(one_of_two_that_fails_is_not_the_end),
		RIG_TEST(a_name_that_is_in_use_for_now_is_asked_for_again),
		RIG_TEST(tunnels_change_while_it_runs),
		RIG_TEST(a_tunnel_whose_ca_file_is_bad_never_works),
		RIG_TEST(a_visitor_that_cannot_be_served_is_told_on_its_own_session),
		RIG_TEST(a_second_session_shares_the_tunnels_of_the_first),
		RIG_TEST(stopping_unregisters_and_says_good_bye),
		RIG_TEST(stopping_waits_for_visitors),
		RIG_TEST(stopping_does_not_wait_for_ever),
		RIG_TEST(stopping_does_not_dial_again),
		RIG_TEST(stopping_without_a_link_is_at_once),
	};

	/* As both programs do. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
