/* What is found inside of the session's own events ends it at the end of the turn, not there. */
#include "agent/relay_session.h"

#include "agent/agent.h"
#include "agent/control_stream.h"
#include "agent/handshake.h"
#include "agent/local.h"
#include "agent/report.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/rand.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "wire/control.h"
#include "wire/uplink.h"

#define RELAY_SESSION_WINDOW 32768u /* what a stream starts with; it grows */
#define RELAY_SESSION_WINDOW_MAX 8388608u
#define RELAY_SESSION_WINDOW_BUDGET 16777216u
#define RELAY_SESSION_HEARTBEAT_MS 10000u /* until a relay says otherwise */
#define RELAY_SESSION_SILENCE_MS 25000u
#define RELAY_SESSION_PROBE_MS 750u
#define RELAY_SESSION_TICK_MS 25u
#define RELAY_SESSION_WELCOME_MS 10000u
/* The mux lets somewhat more visitors in than are served, so that the rest can be told why not. */
#define RELAY_SESSION_SPARE 64u

struct relay_session {
	const struct relay_session_env *env; /* borrowed */
	const struct relay_session_events *events; /* borrowed */
	void *ctx; /* borrowed */
	struct session *session; /* owned; NULL once it is over */
	struct control_stream *control; /* owned */
	struct handshake_ticket ticket;
	struct timeout welcome;
	struct loop_task broken;
	struct buf why; /* it is broken */
	bool is_welcome;
	bool can_resume;
	bool is_left; /* the relay knows that this is the end */
	uint64_t hello_us;
	uint64_t greeting_us;
	uint64_t grace_ms;
	struct local_limits limits;
	char *account; /* owned; or NULL */
	char *plan; /* likewise */
};

static void relay_session_break(struct relay_session *s, struct slice why)
{
	if (!s->session || buf_len(&s->why))
		return;
	buf_append_slice(&s->why, why);
	loop_defer(s->env->loop, &s->broken);
}

static void relay_session_on_late_break(struct loop_task *task)
{
	struct relay_session *s = CONTAINER_OF(task, struct relay_session, broken);

	if (s->session)
		s->events->broken(s->ctx, buf_slice(&s->why));
}

static void relay_session_on_welcome_late(struct timeout *timeout)
{
	relay_session_break(CONTAINER_OF(timeout, struct relay_session, welcome),
		SLICE("The relay took the connection and then said nothing."));
}

/* ---- the control stream ---- */

static void relay_session_set_pace(struct relay_session *s, const struct control *welcome)
{
	uint64_t heartbeat_ms = welcome->heartbeat_s * UINT64_C(1000);

	s->grace_ms = welcome->grace_s * UINT64_C(1000) + heartbeat_ms * 5 / 2;
	timeout_queue_set(s->env->supplies.heartbeat, heartbeat_ms);
	timeout_queue_set(s->env->supplies.silence, heartbeat_ms * 5 / 2);
}

static char *relay_session_keep(const char *text)
{
	return text ? mem_dup_str(text, strlen(text)) : NULL;
}

static void relay_session_on_welcome(struct relay_session *s, const struct control *welcome)
{
	if (s->is_welcome)
		return;
	timeout_disarm(&s->welcome);
	s->is_welcome = true;
	s->greeting_us = loop_clock_us() - s->hello_us;
	s->can_resume = handshake_ticket_init(&s->ticket, welcome->session, welcome->secret) &&
		welcome->resume;
	relay_session_set_pace(s, welcome);
	s->limits = (struct local_limits) {welcome->max_head, welcome->max_fields};
	s->account = relay_session_keep(welcome->account);
	s->plan = relay_session_keep(welcome->plan);
	session_agree(
		s->session, s->can_resume, welcome->window ? welcome->window : MUX_WINDOW_START);
	if (welcome->resume) {
		const struct control ready = {.type = CONTROL_READY};

		control_stream_send(s->control, &ready);
	}
	s->events->welcomed(s->ctx);
}

static void relay_session_on_message(void *ctx, const struct control *message)
{
	struct relay_session *s = ctx;

	if (message->type == CONTROL_WELCOME)
		relay_session_on_welcome(s, message);
	else
		s->events->message(s->ctx, message);
}

static void relay_session_on_control_failed(void *ctx, struct slice why)
{
	relay_session_break(ctx, why);
}

static const struct control_stream_events relay_session_control_events = {
	.message = relay_session_on_message,
	.failed = relay_session_on_control_failed,
};

static void relay_session_send_hello(struct relay_session *s)
{
	struct control hello = {.type = CONTROL_HELLO,
		.version = 1,
		.agent = (char *)(uintptr_t) "adit/" ADIT_VERSION,
		.client = (char *)(uintptr_t)s->env->conf->client,
		.process = (char *)(uintptr_t)s->env->process,
		.resume = true,
		.window = RELAY_SESSION_WINDOW};

	s->hello_us = loop_clock_us();
	control_stream_send(s->control, &hello);
}

/* ---- the session's events ---- */

static void relay_session_on_opened(void *ctx, struct stream *stream)
{
	struct relay_session *s = ctx;

	s->events->opened(s->ctx, stream);
}

static void relay_session_on_lost(void *ctx, int err)
{
	struct relay_session *s = ctx;

	s->events->lost(s->ctx, err);
}

static void relay_session_on_broken(void *ctx)
{
	struct relay_session *s = ctx;

	relay_session_break(s, slice_from_str(session_fault_text(session_fault(s->session))));
}

static void relay_session_on_go_away(void *ctx)
{
	struct relay_session *s = ctx;

	/* The relay ends: its streams go on, and once the link is closed a new session begins. */
	s->can_resume = false;
}

