/* The agent against a relay by script: sessions begin, die, go on, and are refused. */
#include "agent/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/local.h"
#include "base/attr.h"
#include "base/mem.h"
#include "fake_relay.h"
#include "io/loop.h"
#include "io/stream.h"
#include "support/loop_turn.h"

/* ---- local services, by script as well ---- */

/* Stands in for src/agent/local.c: takes visitors and keeps them. */
struct local {
	struct local_events events;
	struct buf calls; /* "add 1 3000, remove 1" */
	struct stream *visitor;
	void *session;
	unsigned served;
	unsigned failed; /* visitors whose stream failed */
	bool add_fails;
};

static struct local *the_local;

static void on_visitor_data(void *ctx, struct slice data)
{
}

static void on_visitor_quiet(void *ctx)
{
}

static void on_visitor_failed(void *ctx, int err)
{
	struct local *l = ctx;

	l->failed++;
	stream_close(&l->visitor);
}

static const struct stream_events visitor_events = {
	.data = on_visitor_data,
	.drained = on_visitor_quiet,
	.ended = on_visitor_quiet,
	.failed = on_visitor_failed,
};

struct local *local_new(
	struct loop *loop, const struct local_conf *conf, const struct local_events *events)
{
	the_local = MEM_NEW(struct local);
	the_local->events = *events;
	return the_local;
}

void local_free(struct local **l)
{
	stream_abort(&(*l)->visitor);
	buf_release(&(*l)->calls);
	mem_free(*l);
	*l = NULL;
}

int local_add(struct local *l, uint32_t tunnel, const struct tunnel_spec *spec, struct buf *message)
{
	buf_printf(&l->calls, "add %u %u,", tunnel, spec->target.port);
	if (!l->add_fails)
		return 0;
	buf_append_str(message, "ca.pem: no such file");
	return -1;
}

void local_remove(struct local *l, uint32_t tunnel)
{
	buf_printf(&l->calls, "remove %u,", tunnel);
}

void local_serve(struct local *l, void *session, struct stream **stream)
{
	stream_close(&l->visitor);
	l->visitor = *stream;
	l->session = session;
	*stream = NULL;
	l->served++;
	stream_listen(l->visitor, &visitor_events, l);
	stream_read_start(l->visitor);
}

unsigned local_count(const struct local *l)
{
	return l->visitor ? 1 : 0;
}

/* ---- the test's own side ---- */

struct fixture {
	struct loop *loop;
	struct fake_relay relay;
	struct agent_conf conf;
	struct agent *agent;
	struct buf reports; /* one a line: "kind tunnel url target code fatal" */
	unsigned counts[REPORT_ERROR + 1];
	uint64_t retry_ms; /* of the last CONNECTING that has one */
	unsigned attempt;
	bool is_done;
};

static const char *const kinds[] = {"connecting", "link_up", "link_lost", "link_resumed",
	"session_lost", "tunnel_up", "tunnel_down", "request", "request_opened", "rtt", "notice",
	"warning", "error"};

static void on_report(void *ctx, const struct report *r)
{
	struct fixture *f = ctx;

	f->counts[r->kind]++;
	assert_true(r->wall_ms > 0);
	if (r->kind == REPORT_CONNECTING)
		f->attempt = r->attempt;
	if (r->kind == REPORT_CONNECTING && r->retry_ms)
		f->retry_ms = r->retry_ms;
	if (r->kind == REPORT_CONNECTING || r->kind == REPORT_RTT)
		return;
	buf_printf(&f->reports, "%s %.*s %.*s %.*s %.*s%s\n", kinds[r->kind], SLICE_ARG(r->tunnel),
		SLICE_ARG(r->url), SLICE_ARG(r->target), SLICE_ARG(r->code),
		r->fatal ? " fatal" : "");
}

static bool was_reported(const struct fixture *f, const char *text)
{
	struct slice all = buf_slice(&f->reports);

	return all.len && memmem(all.ptr, all.len, text, strlen(text));
}

#define UNTIL(cond) LOOP_TURN_UNTIL(f->loop, cond)

static int set_up(void **state)
{
	struct fixture *f = MEM_NEW(struct fixture);

	f->loop = loop_new();
	fake_relay_open(&f->relay, f->loop, 0);
	f->conf = (struct agent_conf) {
		.relay_host = "127.0.0.1",
		.relay_port = f->relay.port,
		.relay_text = "http://127.0.0.1",
		.client = "token",
		.connections = 1,
		.local_connect_ms = 1000,
		.max_streams = 100,
		.buffer_max = 1048576,
	};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	agent_free(&f->agent);
	fake_relay_close(&f->relay);
	loop_free(&f->loop);
	buf_release(&f->reports);
	mem_free(f);
	return 0;
}

