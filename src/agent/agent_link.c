/*
 * What happens to a session is decided in three places: link_on_uplink (an attempt is over),
 * link_on_lost (the link is), and link_doom (the session is, for a reason found inside of one of
 * its own events: it is ended at the end of the turn).
 */
#include "agent/agent_link.h"

#include "agent/agent.h"
#include "agent/control_stream.h"
#include "agent/framing.h"
#include "agent/handshake.h"
#include "agent/refusal.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "wire/control.h"
#include "wire/uplink.h"

#define LINK_DIAL_MS 15000u /* for one attempt, all hops */
#define LINK_WINDOW 65536u /* what a stream starts with; it grows */
#define LINK_WINDOW_MAX 8388608u
#define LINK_WINDOW_BUDGET 16777216u
/* The mux lets somewhat more visitors in than are served, so that the rest can be told why not. */
#define LINK_STREAMS_SPARE 64u
/* A link that dies within this time of a change of address is dialled again at once. */
#define LINK_HURRY_MS 5000u
/* A session without a link is given up so long after the relay must have given it up. */
#define LINK_GRACE_SPARE_MS 5000u
/* While the relay keeps a session, it is tried at least so often. */
#define LINK_TRIES 8u

enum link_state { LINK_IDLE, LINK_DIALLING, LINK_UP, LINK_WAITING, LINK_OVER };

struct agent_link {
	const struct agent_link_env *env; /* borrowed */
	const struct agent_link_events *events; /* borrowed */
	void *ctx; /* borrowed */
	unsigned lane;
	enum link_state state;
	struct backoff backoff;
	struct timeout_queue *delay; /* owned; of the one timeout below */
	struct timeout retry;
	struct timeout welcome;
	struct loop_task doom;

	struct uplink *uplink; /* owned; while dialling */
	struct buf fields;
	enum uplink_framing framing;
	unsigned attempt;
	unsigned denials; /* in a row */
	uint64_t hurry_until;
	char told[65]; /* the code of the trouble that was reported last */

	struct session *session; /* owned; NULL: there is none */
	struct control_stream *control; /* owned; with the session */
	struct control_stream *retired; /* owned; of the session before, for its last visitors */
	struct handshake_ticket ticket;
	bool is_welcome;
	bool can_resume;
	bool is_left; /* the relay wants no more of it; or we do not */
	uint64_t hello_us;
	uint64_t lost_us;
	uint64_t grace_ms;
};

static void link_dial(struct agent_link *l);

/* ---- reports ---- */

static struct slice link_relay(const struct agent_link *l)
{
	return slice_from_str(l->env->conf->relay_text);
}

static void link_report(struct agent_link *l, struct report *r)
{
	r->relay = link_relay(l);
	l->events->report(l->ctx, l->lane, r);
}

/* The same trouble again and again is told once. */
static void link_warn(struct agent_link *l, struct slice code, struct slice message)
{
	struct report r = {.kind = REPORT_WARNING, .code = code, .message = message};

	if (slice_eq(code, slice_from_str(l->told)))
		return;
	slice_to_str(code, l->told, sizeof(l->told));
	r.attempt = l->attempt;
	link_report(l, &r);
}

static void link_report_connecting(struct agent_link *l, uint64_t retry_ms)
{
	struct report r = {.kind = REPORT_CONNECTING, .message = link_relay(l)};

	r.attempt = retry_ms ? l->attempt + 1 : l->attempt;
	r.retry_ms = retry_ms;
	link_report(l, &r);
}

static void link_report_up(struct agent_link *l, enum report_kind kind)
{
	struct report r = {.kind = kind};

	l->attempt = 0;
	l->denials = 0;
	l->told[0] = '\0';
	if (kind == REPORT_LINK_UP)
		r.rtt_us = loop_clock_us() - l->hello_us;
	else
		r.duration_us = loop_clock_us() - l->lost_us;
	link_report(l, &r);
}

/* ---- the session's end ---- */

