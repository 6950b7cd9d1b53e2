/* Everything it does to the agent it does through the wire. */
#include "fake_relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/resume_proof.h"
#include "io/addr.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "proto/http1_parse.h"
#include "wire/control.h"
#include "wire/upgrade_accept.h"
#include "wire/ws_stream.h"

static void write_text(struct stream *s, const char *text)
{
	struct slice part = slice_from_str(text);

	stream_write(s, &part, 1);
}

static bool has_text(const struct buf *b, const char *text)
{
	struct slice all = buf_slice(b);

	return all.len && memmem(all.ptr, all.len, text, strlen(text));
}

/* ---- the control stream ---- */

static void say(struct fake_session *s, const char *line)
{
	assert_non_null(s->control);
	write_text(s->control, line);
	write_text(s->control, "\n");
}

static void say_welcome(struct fake_session *s)
{
	struct control c = {.type = CONTROL_WELCOME,
		.version = 1,
		.agent = (char *)(uintptr_t) "aditd/test",
		.session = s->id,
		.secret = (char *)(uintptr_t)(s->relay->no_resume ? NULL : FAKE_RELAY_SECRET),
		.resume = !s->relay->no_resume,
		.window = 65536,
		.grace_s = 30,
		.heartbeat_s = 10,
		.max_head = s->relay->max_head,
		.max_fields = s->relay->max_fields};
	struct buf line = {0};
	struct slice part;

	control_write(&line, &c);
	part = buf_slice(&line);
	stream_write(s->control, &part, 1);
	buf_release(&line);
	session_agree(s->session, c.resume, 65536);
}

static void answer_register(struct fake_session *s, const struct control *c)
{
	char line[400];
	const char *name = c->subdomain ? c->subdomain : "mole";
	unsigned port = c->port ? c->port : 40000;

	if (s->relay->refuse_code)
		snprintf(line, sizeof(line),
			"{\"type\":\"error\",\"tunnel\":%u,\"code\":\"%s\",\"message\":\"No.\","
			"\"fatal\":%s}",
			c->tunnel, s->relay->refuse_code,
			s->relay->refuse_fatal ? "true" : "false");
	else if (c->proto == CONTROL_TCP)
		snprintf(line, sizeof(line),
			"{\"type\":\"registered\",\"tunnel\":%u,\"proto\":\"tcp\","
			"\"url\":\"tcp://example.com:%u\",\"port\":%u}",
			c->tunnel, port, port);
	else
		snprintf(line, sizeof(line),
			"{\"type\":\"registered\",\"tunnel\":%u,\"proto\":\"http\",\"name\":\"%s\","
			"\"url\":\"https://%s.example.com\"}",
			c->tunnel, name, name);
	say(s, line);
}

static void on_line(struct fake_session *s, struct slice line)
{
	struct fake_relay *r = s->relay;
	struct buf why = {0};
	struct control c;

	buf_append_slice(&r->said, line);
	buf_append_char(&r->said, '\n');
	assert_int_equal(control_read(line, &c, &why), 0);
	if (c.type == CONTROL_HELLO && !r->hold_welcome)
		say_welcome(s);
	if (c.type == CONTROL_REGISTER)
		answer_register(s, &c);
	if (c.type == CONTROL_UNREGISTER && !r->hold_closed) {
		char text[80];

		snprintf(text, sizeof(text), "{\"type\":\"closed\",\"tunnel\":%u}", c.tunnel);
		say(s, text);
	}
	control_deinit(&c);
	buf_release(&why);
}

static void on_control_data(void *ctx, struct slice data)
{
	struct fake_session *s = ctx;
	struct slice line;

	buf_append_slice(&s->line, data);
	for (;;) {
		size_t at = slice_find(buf_slice(&s->line), '\n');

		if (at == buf_len(&s->line))
			return;
		line = slice_first(buf_slice(&s->line), at);
		on_line(s, line);
		buf_consume(&s->line, at + 1);
	}
}

static void on_control_drained(void *ctx)
{
}

static void on_control_ended(void *ctx)
{
}

static void on_control_failed(void *ctx, int err)
{
	struct fake_session *s = ctx;

	stream_close(&s->control);
}

static const struct stream_events control_events = {
	.data = on_control_data,
	.drained = on_control_drained,
	.ended = on_control_ended,
	.failed = on_control_failed,
};

/* ---- sessions ---- */

static void on_opened(void *ctx, struct stream *stream)
{
	struct fake_session *s = ctx;

	assert_null(s->control);
	s->control = stream;
	stream_listen(stream, &control_events, s);
	stream_read_start(stream);
}

static void on_lost(void *ctx, int err)
{
}

static void on_broken(void *ctx)
{
	fail_msg("the agent broke the protocol");
}

static void on_go_away(void *ctx)
{
	struct fake_session *s = ctx;

	s->is_gone = true;
}

static const struct session_events session_events = {
	.opened = on_opened, .lost = on_lost, .broken = on_broken, .go_away = on_go_away};

