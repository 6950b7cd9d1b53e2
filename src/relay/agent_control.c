/*
 * One line after the other. While a registration is under way at another worker, or the agent does
 * not read what it is told, its next lines wait in the stream.
 */
#include "relay/agent_control.h"

#include "base/mem.h"
#include "base/num.h"
#include "crypto/digest.h"
#include "io/stream.h"
#include "relay/agent_message.h"
#include "relay/agent_register.h"
#include "relay/agent_session_priv.h"
#include "relay/session_tunnel.h"
#include "relay/worker.h"
#include "store/book.h"
#include "wire/control.h"
#include "wire/session.h"

#define AGENT_CONTROL_VERSION 1u
/* What a session's lines may cost others: so many in a turn of the loop, and so many at once before
 * there is one every so often. Failures of visitors do not count: there are as many visitors. */
#define AGENT_CONTROL_LINES_A_TURN 32u
#define AGENT_CONTROL_LINES_BURST 4096u
#define AGENT_CONTROL_LINE_EVERY_MS 5u

static void agent_control_fail(struct agent_session *a, const char *sentence)
{
	const struct agent_message_fault fault = {
		.code = "bad-message", .message = sentence, .fatal = true};

	agent_message_error(a, &fault);
	agent_session_end_after_words(a, "its control stream made no sense");
}

/* ---- hello ---- */

static void agent_control_welcome(struct agent_session *a, const struct control *hello)
{
	const struct relay_conf *conf = a->worker->conf;
	char secret[2 * AGENT_SESSION_SECRET_LEN + 1];
	const struct control welcome = {
		.type = CONTROL_WELCOME,
		.version = AGENT_CONTROL_VERSION,
		.agent = (char *)(uintptr_t) "aditd/" ADIT_VERSION,
		.session = a->id,
		.secret = hello->resume ? secret : NULL,
		.resume = hello->resume,
		.window = hello->window,
		.grace_s = (unsigned)((conf->grace_ms + 999) / 1000),
		.heartbeat_s = (unsigned)((conf->heartbeat_ms + 999) / 1000),
		.max_head = conf->max_head,
		.max_fields = conf->max_fields,
		.account = a->grant ? a->grant->account : NULL,
		.plan = a->grant && a->grant->plan[0] ? a->grant->plan : NULL,
	};

	digest_hex(a->secret, sizeof(a->secret), secret);
	agent_message_send(a, &welcome);
	mem_wipe(secret, sizeof(secret));
}

static char *agent_control_text(const char *text)
{
	if (!text)
		text = "";
	return mem_dup_str(text, strlen(text));
}

static char *agent_control_keep(const char *text)
{
	return text ? mem_dup_str(text, strlen(text)) : NULL;
}

/* An account wherever it is; else the token, or the address. */
static void agent_control_set_owner(struct agent_session *a, const struct control *hello)
{
	char account[NUM_TEXT_MAX];

	if (a->grant) {
		num_print_u64(a->grant->account_id, account);
		a->owner_kind = IDENTITY_ACCOUNT;
		a->owner = agent_control_text(account);
	} else {
		a->owner_kind = hello->client ? IDENTITY_TOKEN : IDENTITY_IP;
		a->owner = agent_control_text(hello->client ? hello->client : a->client);
	}
}

static void agent_control_hello(struct agent_session *a, const struct control *c)
{
	if (c->type != CONTROL_HELLO) {
		agent_control_fail(a, "The first message must be a hello.");
		return;
	}
	if (c->version != AGENT_CONTROL_VERSION) {
		agent_control_fail(a, "This relay speaks version 1 of the session protocol.");
		return;
	}
	agent_control_set_owner(a, c);
	a->token = agent_control_keep(c->client);
	a->process = agent_control_keep(c->process);
	a->program = agent_control_text(c->agent);
	a->resume = c->resume;
	a->ready = !c->resume;
	agent_control_welcome(a, c);
	session_agree(a->session, c->resume, c->window);
	agent_session_greeted(a);
}

/* ---- the other messages ---- */

static void agent_control_unregister(struct agent_session *a, uint32_t number)
{
	struct session_member *m = session_tunnel_find(a, number);
	const struct control answer = {.type = CONTROL_CLOSED, .tunnel = number};

	if (m)
		session_tunnel_leave(&m, false);
	agent_message_send(a, &answer);
}

static void agent_control_failed(struct agent_session *a, const struct control *c)
{
	static const struct {
		const char *code;
		enum visitor_error error;
	} codes[] = {
		{"local-refused", VISITOR_ERROR_LOCAL_REFUSED},
		{"local-unreachable", VISITOR_ERROR_LOCAL_UNREACHABLE},
		{"local-reset", VISITOR_ERROR_LOCAL_RESET},
		{"local-tls", VISITOR_ERROR_LOCAL_TLS},
		{"local-overloaded", VISITOR_ERROR_LOCAL_OVERLOADED},
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (!strcmp(c->code, codes[i].code))
			session_tunnel_failed(
				a, c->stream, codes[i].error, c->message ? c->message : "");
	}
}

static void agent_control_on_registered(struct agent_session *a);