static void link_end_session(struct agent_link *l)
{
	if (!l->session)
		return;
	timeout_disarm(&l->welcome);
	loop_cancel(&l->doom);
	control_stream_end(l->control);
	control_stream_free(&l->retired);
	l->retired = l->control;
	l->control = NULL;
	session_free(&l->session);
	handshake_ticket_wipe(&l->ticket);
	l->is_welcome = l->can_resume = l->is_left = false;
	l->events->ended(l->ctx, l->lane);
}

static void link_lose_session(struct agent_link *l, const char *why)
{
	struct report r = {.kind = REPORT_SESSION_LOST, .message = slice_from_str(why)};
	bool was_welcome = l->is_welcome;

	link_end_session(l);
	if (was_welcome)
		link_report(l, &r);
}

static void link_wait(struct agent_link *l, unsigned retry_after_s)
{
	uint64_t wait;

	if (l->state == LINK_OVER)
		return;
	wait = backoff_next(&l->backoff, retry_after_s * UINT64_C(1000),
		l->session ? l->grace_ms / LINK_TRIES : 0);
	l->state = LINK_WAITING;
	link_report_connecting(l, wait ? wait : 1);
	if (l->state != LINK_WAITING)
		return;
	timeout_queue_set(l->delay, wait ? wait : 1);
	timeout_arm(l->delay, &l->retry);
}

static void link_on_retry(struct timeout *timeout)
{
	link_dial(CONTAINER_OF(timeout, struct agent_link, retry));
}

static void link_finish(struct agent_link *l)
{
	timeout_disarm(&l->retry);
	uplink_cancel(&l->uplink);
	link_end_session(l);
	l->state = LINK_OVER;
}

/* It will never work. */
static void link_give_up(struct agent_link *l, struct slice code, struct slice message)
{
	struct report r = {.kind = REPORT_ERROR, .code = code, .message = message, .fatal = true};

	link_finish(l);
	link_report(l, &r);
}

static void link_on_doom(struct loop_task *task)
{
	struct agent_link *l = CONTAINER_OF(task, struct agent_link, doom);

	if (!l->session)
		return;
	if (l->is_left) {
		link_finish(l);
		return;
	}
	backoff_down(&l->backoff, loop_now(l->env->loop));
	link_lose_session(l, "the session ended with an error");
	link_wait(l, 0);
}

/* For what is found inside of an event of the session. */
static void link_doom(struct agent_link *l, struct slice why)
{
	link_warn(l, SLICE("relay-protocol"), why);
	loop_defer(l->env->loop, &l->doom);
}

static void link_on_welcome_late(struct timeout *timeout)
{
	struct agent_link *l = CONTAINER_OF(timeout, struct agent_link, welcome);

	link_doom(l, SLICE("The relay took the connection and then said nothing."));
}

/* ---- the control stream ---- */

static void link_set_pace(struct agent_link *l, const struct control *welcome)
{
	uint64_t heartbeat_ms = welcome->heartbeat_s * UINT64_C(1000);

	l->grace_ms = welcome->grace_s * UINT64_C(1000) + heartbeat_ms * 5 / 2;
	timeout_queue_set(l->env->clocks.heartbeat, heartbeat_ms);
	timeout_queue_set(l->env->clocks.silence, heartbeat_ms * 5 / 2);
}

static void link_on_welcome(struct agent_link *l, const struct control *welcome)
{
	if (l->is_welcome)
		return;
	timeout_disarm(&l->welcome);
	l->is_welcome = true;
	l->can_resume = handshake_ticket_init(&l->ticket, welcome->session, welcome->secret) &&
		welcome->resume;
	link_set_pace(l, welcome);
	session_agree(
		l->session, l->can_resume, welcome->window ? welcome->window : MUX_WINDOW_START);
	backoff_up(&l->backoff, loop_now(l->env->loop));
	link_report_up(l, REPORT_LINK_UP);
	l->events->welcomed(l->ctx, l->lane);
}