static void end_session(struct fake_session *s)
{
	stream_close(&s->control);
	session_free(&s->session);
	buf_release(&s->line);
}

static void begin_session(struct fake_relay *r, struct stream **link, struct slice rest)
{
	const struct mux_conf conf = {.role = MUX_SERVER,
		.max_streams = 16,
		.window_max = 1048576,
		.window_budget = 4194304,
		.tail_max = 4194304};
	struct fake_session *s = &r->sessions[r->begun % FAKE_RELAY_SESSIONS];

	end_session(s);
	*s = (struct fake_session) {.relay = r};
	snprintf(s->id, sizeof(s->id), "session-%u", ++r->begun);
	s->session = session_new(r->loop, &conf, &r->clocks, &session_events, s);
	session_start(s->session, link, rest);
}

/* ---- requests ---- */

static uint64_t number_field(const struct buf *head, const char *name)
{
	struct slice all = buf_slice(head);
	const char *at = memmem(all.ptr, all.len, name, strlen(name));

	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 10);
}

static struct fake_session *find_resumed(struct fake_relay *r)
{
	char field[64];

	for (unsigned i = 0; i < FAKE_RELAY_SESSIONS; i++) {
		snprintf(field, sizeof(field), "Adit-Session: %s\r\n", r->sessions[i].id);
		if (r->sessions[i].session && has_text(&r->head, field))
			return &r->sessions[i];
	}
	return NULL;
}

static void check_proof(struct fake_relay *r, struct fake_session *s, uint64_t received)
{
	uint8_t secret[RESUME_PROOF_SECRET_LEN];
	struct resume_proof proof = {.side = RESUME_PROOF_AGENT, .received = received};
	char text[RESUME_PROOF_TEXT_LEN + 1];

	assert_true(digest_unhex(SLICE(FAKE_RELAY_SECRET), secret, sizeof(secret)));
	proof.session = slice_from_str(s->id);
	proof.epoch = number_field(&r->head, "Adit-Epoch: ");
	assert_true(proof.epoch > s->epoch);
	s->epoch = proof.epoch;
	resume_proof_make(secret, &proof, text);
	assert_true(has_text(&r->head, text));
}

static void write_resumed(struct fake_relay *r, struct fake_session *s, struct buf *fields)
{
	uint8_t secret[RESUME_PROOF_SECRET_LEN];
	struct resume_proof proof = {.side = RESUME_PROOF_RELAY, .epoch = s->epoch};
	char text[RESUME_PROOF_TEXT_LEN + 1];

	assert_true(digest_unhex(SLICE(FAKE_RELAY_SECRET), secret, sizeof(secret)));
	proof.session = slice_from_str(s->id);
	proof.received = session_received(s->session);
	resume_proof_make(secret, &proof, text);
	if (r->wrong_proof)
		text[0] = text[0] == '0' ? '1' : '0';
	buf_printf(fields, "Adit-Received: %llu\r\nAdit-Proof: %s\r\n",
		(unsigned long long)proof.received, text);
}

static void take_link(struct fake_relay *r, const struct http_head *head, struct slice rest)
{
	bool is_resume = has_text(&r->head, "Adit-Session: ");
	struct fake_session *s = find_resumed(r);
	struct buf out = {0}, fields = {0};
	struct stream *link = r->incoming;
	struct slice part;

	r->incoming = NULL;
	if (is_resume && !s && r->afresh) {
		buf_append_str(&fields, "Adit-Afresh: 1\r\n");
	} else if (is_resume && !s) {
		write_text(link,
			"HTTP/1.1 410 Gone\r\nX-Adit-Error: session-gone\r\n"
			"Content-Length: 0\r\n\r\n");
		stream_close(&link);
		return;
	}
	if (s) {
		check_proof(r, s, number_field(&r->head, "Adit-Received: "));
		write_resumed(r, s, &fields);
	}
	upgrade_write_answer(&out, upgrade_kind_of(head), head, buf_slice(&fields));
	part = buf_slice(&out);
	stream_write(link, &part, 1);
	buf_release(&out);
	buf_release(&fields);
	if (upgrade_kind_of(head) == UPGRADE_WEBSOCKET) {
		struct stream *lower = link;

		r->websockets++;
		link = ws_stream_new(r->loop, &lower, WS_SERVER);
	}
	if (!s) {
		begin_session(r, &link, rest);
	} else if (r->wrong_proof) {
		stream_close(&link);
	} else {
		r->resumed++;
		assert_int_equal(session_resume(s->session, &link, rest,
					 number_field(&r->head, "Adit-Received: ")),
			0);
	}
}

static void refuse(struct fake_relay *r)
{
	struct buf out = {0};
	struct slice part;

	r->refusals--;
	if (!r->hang_up) {
		buf_printf(&out, "HTTP/1.1 %u No\r\n%sContent-Length: 0\r\n\r\n", r->status,
			r->fields ? r->fields : "");
		part = buf_slice(&out);
		stream_write(r->incoming, &part, 1);
		buf_release(&out);
	}
	stream_close(&r->incoming);
}