static struct tunnel_spec http(const char *label, const char *subdomain)
{
	return (struct tunnel_spec) {
		.label = (char *)(uintptr_t)label,
		.proto = TUNNEL_HTTP,
		.target = {.host = (char *)(uintptr_t) "127.0.0.1", .port = 3000},
		.subdomain = (char *)(uintptr_t)subdomain,
	};
}

static void start(struct fixture *f, struct tunnel_spec spec)
{
	f->agent = agent_new(f->loop, &f->conf, on_report, f);
	agent_set_tunnels(f->agent, &spec, 1);
}

static void start_up(struct fixture *f, const char *subdomain)
{
	start(f, http("web", subdomain));
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
}

/* ---- beginnings ---- */

static void nothing_happens_inside_of_the_calls(void **state)
{
	struct fixture *f = *state;

	start(f, http("web", NULL));
	assert_int_equal(f->counts[REPORT_CONNECTING], 0);
	assert_int_equal(buf_len(&the_local->calls), 0);
}

static void hello_and_registers_do_not_wait_for_the_welcome(void **state)
{
	struct fixture *f = *state;

	f->relay.hold_welcome = true;
	start(f, http("web", "demo"));
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
	struct fixture *f = *state;

	start_up(f, "demo");
	assert_true(was_reported(f, "link_up"));
	assert_true(was_reported(
		f, "tunnel_up web https://demo.example.com http://127.0.0.1:3000 \n"));
	assert_int_equal(f->relay.requests, 1);
	assert_false(fake_relay_was_asked(&f->relay, "Authorization"));
	assert_false(fake_relay_was_asked(&f->relay, "Adit-Session"));
}

static void a_request_is_signed_if_there_is_a_secret(void **state)
{
	struct fixture *f = *state;

	f->conf.hmac_secret = "0123456789abcdef0123456789abcdef";
	start_up(f, NULL);
	assert_true(fake_relay_was_asked(&f->relay, "Authorization: HMAC sha256="));
	assert_true(fake_relay_was_asked(&f->relay, "X-Nonce: "));
}

/* ---- links that die ---- */

static void a_session_goes_on_over_another_link(void **state)
{
	struct fixture *f = *state;
	struct tunnel_spec both[] = {http("web", NULL), http("api", "api")};

	start_up(f, NULL);
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
	UNTIL(was_reported(f, "tunnel_up api https://api.example.com"));
	assert_true(fake_relay_heard(&f->relay, "\"hello\"", 1));
}

static void a_session_that_is_forgotten_is_followed_by_a_new_one_with_the_same_name(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL);
	assert_false(fake_relay_heard(&f->relay, "\"subdomain\":\"mole\"", 1));
	fake_relay_forget(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 1);
	assert_int_equal(f->counts[REPORT_LINK_UP], 2);
	assert_int_equal(f->counts[REPORT_LINK_RESUMED], 0);
	assert_true(fake_relay_heard(&f->relay, "\"subdomain\":\"mole\"", 1));
	/* The first, the one that got 410, and the new one at once behind it. */
	assert_int_equal(f->relay.requests, 3);
}

static void a_relay_that_proves_nothing_is_not_continued_with(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL);
	f->relay.wrong_proof = true;
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_WARNING] == 1);
	assert_true(was_reported(f, "warning    relay-refused\n"));
	assert_int_equal(f->counts[REPORT_LINK_RESUMED], 0);
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 0);
	f->relay.wrong_proof = false;
	UNTIL(f->counts[REPORT_LINK_RESUMED] == 1);
	assert_int_equal(f->relay.begun, 1);
}

static void without_resume_a_lost_link_is_a_lost_session(void **state)
{
	struct fixture *f = *state;

	f->relay.no_resume = true;
	start_up(f, NULL);
	fake_relay_cut(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(f->relay.begun, 2);
	assert_int_equal(f->relay.requests, 2);
}

static void a_relay_that_drains_is_left_for_a_new_session(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL);
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
	struct fixture *f = *state;

	start_up(f, NULL);
	fake_relay_say(&f->relay, "nonsense");
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_true(was_reported(f, "warning    relay-protocol\n"));
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 1);
	/* What is not known is no nonsense. */
	fake_relay_say(&f->relay, "{\"type\":\"later\"}");
	fake_relay_say(&f->relay, "{\"type\":\"notice\",\"code\":\"hm\",\"message\":\"m\"}");
	UNTIL(f->counts[REPORT_NOTICE] == 1);
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 1);
}