static void link_on_session_error(struct agent_link *l, const struct control *message)
{
	struct report r = {.kind = message->fatal ? REPORT_ERROR : REPORT_WARNING,
		.code = slice_from_str(message->code),
		.message = slice_from_str(message->message),
		.fatal = message->fatal};

	l->is_left |= message->fatal;
	if (message->fatal)
		loop_defer(l->env->loop, &l->doom);
	link_report(l, &r);
}

static void link_on_message(void *ctx, const struct control *message)
{
	struct agent_link *l = ctx;
	struct report notice = {.kind = REPORT_NOTICE,
		.code = slice_from_str(message->code),
		.message = slice_from_str(message->message)};

	if (message->type == CONTROL_WELCOME)
		link_on_welcome(l, message);
	else if (message->type == CONTROL_NOTICE)
		link_report(l, &notice);
	else if (message->type == CONTROL_ERROR && !message->tunnel)
		link_on_session_error(l, message);
	else
		l->events->message(l->ctx, l->lane, message);
}

static void link_on_control_failed(void *ctx, struct slice why)
{
	link_doom(ctx, why);
}

static const struct control_stream_events link_control_events = {
	.message = link_on_message,
	.failed = link_on_control_failed,
};

/* ---- the session ---- */

static void link_on_opened(void *ctx, struct stream *stream)
{
	struct agent_link *l = ctx;

	l->events->opened(l->ctx, l->control, stream);
}

static void link_report_lost(struct agent_link *l, int err)
{
	struct report r = {.kind = REPORT_LINK_LOST};

	r.message = err == ERR_TIMEOUT ? SLICE("no sign of life from the relay")
				       : slice_from_str(err_text(err));
	link_report(l, &r);
}

static void link_on_lost(void *ctx, int err)
{
	struct agent_link *l = ctx;
	uint64_t now = loop_now(l->env->loop);
	bool was_left = l->is_left;

	l->lost_us = loop_clock_us();
	backoff_down(&l->backoff, now);
	if (now < l->hurry_until)
		backoff_hurry(&l->backoff);
	if (l->is_welcome)
		link_report_lost(l, err);
	else
		link_warn(l, SLICE("relay-protocol"),
			SLICE("The relay closed the connection before it said anything."));
	if (was_left)
		link_finish(l);
	else if (!l->can_resume)
		link_end_session(l);
	link_wait(l, 0);
}

static void link_on_broken(void *ctx)
{
	struct agent_link *l = ctx;

	link_warn(l, SLICE("relay-protocol"),
		slice_from_str(session_fault_text(session_fault(l->session))));
	link_on_doom(&l->doom);
}

static void link_on_go_away(void *ctx)
{
	struct agent_link *l = ctx;

	/* The relay ends: its streams go on, and once the link is closed a new session begins. */
	l->can_resume = false;
}

static void link_on_measured(void *ctx, uint64_t rtt_us)
{
	struct agent_link *l = ctx;
	struct report r = {.kind = REPORT_RTT, .rtt_us = rtt_us};

	link_report(l, &r);
}

static const struct session_events link_session_events = {
	.opened = link_on_opened,
	.lost = link_on_lost,
	.broken = link_on_broken,
	.go_away = link_on_go_away,
	.measured = link_on_measured,
};

/* ---- attempts ---- */

static void link_send_hello(struct agent_link *l)
{
	struct control hello = {.type = CONTROL_HELLO,
		.version = 1,
		.agent = (char *)(uintptr_t) "adit/" ADIT_VERSION,
		.client = (char *)(uintptr_t)l->env->conf->client,
		.resume = true,
		.window = LINK_WINDOW};

	control_stream_send(l->control, &hello);
}