static void on_request_data(void *ctx, struct slice data)
{
	static const struct http1_limits limits = {.target = 1000, .head = 8000, .fields = 50};
	struct fake_relay *r = ctx;
	struct http1_parser parser = {0};
	struct http_head head;

	buf_append_slice(&r->pending, data);
	if (http1_parse_request(&parser, buf_slice(&r->pending), &limits, &head) != PARSE_DONE)
		return;
	r->requests++;
	buf_clear(&r->head);
	buf_append_slice(&r->head, slice_first(buf_slice(&r->pending), head.size));
	if (r->refusals)
		refuse(r);
	else if (r->plain_is_foreign && upgrade_kind_of(&head) == UPGRADE_PLAIN) {
		write_text(r->incoming, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
		stream_close(&r->incoming);
	} else {
		take_link(r, &head, slice_from(buf_slice(&r->pending), head.size));
	}
	buf_clear(&r->pending);
}

static void on_request_over(void *ctx)
{
	struct fake_relay *r = ctx;

	stream_close(&r->incoming);
}

static void on_request_failed(void *ctx, int err)
{
	on_request_over(ctx);
}

static const struct stream_events request_events = {
	.data = on_request_data,
	.drained = on_control_drained,
	.ended = on_request_over,
	.failed = on_request_failed,
};

static void on_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	struct fake_relay *r = ctx;

	/* One at a time; agents in these tests do not ask twice at once. */
	stream_close(&r->incoming);
	buf_clear(&r->pending);
	r->incoming = stream;
	stream_listen(stream, &request_events, r);
	stream_read_start(stream);
}

static void on_paused(void *ctx)
{
}

static const struct listener_events listener_events = {
	.accepted = on_accepted, .paused = on_paused};

/* ---- what tests call ---- */

void fake_relay_listen(struct fake_relay *r)
{
	struct addr addr;

	assert_int_equal(addr_parse("127.0.0.1", r->port, &addr), 0);
	assert_int_equal(listener_open(r->loop, &addr, false, &r->listener), 0);
	listener_start(r->listener, &listener_events, r, r->retry);
	r->port = listener_port(r->listener);
}

void fake_relay_open(struct fake_relay *r, struct loop *loop, uint16_t port)
{
	*r = (struct fake_relay) {.loop = loop, .port = port};
	r->retry = timeout_queue_new(loop, 50);
	r->clocks.heartbeat = timeout_queue_new(loop, 10000);
	r->clocks.silence = timeout_queue_new(loop, 25000);
	r->clocks.probe = timeout_queue_new(loop, 1000);
	r->clocks.tick = timeout_queue_new(loop, 25);
	fake_relay_listen(r);
}

void fake_relay_stop_listening(struct fake_relay *r)
{
	listener_close(&r->listener);
}

void fake_relay_close(struct fake_relay *r)
{
	listener_close(&r->listener);
	stream_close(&r->incoming);
	for (unsigned i = 0; i < FAKE_RELAY_SESSIONS; i++)
		end_session(&r->sessions[i]);
	timeout_queue_free(&r->retry);
	timeout_queue_free(&r->clocks.heartbeat);
	timeout_queue_free(&r->clocks.silence);
	timeout_queue_free(&r->clocks.probe);
	timeout_queue_free(&r->clocks.tick);
	buf_release(&r->head);
	buf_release(&r->pending);
	buf_release(&r->said);
}

struct fake_session *fake_relay_session(struct fake_relay *r, unsigned n)
{
	assert_true(r->begun > n);
	return &r->sessions[(r->begun - 1 - n) % FAKE_RELAY_SESSIONS];
}

void fake_relay_cut(struct fake_relay *r)
{
	session_drop_link(fake_relay_session(r, 0)->session);
}

void fake_relay_forget(struct fake_relay *r)
{
	/* Without a last word on the wire. */
	fake_relay_cut(r);
	end_session(fake_relay_session(r, 0));
}

void fake_relay_say(struct fake_relay *r, const char *line)
{
	say(fake_relay_session(r, 0), line);
}

void fake_relay_welcome(struct fake_relay *r)
{
	say_welcome(fake_relay_session(r, 0));
}

struct stream *fake_relay_visit(struct fake_relay *r, unsigned tunnel)
{
	struct stream *s = session_open(fake_relay_session(r, 0)->session);
	char line[100];

	assert_non_null(s);
	snprintf(line, sizeof(line), "%u 203.0.113.9 51234 198.51.100.1 443 https 4f2a\n", tunnel);
	write_text(s, line);
	return s;
}

bool fake_relay_heard(const struct fake_relay *r, const char *text, unsigned times)
{
	struct slice all = buf_slice(&r->said);
	unsigned count = 0;
	const char *at;

	while (all.len && (at = memmem(all.ptr, all.len, text, strlen(text))) != NULL) {
		count++;
		all = slice_from(all, (size_t)(at - all.ptr) + 1);
	}
	return count == times;
}

bool fake_relay_was_asked(const struct fake_relay *r, const char *text)
{
	return has_text(&r->head, text);
}
