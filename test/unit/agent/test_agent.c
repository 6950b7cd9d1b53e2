/* The agent against a relay by script: sessions begin, die, go on, and are refused. */
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

/* ---- beginnings ---- */

static void nothing_happens_inside_of_the_calls(void **state)
{
	struct rig *f = *state;

	rig_start(f, rig_http("web", NULL));
	assert_int_equal(f->counts[REPORT_CONNECTING], 0);
	assert_int_equal(buf_len(&rig_local->calls), 0);
}

static void hello_and_registers_do_not_wait_for_the_welcome(void **state)
{
	struct rig *f = *state;

	f->relay.hold_welcome = true;
	rig_start(f, rig_http("web", "demo"));
	UNTIL(fake_relay_heard(&f->relay, "\"register\"", 1));
	assert_true(fake_relay_heard(&f->relay, "\"hello\"", 1));
	assert_true(fake_relay_heard(&f->relay, "\"client\":\"token\"", 1));
	assert_true(fake_relay_heard(&f->relay, "\"subdomain\":\"demo\"", 1));
	assert_int_equal(f->counts[REPORT_LINK_UP], 0);
	fake_relay_welcome(&f->relay);
	UNTIL(f->counts[REPORT_LINK_UP] == 1);
}

static void a_tunnel_that_is_up_is_told_with_its_url(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, "demo");
	assert_true(rig_was_reported(f, "link_up"));
	assert_true(rig_was_reported(
		f, "tunnel_up web https://demo.example.com http://127.0.0.1:3000 \n"));
	assert_int_equal(f->relay.requests, 1);
	assert_false(fake_relay_was_asked(&f->relay, "Authorization"));
	assert_false(fake_relay_was_asked(&f->relay, "Adit-Session"));
}

static void a_request_is_signed_if_there_is_a_secret(void **state)
{
	struct rig *f = *state;

	f->conf.who.hmac_secret = "0123456789abcdef0123456789abcdef";
	rig_start_up(f, NULL);
	assert_true(fake_relay_was_asked(&f->relay, "Authorization: HMAC sha256="));
	assert_true(fake_relay_was_asked(&f->relay, "X-Nonce: "));
}

/* ---- links that die ---- */

static void a_session_goes_on_over_another_link(void **state)
{
	struct rig *f = *state;
	struct tunnel_spec both[] = {rig_http("web", NULL), rig_http("api", "api")};

	rig_start_up(f, NULL);
	for (unsigned i = 1; i <= 3; i++) {
		fake_relay_cut(&f->relay);
		UNTIL(f->counts[REPORT_LINK_RESUMED] == i);
		assert_int_equal(f->relay.resumed, i);
	}
	assert_int_equal(f->counts[REPORT_LINK_LOST], 3);
	assert_int_equal(f->counts[REPORT_TUNNEL_UP], 1);
	assert_int_equal(f->relay.begun, 1);
	/* What is said while there is no link waits for it. */
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_LINK_LOST] == 4);
	agent_set_tunnels(f->agent, both, 2);
	UNTIL(rig_was_reported(f, "tunnel_up api https://api.example.com"));
	assert_true(fake_relay_heard(&f->relay, "\"hello\"", 1));
}

/* The relay does; the agent begins another one, and asks for the same name. */
static void forget_the_session(struct rig *f)
{
	fake_relay_forget(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 1);
	assert_int_equal(f->counts[REPORT_LINK_UP], 2);
	assert_int_equal(f->counts[REPORT_LINK_RESUMED], 0);
	assert_true(fake_relay_heard(&f->relay, "\"subdomain\":\"mole\"", 1));
}

static void a_session_that_is_forgotten_is_followed_by_a_new_one_with_the_same_name(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, NULL);
	assert_false(fake_relay_heard(&f->relay, "\"subdomain\":\"mole\"", 1));
	forget_the_session(f);
	/* The first, the one that got 410, and the new one at once behind it. */
	assert_int_equal(f->relay.requests, 3);
}

static void a_relay_that_offers_a_new_session_for_a_forgotten_one_need_not_be_asked_again(
	void **state)
{
	struct rig *f = *state;

	f->relay.afresh = true;
	rig_start_up(f, NULL);
	forget_the_session(f);
	assert_int_equal(f->relay.requests, 2);
	/* And goes on like any other. */
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_LINK_RESUMED] == 1);
	assert_int_equal(f->relay.begun, 2);
}

static void a_relay_that_proves_nothing_is_not_continued_with(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, NULL);
	f->relay.wrong_proof = true;
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_WARNING] == 1);
	assert_true(rig_was_reported(f, "warning    relay-refused\n"));
	assert_int_equal(f->counts[REPORT_LINK_RESUMED], 0);
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 0);
	f->relay.wrong_proof = false;
	UNTIL(f->counts[REPORT_LINK_RESUMED] == 1);
	assert_int_equal(f->relay.begun, 1);
}