static void agent_control_message(struct agent_session *a, const struct control *c)
{
	if (a->state == AGENT_GREETING) {
		agent_control_hello(a, c);
		return;
	}
	switch (c->type) {
	case CONTROL_HELLO:
		agent_control_fail(a, "A session has one hello.");
		break;
	case CONTROL_REGISTER:
		agent_register_start(a, c, agent_control_on_registered);
		break;
	case CONTROL_UNREGISTER:
		agent_control_unregister(a, c->tunnel);
		break;
	case CONTROL_FAILED:
		agent_control_failed(a, c);
		break;
	case CONTROL_READY:
		agent_session_ready(a);
		break;
	case CONTROL_UNKNOWN:
	case CONTROL_WELCOME:
	case CONTROL_REGISTERED:
	case CONTROL_ERROR:
	case CONTROL_CLOSED:
	case CONTROL_NOTICE:
		break; /* not for a relay, or of a later version */
	}
}

/* ---- lines ---- */

static void agent_control_go_on(struct agent_session *a);

static void agent_control_on_due(struct timeout *timeout)
{
	struct agent_session *a = CONTAINER_OF(timeout, struct agent_session, lines_due);

	a->control_waits = false;
	agent_control_go_on(a);
}

static void agent_control_on_next(struct loop_task *task)
{
	struct agent_session *a = CONTAINER_OF(task, struct agent_session, lines_next);

	a->control_waits = false;
	agent_control_go_on(a);
}

/* Others come first when it has said much in this turn, or much more than agents have to say. */
static void agent_control_pace(struct agent_session *a)
{
	struct worker *w = a->worker;
	uint64_t now = loop_now(w->loop);

	if (a->lines_paid_ms > now + AGENT_CONTROL_LINES_BURST * AGENT_CONTROL_LINE_EVERY_MS) {
		a->control_waits = true;
		timeout_arm(w->timeouts[WORKER_PACE], &a->lines_due);
	} else if (a->lines >= AGENT_CONTROL_LINES_A_TURN) {
		a->control_waits = true;
		loop_put_off(w->loop, &a->lines_next);
	}
}

static void agent_control_count_line(struct agent_session *a)
{
	uint64_t now = loop_now(a->worker->loop);

	if (a->lines_turn != loop_turn_number(a->worker->loop)) {
		a->lines_turn = loop_turn_number(a->worker->loop);
		a->lines = 0;
	}
	a->lines++;
	if (a->lines_paid_ms < now)
		a->lines_paid_ms = now;
	a->lines_paid_ms += AGENT_CONTROL_LINE_EVERY_MS;
	agent_control_pace(a);
}

static void agent_control_line(struct agent_session *a, struct slice line)
{
	struct buf why = {0};
	struct control c;

	if (control_read(line, &c, &why) != 0) {
		buf_append_char(&why, '\0');
		agent_control_fail(a, why.base);
	} else {
		if (c.type != CONTROL_FAILED || !a->failures_left)
			agent_control_count_line(a);
		agent_control_message(a, &c);
		control_deinit(&c);
	}
	buf_release(&why);
}

static bool agent_control_is_open(const struct agent_session *a)
{
	return a->state != AGENT_OVER && !a->why && !a->registration && !a->control_full &&
		!a->control_waits;
}

/* Takes lines off the inbox as long as they may be acted upon. */
static void agent_control_walk(struct agent_session *a)
{
	while (agent_control_is_open(a)) {
		struct slice in = buf_slice(&a->inbox);
		size_t end = slice_find(slice_first(in, CONTROL_LINE_MAX), '\n');

		if (end == CONTROL_LINE_MAX)
			agent_control_fail(a, "A line has at most 16 KiB.");
		if (end >= CONTROL_LINE_MAX || end == in.len)
			return;
		agent_control_line(a, slice_first(in, end));
		/* There may have been a password in it. */
		mem_wipe(a->inbox.base + a->inbox.start, end);
		buf_consume(&a->inbox, end + 1);
	}
}

static void agent_control_go_on(struct agent_session *a)
{
	agent_control_walk(a);
	if (a->state == AGENT_OVER || a->why)
		return;
	if (agent_control_is_open(a))
		stream_read_start(a->control);
	else
		stream_read_stop(a->control);
}

static void agent_control_on_registered(struct agent_session *a)
{
	if (a->state != AGENT_OVER)
		agent_control_go_on(a);
}

static void agent_control_on_data(void *ctx, struct slice data)
{
	struct agent_session *a = ctx;

	buf_append_secret(&a->inbox, data);
	mem_wipe(
		(char *)(uintptr_t)data.ptr, data.len); /* the link's buffer, which is used again */
	agent_control_go_on(a);
}

static void agent_control_on_drained(void *ctx)
{
	struct agent_session *a = ctx;

	a->control_full = false;
	agent_control_go_on(a);
}

static void agent_control_on_ended(void *ctx)
{
	agent_session_end(ctx, "it closed its control stream", false);
}

static void agent_control_on_failed(void *ctx, int err)
{
	agent_session_end(ctx, "it reset its control stream", false);
}

static const struct stream_events agent_control_events = {
	.data = agent_control_on_data,
	.drained = agent_control_on_drained,
	.ended = agent_control_on_ended,
	.failed = agent_control_on_failed,
};

void agent_control_open(struct agent_session *a, struct stream **stream)
{
	if (a->control) {
		stream_abort(stream);
		return;
	}
	a->control = *stream;
	*stream = NULL;
	timeout_init(&a->lines_due, agent_control_on_due);
	loop_task_init(&a->lines_next, agent_control_on_next);
	stream_listen(a->control, &agent_control_events, a);
	stream_read_start(a->control);
}