static void relay_session_on_measured(void *ctx, uint64_t rtt_us)
{
	struct relay_session *s = ctx;

	s->events->measured(s->ctx, rtt_us);
}

static const struct session_events relay_session_events = {
	.opened = relay_session_on_opened,
	.lost = relay_session_on_lost,
	.broken = relay_session_on_broken,
	.go_away = relay_session_on_go_away,
	.measured = relay_session_on_measured,
};

/* ---- its life ---- */

void relay_session_env_init(struct relay_session_env *env, struct loop *loop,
	const struct agent_conf *conf, struct pool *streams)
{
	uint8_t random[RELAY_SESSION_PROCESS_MAX / 2];

	*env = (struct relay_session_env) {
		.loop = loop,
		.conf = conf,
		.supplies = {.streams = streams,
			.heartbeat = timeout_queue_new(loop, RELAY_SESSION_HEARTBEAT_MS),
			.silence = timeout_queue_new(loop, RELAY_SESSION_SILENCE_MS),
			.probe = timeout_queue_new(loop, RELAY_SESSION_PROBE_MS),
			.tick = timeout_queue_new(loop, RELAY_SESSION_TICK_MS)},
		.welcome = timeout_queue_new(loop, RELAY_SESSION_WELCOME_MS),
	};
	rand_bytes(random, sizeof(random));
	digest_hex(random, sizeof(random), env->process);
}

void relay_session_env_deinit(struct relay_session_env *env)
{
	timeout_queue_free(&env->supplies.heartbeat);
	timeout_queue_free(&env->supplies.silence);
	timeout_queue_free(&env->supplies.probe);
	timeout_queue_free(&env->supplies.tick);
	timeout_queue_free(&env->welcome);
}

struct relay_session *relay_session_new(const struct relay_session_env *env,
	const struct uplink_result *result, const struct relay_session_events *events, void *ctx)
{
	const struct mux_conf conf = {.role = MUX_CLIENT,
		.max_streams = env->conf->max_streams + RELAY_SESSION_SPARE,
		.window_max = RELAY_SESSION_WINDOW_MAX,
		.window_budget = RELAY_SESSION_WINDOW_BUDGET,
		.tail_max = env->conf->buffer_max};
	struct relay_session *s = MEM_NEW(struct relay_session);
	struct stream *link = result->link;

	s->env = env;
	s->events = events;
	s->ctx = ctx;
	timeout_init(&s->welcome, relay_session_on_welcome_late);
	loop_task_init(&s->broken, relay_session_on_late_break);
	s->session = session_new(env->loop, &conf, &env->supplies, &relay_session_events, s);
	session_start(s->session, &link, result->received);
	s->control = control_stream_open(s->session, &relay_session_control_events, s);
	timeout_arm(env->welcome, &s->welcome);
	relay_session_send_hello(s);
	return s;
}

void relay_session_end(struct relay_session *s)
{
	timeout_disarm(&s->welcome);
	loop_cancel(&s->broken);
	buf_release(&s->why);
	/* A relay that does not know is told by the reset, instead of waiting for us to resume. */
	if (!s->is_left)
		control_stream_end(s->control);
	session_free(&s->session);
	control_stream_end(s->control);
	handshake_ticket_wipe(&s->ticket);
	s->is_welcome = s->can_resume = false;
}

void relay_session_free(struct relay_session **s_ptr)
{
	struct relay_session *s = *s_ptr;

	if (!s)
		return;
	*s_ptr = NULL;
	relay_session_end(s);
	control_stream_free(&s->control);
	mem_free(s->account);
	mem_free(s->plan);
	mem_free(s);
}

/* ---- what its owner asks ---- */

void relay_session_write_fields(struct relay_session *s, struct buf *fields)
{
	handshake_resume(fields, &s->ticket, session_received(s->session));
}

int relay_session_continue(struct relay_session *s, const struct uplink_result *result)
{
	struct stream *link = result->link;

	if (!handshake_is_proven(&s->ticket, result->peer_received, result->proof)) {
		stream_close(&link);
		return ERR_DENIED;
	}
	return session_resume(s->session, &link, result->received, result->peer_received);
}

void relay_session_probe(struct relay_session *s)
{
	session_probe(s->session);
}

void relay_session_leave(struct relay_session *s)
{
	s->can_resume = false;
	s->is_left = true;
	session_go_away(s->session);
}

void relay_session_send(struct relay_session *s, const struct control *message)
{
	control_stream_send(s->control, message);
}

struct control_stream *relay_session_control(struct relay_session *s)
{
	return s->control;
}

bool relay_session_is_welcome(const struct relay_session *s)
{
	return s->is_welcome;
}

bool relay_session_can_resume(const struct relay_session *s)
{
	return s->can_resume;
}

uint64_t relay_session_grace_ms(const struct relay_session *s)
{
	return s->grace_ms;
}

void relay_session_describe(const struct relay_session *s, struct report *r)
{
	r->rtt_us = s->greeting_us;
	r->account = slice_from_str(s->account);
	r->plan = slice_from_str(s->plan);
}

void relay_session_limits(const struct relay_session *s, struct local_limits *out)
{
	*out = s->limits;
}

unsigned relay_session_visitors(const struct relay_session *s)
{
	unsigned count = s->session ? session_stream_count(s->session) : 0;

	return count ? count - 1 : 0;
}

const char *relay_session_id(const struct relay_session *s)
{
	return s->is_welcome && s->ticket.session[0] ? s->ticket.session : NULL;
}