static void without_resume_a_lost_link_is_a_lost_session(void **state)
{
	struct rig *f = *state;

	f->relay.no_resume = true;
	rig_start_up(f, NULL);
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(f->relay.begun, 2);
	assert_int_equal(f->relay.requests, 2);
}

static void a_relay_that_drains_is_left_for_a_new_session(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, NULL);
	fake_relay_say(&f->relay, "{\"type\":\"notice\",\"code\":\"draining\",\"message\":\"m\"}");
	session_go_away(fake_relay_session(&f->relay, 0)->session);
	UNTIL(f->counts[REPORT_NOTICE] == 1);
	loop_turn(f->loop);
	assert_int_equal(f->counts[REPORT_LINK_LOST], 0);
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(f->relay.resumed, 0);
	assert_false(fake_relay_was_asked(&f->relay, "Adit-Session"));
}

static void a_control_stream_that_says_nonsense_ends_the_session(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, NULL);
	fake_relay_say(&f->relay, "nonsense");
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_true(rig_was_reported(f, "warning    relay-protocol\n"));
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 1);
	/* What is not known is no nonsense. */
	fake_relay_say(&f->relay, "{\"type\":\"later\"}");
	fake_relay_say(&f->relay, "{\"type\":\"notice\",\"code\":\"hm\",\"message\":\"m\"}");
	UNTIL(f->counts[REPORT_NOTICE] == 1);
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 1);
}

static void what_the_relay_lets_pass_is_handed_on(void **state)
{
	struct rig *f = *state;

	f->relay.max_head = 65536;
	f->relay.max_fields = 100;
	rig_start_up(f, NULL);
	assert_true(rig_were_calls("add 1 3000,limits 65536 100,"));
}

static void a_visitor_that_the_relay_gives_up_is_handed_on(void **state)
{
	struct rig *f = *state;
	struct stream *visitor;

	rig_start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(rig_local->served == 1);
	fake_relay_say(&f->relay,
		"{\"type\":\"failed\",\"stream\":2,\"code\":\"idle-timeout\",\"message\":\"m\"}");
	UNTIL(rig_were_calls("add 1 3000,given_up its 2 idle-timeout m,"));
	stream_abort(&visitor);
}

static void a_line_without_an_end_ends_the_session(void **state)
{
	struct rig *f = *state;
	char *line = mem_zero(20000);

	rig_start_up(f, NULL);
	memset(line, ' ', 19999);
	fake_relay_say(&f->relay, line);
	mem_free(line);
	UNTIL(f->counts[REPORT_SESSION_LOST] == 1);
}

/* ---- refusals ---- */

static void refuse(struct rig *f, unsigned times, unsigned status, const char *fields)
{
	f->relay.refusals = times;
	f->relay.status = status;
	f->relay.fields = fields;
}

static void what_will_never_work_is_fatal(void **state)
{
	struct rig *f = *state;

	refuse(f, 1, 426, "X-Adit-Error: version-not-supported\r\n");
	rig_start(f, rig_http("web", NULL));
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(rig_was_reported(f, "version-not-supported fatal\n"));
	assert_int_equal(f->relay.requests, 1);
}

static void a_port_where_no_agents_come_in_is_fatal_for_who_never_did(void **state)
{
	struct rig *f = *state;

	rig_start(f, rig_http("web", NULL));
	refuse(f, 1, 421, "X-Adit-Error: agents-elsewhere\r\n");
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(rig_was_reported(f, "agents-elsewhere fatal\n"));
	assert_int_equal(f->relay.requests, 1);
}

/* Its operator is trying something else, and may think better of it. */
static void who_came_in_there_before_tries_again(void **state)
{
	struct rig *f = *state;

	rig_start_up(f, NULL);
	refuse(f, 1, 421, "X-Adit-Error: agents-elsewhere\r\n");
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_LINK_RESUMED] == 1);
	assert_true(rig_was_reported(f, "warning    agents-elsewhere\n"));
	assert_int_equal(f->counts[REPORT_ERROR], 0);
}

static void an_unsigned_request_that_is_denied_is_fatal(void **state)
{
	struct rig *f = *state;

	refuse(f, 1, 401, "X-Adit-Error: not-authenticated\r\n");
	rig_start(f, rig_http("web", NULL));
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(rig_was_reported(f, "not-authenticated fatal\n"));
}

static void a_signature_that_is_denied_twice_is_fatal(void **state)
{
	struct rig *f = *state;

	f->conf.who.hmac_secret = "0123456789abcdef0123456789abcdef";
	refuse(f, 2, 401, "X-Adit-Error: not-authenticated\r\n");
	rig_start(f, rig_http("web", NULL));
	UNTIL(f->relay.requests == 1);
	assert_int_equal(f->counts[REPORT_ERROR], 0);
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_int_equal(f->relay.requests, 2);
}