/* The first flight: hello, and registers behind it, without waiting for the welcome. */
static void link_begin(struct agent_link *l, const struct uplink_result *result)
{
	const struct mux_conf conf = {.role = MUX_CLIENT,
		.max_streams = l->env->conf->max_streams + LINK_STREAMS_SPARE,
		.window_max = LINK_WINDOW_MAX,
		.window_budget = LINK_WINDOW_BUDGET,
		.tail_max = l->env->conf->buffer_max};
	struct stream *stream = result->link;

	l->state = LINK_UP;
	l->session = session_new(l->env->loop, &conf, &l->env->clocks, &link_session_events, l);
	session_start(l->session, &stream, result->received);
	l->control = control_stream_open(l->session, &link_control_events, l);
	l->hello_us = loop_clock_us();
	timeout_arm(l->env->welcome, &l->welcome);
	link_send_hello(l);
	l->events->begun(l->ctx, l->lane);
}

static void link_continue(struct agent_link *l, const struct uplink_result *result)
{
	struct stream *stream = result->link;

	if (!handshake_is_proven(&l->ticket, result->peer_received, result->proof)) {
		stream_close(&stream);
		link_warn(l, SLICE("relay-refused"),
			SLICE("What answered could not prove that it is the relay of this "
			      "session."));
		link_wait(l, 0);
		return;
	}
	if (session_resume(l->session, &stream, result->received, result->peer_received)) {
		link_lose_session(l, "the relay has not kept what it would take to go on");
		link_wait(l, 0);
		return;
	}
	l->state = LINK_UP;
	backoff_up(&l->backoff, loop_now(l->env->loop));
	link_report_up(l, REPORT_LINK_RESUMED);
}

static bool link_is_hopeless(const struct agent_link *l)
{
	uint64_t gone_ms = (loop_clock_us() - l->lost_us) / 1000;

	return l->session && gone_ms > l->grace_ms + LINK_GRACE_SPARE_MS;
}

static void link_retry(struct agent_link *l, const struct refusal *refusal, struct slice detail)
{
	link_warn(l, refusal->code, detail);
	if (link_is_hopeless(l))
		link_lose_session(l, "the relay was away for longer than it keeps a session");
	link_wait(l, refusal->retry_after_s);
}

static void link_on_refused(struct agent_link *l, const struct uplink_result *result)
{
	struct refusal refusal = refusal_of(result);

	switch (refusal.kind) {
	case REFUSAL_SESSION_GONE:
		if (!l->session)
			break;
		link_lose_session(l, "the relay does not know the session any more");
		if (l->state == LINK_DIALLING)
			link_dial(l);
		return;
	case REFUSAL_FOREIGN:
		if (!framing_failed(l->env->framing, l->framing, loop_now(l->env->loop)))
			break;
		l->attempt--;
		link_dial(l);
		return;
	case REFUSAL_DENIED:
		/* Once may be the bad luck of a nonce that another agent had as well. */
		if (++l->denials < 2 && l->env->conf->hmac_secret)
			break;
		link_give_up(l, refusal.code, result->detail);
		return;
	case REFUSAL_FATAL:
		link_give_up(l, refusal.code, result->detail);
		return;
	case REFUSAL_RETRY:
		break;
	}
	link_retry(l, &refusal, result->detail);
}

static void link_on_uplink(void *ctx, const struct uplink_result *result)
{
	struct agent_link *l = ctx;

	l->uplink = NULL;
	if (result->hop != UPLINK_DONE) {
		link_on_refused(l, result);
		return;
	}
	framing_worked(l->env->framing, l->framing, loop_now(l->env->loop));
	if (l->session)
		link_continue(l, result);
	else
		link_begin(l, result);
}

static void link_write_fields(struct agent_link *l)
{
	const char *secret = l->env->conf->hmac_secret;
	const char *beside;

	buf_clear(&l->fields);
	if (secret)
		handshake_sign(&l->fields, secret, loop_wall_ms(),
			l->env->random(l->env->random_ctx, HANDSHAKE_NONCE_SPREAD_MS));
	if (l->session) {
		handshake_resume(&l->fields, &l->ticket, session_received(l->session));
		return;
	}
	beside = l->events->beside(l->ctx, l->lane);
	if (beside)
		handshake_beside(&l->fields, beside);
}