static void a_line_without_an_end_ends_the_session(void **state)
{
	struct fixture *f = *state;
	char *line = mem_zero(20000);

	start_up(f, NULL);
	memset(line, ' ', 19999);
	fake_relay_say(&f->relay, line);
	mem_free(line);
	UNTIL(f->counts[REPORT_SESSION_LOST] == 1);
}

/* ---- refusals ---- */

static void refuse(struct fixture *f, unsigned times, unsigned status, const char *fields)
{
	f->relay.refusals = times;
	f->relay.status = status;
	f->relay.fields = fields;
}

static void what_will_never_work_is_fatal(void **state)
{
	struct fixture *f = *state;

	refuse(f, 1, 426, "X-Adit-Error: version-not-supported\r\n");
	start(f, http("web", NULL));
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(was_reported(f, "version-not-supported fatal\n"));
	assert_int_equal(f->relay.requests, 1);
}

static void an_unsigned_request_that_is_denied_is_fatal(void **state)
{
	struct fixture *f = *state;

	refuse(f, 1, 401, "X-Adit-Error: not-authenticated\r\n");
	start(f, http("web", NULL));
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(was_reported(f, "not-authenticated fatal\n"));
}

static void a_signature_that_is_denied_twice_is_fatal(void **state)
{
	struct fixture *f = *state;

	f->conf.hmac_secret = "0123456789abcdef0123456789abcdef";
	refuse(f, 2, 401, "X-Adit-Error: not-authenticated\r\n");
	start(f, http("web", NULL));
	UNTIL(f->relay.requests == 1);
	assert_int_equal(f->counts[REPORT_ERROR], 0);
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_int_equal(f->relay.requests, 2);
}

static void a_401_of_somebody_else_is_not(void **state)
{
	struct fixture *f = *state;

	refuse(f, 2, 401, "WWW-Authenticate: Basic\r\n");
	start_up(f, NULL);
	assert_int_equal(f->counts[REPORT_ERROR], 0);
	assert_true(was_reported(f, "warning    relay-protocol\n"));
	/* Plain, WebSocket, and later from the start. */
	assert_int_equal(f->relay.requests, 3);
	assert_int_equal(f->relay.websockets, 0);
}

static void a_relay_that_asks_for_patience_gets_it(void **state)
{
	struct fixture *f = *state;

	refuse(f, 1, 503, "X-Adit-Error: overloaded\r\nRetry-After: 2\r\n");
	start(f, http("web", NULL));
	UNTIL(f->retry_ms);
	assert_in_range(f->retry_ms, 2000, 3000);
	assert_int_equal(f->attempt, 2);
	assert_true(was_reported(f, "warning    overloaded\n"));
}

static void where_nobody_listens_it_tries_again(void **state)
{
	struct fixture *f = *state;

	fake_relay_stop_listening(&f->relay);
	start(f, http("web", NULL));
	UNTIL(f->attempt == 3);
	assert_true(was_reported(f, "warning    relay-refused\n"));
	/* The same trouble is told once. */
	assert_int_equal(f->counts[REPORT_WARNING], 1);
	fake_relay_listen(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
}

static void websocket_is_tried_where_plain_does_not_pass(void **state)
{
	struct fixture *f = *state;

	f->relay.plain_is_foreign = true;
	start_up(f, NULL);
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
	struct fixture *f = *state;

	refuse(f, 1, 0, NULL);
	f->relay.hang_up = true;
	start_up(f, NULL);
	assert_int_equal(f->relay.websockets, 1);
}

static void websocket_only_never_asks_for_anything_else(void **state)
{
	struct fixture *f = *state;

	f->conf.websocket_only = true;
	start_up(f, NULL);
	assert_int_equal(f->relay.requests, 1);
	assert_int_equal(f->relay.websockets, 1);
}

/* ---- tunnels ---- */

static void a_name_that_is_refused_for_ever_is_fatal(void **state)
{
	struct fixture *f = *state;

	f->relay.refuse_code = "name-in-use";
	f->relay.refuse_fatal = true;
	start(f, http("web", "demo"));
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(was_reported(f, "error web  http://127.0.0.1:3000 name-in-use fatal\n"));
}

static void one_of_two_that_fails_is_not_the_end(void **state)
{
	struct fixture *f = *state;
	struct tunnel_spec both[] = {http("web", "demo"), http("api", "api")};

	start_up(f, "demo");
	f->relay.refuse_code = "invalid-name";
	f->relay.refuse_fatal = true;
	agent_set_tunnels(f->agent, both, 2);
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(was_reported(f, "error api  http://127.0.0.1:3000 invalid-name\n"));
	fake_relay_say(&f->relay,
		"{\"type\":\"error\",\"tunnel\":1,\"code\":\"superseded\",\"message\":\"m\","
		"\"fatal\":true}");
	UNTIL(f->counts[REPORT_ERROR] == 2);
	assert_int_equal(f->counts[REPORT_TUNNEL_DOWN], 1);
	assert_true(was_reported(f, "superseded fatal\n"));
}

static void a_name_that_is_in_use_for_now_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	f->relay.refuse_code = "name-in-use";
	start(f, http("web", "demo"));
	UNTIL(f->counts[REPORT_WARNING] == 1);
	f->relay.refuse_code = NULL;
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
	assert_int_equal(f->counts[REPORT_ERROR], 0);
}