static void a_401_of_somebody_else_is_not(void **state)
{
	struct rig *f = *state;

	refuse(f, 2, 401, "WWW-Authenticate: Basic\r\n");
	rig_start_up(f, NULL);
	assert_int_equal(f->counts[REPORT_ERROR], 0);
	assert_true(rig_was_reported(f, "warning    relay-protocol\n"));
	/* Plain, WebSocket, and later from the start. */
	assert_int_equal(f->relay.requests, 3);
	assert_int_equal(f->relay.websockets, 0);
}

static void a_relay_that_asks_for_patience_gets_it(void **state)
{
	struct rig *f = *state;

	refuse(f, 1, 503, "X-Adit-Error: overloaded\r\nRetry-After: 2\r\n");
	rig_start(f, rig_http("web", NULL));
	UNTIL(f->retry_ms);
	assert_in_range(f->retry_ms, 2000, 3000);
	assert_int_equal(f->attempt, 2);
	assert_true(rig_was_reported(f, "warning    overloaded\n"));
}

static void where_nobody_listens_it_tries_again(void **state)
{
	struct rig *f = *state;

	fake_relay_stop_listening(&f->relay);
	rig_start(f, rig_http("web", NULL));
	UNTIL(f->attempt == 3);
	assert_true(rig_was_reported(f, "warning    relay-refused\n"));
	/* The same trouble is told once. */
	assert_int_equal(f->counts[REPORT_WARNING], 1);
	fake_relay_listen(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
}

static void websocket_is_tried_where_plain_does_not_pass(void **state)
{
	struct rig *f = *state;

	f->relay.plain_is_foreign = true;
	rig_start_up(f, NULL);
	assert_int_equal(f->relay.websockets, 1);
	assert_int_equal(f->relay.requests, 2);
	assert_int_equal(f->counts[REPORT_WARNING], 0);
	/* It is remembered, for resuming and for new sessions. */
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_LINK_RESUMED] == 1);
	assert_int_equal(f->relay.requests, 3);
	fake_relay_forget(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(f->relay.requests, 5);
	assert_int_equal(f->relay.websockets, 3);
}

static void a_connection_that_breaks_behind_the_request_leads_to_websocket(void **state)
{
	struct rig *f = *state;

	refuse(f, 1, 0, NULL);
	f->relay.hang_up = true;
	rig_start_up(f, NULL);
	assert_int_equal(f->relay.websockets, 1);
}

static void websocket_only_never_asks_for_anything_else(void **state)
{
	struct rig *f = *state;

	f->conf.websocket_only = true;
	rig_start_up(f, NULL);
	assert_int_equal(f->relay.requests, 1);
	assert_int_equal(f->relay.websockets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(nothing_happens_inside_of_the_calls),
		RIG_TEST(hello_and_registers_do_not_wait_for_the_welcome),
		RIG_TEST(a_tunnel_that_is_up_is_told_with_its_url),
		RIG_TEST(a_request_is_signed_if_there_is_a_secret),
		RIG_TEST(a_session_goes_on_over_another_link),
		RIG_TEST(a_session_that_is_forgotten_is_followed_by_a_new_one_with_the_same_name),
		RIG_TEST(
			a_relay_that_offers_a_new_session_for_a_forgotten_one_need_not_be_asked_again),
		RIG_TEST(a_relay_that_proves_nothing_is_not_continued_with),
		RIG_TEST(without_resume_a_lost_link_is_a_lost_session),
		RIG_TEST(a_relay_that_drains_is_left_for_a_new_session),
		RIG_TEST(a_control_stream_that_says_nonsense_ends_the_session),
		RIG_TEST(what_the_relay_lets_pass_is_handed_on),
		RIG_TEST(a_visitor_that_the_relay_gives_up_is_handed_on),
		RIG_TEST(a_line_without_an_end_ends_the_session),
		RIG_TEST(what_will_never_work_is_fatal),
		RIG_TEST(a_port_where_no_agents_come_in_is_fatal_for_who_never_did),
		RIG_TEST(who_came_in_there_before_tries_again),
		RIG_TEST(an_unsigned_request_that_is_denied_is_fatal),
		RIG_TEST(a_signature_that_is_denied_twice_is_fatal),
		RIG_TEST(a_401_of_somebody_else_is_not),
		RIG_TEST(a_relay_that_asks_for_patience_gets_it),
		RIG_TEST(where_nobody_listens_it_tries_again),
		RIG_TEST(websocket_is_tried_where_plain_does_not_pass),
		RIG_TEST(a_connection_that_breaks_behind_the_request_leads_to_websocket),
		RIG_TEST(websocket_only_never_asks_for_anything_else),
	};

	/* As both programs do. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