static void link_dial(struct agent_link *l)
{
	const struct agent_conf *conf = l->env->conf;
	struct uplink_request request = {.host = conf->relay_host,
		.port = conf->relay_port,
		.tls = conf->tls,
		.proxy = conf->proxy,
		.proxy_authorization = conf->proxy_authorization,
		.timeout_ms = LINK_DIAL_MS};

	timeout_disarm(&l->retry);
	l->state = LINK_DIALLING;
	l->attempt++;
	l->framing = framing_pick(l->env->framing, !l->session, loop_now(l->env->loop));
	link_write_fields(l);
	request.framing = l->framing;
	request.fields = buf_slice(&l->fields);
	link_report_connecting(l, 0);
	if (l->state == LINK_DIALLING)
		l->uplink = uplink_start(l->env->loop, &request, link_on_uplink, l);
}

/* ---- what the agent asks ---- */

struct agent_link *agent_link_new(const struct agent_link_env *env,
	const struct agent_link_events *events, void *ctx, unsigned lane)
{
	struct agent_link *l = MEM_NEW(struct agent_link);

	l->env = env;
	l->events = events;
	l->ctx = ctx;
	l->lane = lane;
	backoff_init(&l->backoff, env->random, env->random_ctx);
	l->delay = timeout_queue_new(env->loop, 1);
	timeout_init(&l->retry, link_on_retry);
	timeout_init(&l->welcome, link_on_welcome_late);
	loop_task_init(&l->doom, link_on_doom);
	return l;
}

void agent_link_start(struct agent_link *l)
{
	if (l->state == LINK_IDLE)
		link_dial(l);
}

void agent_link_hurry(struct agent_link *l)
{
	l->hurry_until = loop_now(l->env->loop) + LINK_HURRY_MS;
	if (l->state == LINK_UP) {
		session_probe(l->session);
		return;
	}
	if (l->state != LINK_WAITING && l->state != LINK_DIALLING)
		return;
	/* An attempt under way may be one from an address that is no more. */
	uplink_cancel(&l->uplink);
	backoff_hurry(&l->backoff);
	l->attempt = 0;
	link_wait(l, 0);
}

void agent_link_redial(struct agent_link *l)
{
	if (l->state != LINK_UP || !l->can_resume) {
		agent_link_hurry(l);
		return;
	}
	l->hurry_until = loop_now(l->env->loop) + LINK_HURRY_MS;
	session_drop_link(l->session);
	link_on_lost(l, ERR_ADDRESS);
}

void agent_link_leave(struct agent_link *l)
{
	if (l->state != LINK_UP) {
		link_finish(l);
		return;
	}
	l->is_left = true;
	session_go_away(l->session);
}

void agent_link_stop(struct agent_link *l)
{
	link_finish(l);
}

void agent_link_free(struct agent_link **l_ptr)
{
	struct agent_link *l = *l_ptr;

	if (!l)
		return;
	*l_ptr = NULL;
	link_finish(l);
	loop_cancel(&l->doom);
	control_stream_free(&l->retired);
	timeout_queue_free(&l->delay);
	mem_wipe(l->fields.base, l->fields.cap);
	buf_release(&l->fields);
	mem_free(l);
}

void agent_link_send(struct agent_link *l, const struct control *message)
{
	if (l->control)
		control_stream_send(l->control, message);
}

bool agent_link_has_session(const struct agent_link *l)
{
	return l->session != NULL;
}

bool agent_link_is_up(const struct agent_link *l)
{
	return l->state == LINK_UP && l->is_welcome;
}

bool agent_link_is_over(const struct agent_link *l)
{
	return l->state == LINK_OVER;
}

unsigned agent_link_visitors(const struct agent_link *l)
{
	unsigned count = l->session ? session_stream_count(l->session) : 0;

	return count ? count - 1 : 0;
}

const char *agent_link_session(const struct agent_link *l)
{
	return l->is_welcome && l->ticket.session[0] ? l->ticket.session : NULL;
}