static void tunnels_change_while_it_runs(void **state)
{
	struct fixture *f = *state;
	struct tunnel_spec specs[] = {http("web", "demo"), http("api", "api")};

	start_up(f, "demo");
	/* The local side alone. */
	specs[0].target.port = 3001;
	agent_set_tunnels(f->agent, specs, 1);
	loop_turn(f->loop);
	loop_turn(f->loop);
	assert_true(fake_relay_heard(&f->relay, "\"register\"", 1));
	/* One more, and one that changes its public side. */
	specs[0].subdomain = (char *)(uintptr_t) "other";
	agent_set_tunnels(f->agent, specs, 2);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 3);
	assert_true(fake_relay_heard(&f->relay, "\"unregister\"", 1));
	agent_set_tunnels(f->agent, NULL, 0);
	UNTIL(fake_relay_heard(&f->relay, "\"unregister\"", 3));
	buf_append_char(&the_local->calls, '\0');
	assert_string_equal(buf_slice(&the_local->calls).ptr,
		"add 1 3000,add 1 3001,add 2 3001,add 3 3000,remove 1,");
}

static void a_tunnel_whose_ca_file_is_bad_never_works(void **state)
{
	struct fixture *f = *state;

	start(f, http("web", "demo"));
	the_local->add_fails = true;
	UNTIL(f->counts[REPORT_ERROR] == 1);
	assert_true(was_reported(f, "local-tls fatal\n"));
	UNTIL(f->counts[REPORT_LINK_UP] == 1);
	assert_true(fake_relay_heard(&f->relay, "\"register\"", 0));
}

/* ---- visitors ---- */

static void a_visitor_that_cannot_be_served_is_told_on_its_own_session(void **state)
{
	struct fixture *f = *state;
	struct stream *visitor;
	uint32_t id;
	void *before;

	start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(the_local->served == 1);
	id = session_stream_id(the_local->visitor);
	assert_int_equal(id, session_stream_id(visitor));
	the_local->events.failed(
		the_local->session, id, SLICE("local-refused"), SLICE("It is not there."));
	UNTIL(fake_relay_heard(
		&f->relay, "\"stream\":2,\"code\":\"local-refused\",\"message\":\"It is", 1));
	before = the_local->session;
	stream_abort(&visitor);
	fake_relay_forget(&f->relay);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 2);
	assert_int_equal(the_local->failed, 1);
	/* Too late: the stream 2 of the new session is somebody else's. */
	the_local->events.failed(before, id, SLICE("local-reset"), SLICE("late"));
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(the_local->served == 2);
	the_local->events.failed(
		the_local->session, id, SLICE("local-overloaded"), SLICE("no room"));
	UNTIL(fake_relay_heard(&f->relay, "local-overloaded", 1));
	assert_true(fake_relay_heard(&f->relay, "local-reset", 0));
	stream_abort(&visitor);
}

/* ---- several sessions ---- */

static void a_second_session_shares_the_tunnels_of_the_first(void **state)
{
	struct fixture *f = *state;

	f->conf.connections = 2;
	start(f, http("web", NULL));
	UNTIL(fake_relay_heard(&f->relay, "\"subdomain\":\"mole\",\"share\":true", 1));
	assert_true(fake_relay_heard(&f->relay, "\"share\":true", 2));
	assert_true(fake_relay_was_asked(&f->relay, "Adit-Beside: session-1\r\n"));
	assert_int_equal(f->relay.begun, 2);
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
	/* Losing one is no outage. */
	fake_relay_cut(&f->relay);
	UNTIL(f->relay.resumed == 1);
	loop_turn(f->loop);
	assert_int_equal(f->counts[REPORT_LINK_LOST], 0);
	assert_int_equal(f->counts[REPORT_LINK_UP], 1);
	fake_relay_forget(&f->relay);
	UNTIL(f->relay.begun == 3);
	assert_true(fake_relay_was_asked(&f->relay, "Adit-Beside: session-1\r\n"));
	assert_int_equal(f->counts[REPORT_SESSION_LOST], 0);
}

/* ---- the end ---- */

static void on_done(void *ctx)
{
	struct fixture *f = ctx;

	f->is_done = true;
}

static void stopping_unregisters_and_says_good_bye(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL);
	agent_stop(f->agent, 60000, on_done, f);
	assert_false(f->is_done);
	UNTIL(f->is_done);
	assert_true(fake_relay_heard(&f->relay, "\"unregister\"", 1));
	assert_true(fake_relay_session(&f->relay, 0)->is_gone);
	assert_int_equal(f->counts[REPORT_LINK_LOST], 0);
}

static void stopping_waits_for_visitors(void **state)
{
	struct fixture *f = *state;
	struct stream *visitor;
	uint64_t began;

	start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(the_local->served == 1);
	agent_stop(f->agent, 60000, on_done, f);
	began = loop_now(f->loop);
	UNTIL(loop_now(f->loop) >= began + 100);
	assert_false(f->is_done);
	stream_abort(&visitor);
	UNTIL(f->is_done);
	assert_int_equal(the_local->failed, 1);
}

static void stopping_does_not_wait_for_ever(void **state)
{
	struct fixture *f = *state;
	struct stream *visitor;

	f->relay.hold_closed = true;
	start_up(f, NULL);
	visitor = fake_relay_visit(&f->relay, 1);
	UNTIL(the_local->served == 1);
	agent_stop(f->agent, 50, on_done, f);
	UNTIL(f->is_done);
	stream_abort(&visitor);
}

static void stopping_without_a_link_is_at_once(void **state)
{
	struct fixture *f = *state;

	fake_relay_stop_listening(&f->relay);
	start(f, http("web", NULL));
	UNTIL(f->counts[REPORT_WARNING] == 1);
	agent_stop(f->agent, 60000, on_done, f);
	UNTIL(f->is_done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_happens_inside_of_the_calls),
		TEST(hello_and_registers_do_not_wait_for_the_welcome),
		TEST(a_tunnel_that_is_up_is_told_with_its_url),
		TEST(a_request_is_signed_if_there_is_a_secret),
		TEST(a_session_goes_on_over_another_link),
		TEST(a_session_that_is_forgotten_is_followed_by_a_new_one_with_the_same_name),
		TEST(a_relay_that_proves_nothing_is_not_continued_with),
		TEST(without_resume_a_lost_link_is_a_lost_session),
		TEST(a_relay_that_drains_is_left_for_a_new_session),
		TEST(a_control_stream_that_says_nonsense_ends_the_session),
		TEST(a_line_without_an_end_ends_the_session),
		TEST(what_will_never_work_is_fatal),
		TEST(an_unsigned_request_that_is_denied_is_fatal),
		TEST(a_signature_that_is_denied_twice_is_fatal),
		TEST(a_401_of_somebody_else_is_not),
		TEST(a_relay_that_asks_for_patience_gets_it),
		TEST(where_nobody_listens_it_tries_again),
		TEST(websocket_is_tried_where_plain_does_not_pass),
		TEST(a_connection_that_breaks_behind_the_request_leads_to_websocket),
		TEST(websocket_only_never_asks_for_anything_else),
		TEST(a_name_that_is_refused_for_ever_is_fatal),
		TEST(one_of_two_that_fails_is_not_the_end),
		TEST(a_name_that_is_in_use_for_now_is_asked_for_again),
		TEST(tunnels_change_while_it_runs),
		TEST(a_tunnel_whose_ca_file_is_bad_never_works),
		TEST(a_visitor_that_cannot_be_served_is_told_on_its_own_session),
		TEST(a_second_session_shares_the_tunnels_of_the_first),
		TEST(stopping_unregisters_and_says_good_bye),
		TEST(stopping_waits_for_visitors),
		TEST(stopping_does_not_wait_for_ever),
		TEST(stopping_without_a_link_is_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
