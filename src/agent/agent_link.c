/*
 * What happens next is decided where something ends: link_on_uplink (an attempt), link_on_lost
 * (the link), link_on_broken (the session).
 */
#include "agent/agent_link.h"

#include "agent/agent.h"
#include "agent/control_stream.h"
#include "agent/framing.h"
#include "agent/handshake.h"
#include "agent/link_voice.h"
#include "agent/refusal.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "wire/control.h"
#include "wire/uplink.h"

#define LINK_DIAL_MS 15000u /* for one attempt, all hops */
/* A link that dies within this time of a change of the network is dialled again at once. */
#define LINK_HURRY_MS 5000u
/* An attempt that was made because of such a change is left alone for so long: where changes do
 * not end, it would never get through. */
#define LINK_FAIR_MS 5000u
/* A session without a link is given up so long after the relay must have given it up. */
#define LINK_GRACE_SPARE_MS 5000u
/* While the relay keeps a session, it is tried at least so often. */
#define LINK_TRIES 8u
/* So often in a row a relay refuses our signature before we believe it; one that has let us in
 * before has some minutes for its clock, or ours, to be right again. */
#define LINK_DENIALS_NEW 2u
#define LINK_DENIALS_KNOWN 20u
#define LINK_FORGOTTEN "the relay does not know the session any more"

enum link_state { LINK_IDLE, LINK_DIALLING, LINK_UP, LINK_WAITING, LINK_OVER };

struct agent_link {
	const struct agent_link_env *env; /* borrowed */
	const struct agent_conf *conf; /* borrowed */
	struct loop *loop; /* borrowed */
	const struct agent_link_events *events; /* borrowed */
	void *ctx; /* borrowed */
	unsigned lane;
	enum link_state state;
	bool is_leaving;
	struct relay_session *session; /* owned; NULL: there is none */
	struct relay_session *retired; /* owned; the one before, for its last visitors */
	struct uplink *uplink; /* owned; while dialling */
	struct buf fields; /* of the attempt */
	enum uplink_framing framing; /* likewise */
	struct backoff backoff;
	struct timeout_queue *delay; /* owned; of the one timeout below */
	struct timeout retry;
	unsigned denials; /* in a row */
	uint64_t hurry_until;
	uint64_t fair_until;
	uint64_t lost_us;
	struct link_voice voice;
};

static void link_dial(struct agent_link *l);

/* ---- reports ---- */

static void link_report_up(struct agent_link *l, enum report_kind kind)
{
	struct report r = {.kind = kind};

	l->denials = 0;
	backoff_up(&l->backoff, loop_now(l->loop));
	if (kind == REPORT_LINK_UP)
		relay_session_describe(l->session, &r);
	else
		r.duration_us = loop_clock_us() - l->lost_us;
	link_voice_up(&l->voice, &r);
}

/* ---- ends ---- */

static void link_end_session(struct agent_link *l)
{
	if (!l->session)
		return;
	relay_session_free(&l->retired);
	l->retired = l->session;
	l->session = NULL;
	relay_session_end(l->retired);
	l->events->ended(l->ctx, l->lane);
}

static void link_lose_session(struct agent_link *l, const char *why)
{
	struct report r = {.kind = REPORT_SESSION_LOST, .message = slice_from_str(why)};
	bool was_welcome = l->session && relay_session_is_welcome(l->session);

	link_end_session(l);
	if (was_welcome)
		link_voice_say(&l->voice, &r);
}

/* Why: what the attempt has met; NULL where there was none. */
static void link_wait(struct agent_link *l, const struct refusal *why)
{
	struct backoff_end end = {.now_ms = loop_now(l->loop)};
	uint64_t wait;

	if (l->state == LINK_OVER)
		return;
	if (l->session)
		end.cap_ms = relay_session_grace_ms(l->session) / LINK_TRIES;
	if (why) {
		end.retry_after_ms = why->retry_after_s * UINT64_C(1000);
		end.nobody = why->nobody;
	}
	wait = backoff_next(&l->backoff, &end);
	l->state = LINK_WAITING;
	timeout_queue_set(l->delay, wait ? wait : 1);
	timeout_arm(l->delay, &l->retry);
	link_voice_connecting(&l->voice, wait ? wait : 1);
}

static void link_on_retry(struct timeout *timeout)
{
	link_dial(CONTAINER_OF(timeout, struct agent_link, retry));
}

static void link_finish(struct agent_link *l)
{
	l->state = LINK_OVER;
	timeout_disarm(&l->retry);
	uplink_cancel(&l->uplink);
	link_end_session(l);
}

/* It will never work. */
static void link_give_up(struct agent_link *l, struct slice code, struct slice message)
{
	struct report r = {.kind = REPORT_ERROR, .code = code, .message = message, .fatal = true};

	link_finish(l);
	link_voice_say(&l->voice, &r);
}

/* ---- the session's events ---- */

static void link_on_welcomed(void *ctx)
{
	struct agent_link *l = ctx;

	link_report_up(l, REPORT_LINK_UP);
	l->events->welcomed(l->ctx, l->lane);
}

static void link_on_message(void *ctx, const struct control *message)
{
	struct agent_link *l = ctx;
	struct report r = {.kind = REPORT_NOTICE,
		.code = slice_from_str(message->code),
		.message = slice_from_str(message->message)};
	bool is_mine = message->type == CONTROL_ERROR && !message->tunnel;

	if (is_mine && message->fatal) {
		link_give_up(l, r.code, r.message);
	} else if (is_mine || message->type == CONTROL_NOTICE) {
		r.kind = is_mine ? REPORT_WARNING : REPORT_NOTICE;
		link_voice_say(&l->voice, &r);
	} else if (message->type == CONTROL_FAILED) {
		l->events->given_up(l->ctx, relay_session_control(l->session), message);
	} else {
		l->events->message(l->ctx, l->lane, message);
	}
}

static void link_on_opened(void *ctx, struct stream *stream)
{
	struct agent_link *l = ctx;

	l->events->opened(l->ctx, relay_session_control(l->session), stream);
}

static void link_on_lost(void *ctx, int err)
{
	struct agent_link *l = ctx;
	uint64_t now = loop_now(l->loop);
	bool was_welcome = relay_session_is_welcome(l->session);

	if (l->is_leaving) {
		link_finish(l);
		return;
	}
	l->lost_us = loop_clock_us();
	l->state = LINK_WAITING;
	backoff_down(&l->backoff, now);
	if (now < l->hurry_until)
		backoff_hurry(&l->backoff);
	if (!relay_session_can_resume(l->session))
		link_end_session(l);
	if (was_welcome)
		link_voice_lost(&l->voice, err);
	else
		link_voice_warn(&l->voice, SLICE("relay-protocol"),
			SLICE("The relay closed the connection before it said anything."));
	link_wait(l, NULL);
}

static void link_on_broken(void *ctx, struct slice why)
{
	struct agent_link *l = ctx;

	if (l->is_leaving) {
		link_finish(l);
		return;
	}
	link_voice_warn(&l->voice, SLICE("relay-protocol"), why);
	backoff_down(&l->backoff, loop_now(l->loop));
	link_lose_session(l, "the session ended with an error");
	link_wait(l, NULL);
}

static void link_on_measured(void *ctx, uint64_t rtt_us)
{
	struct agent_link *l = ctx;
	struct report r = {.kind = REPORT_RTT, .rtt_us = rtt_us};

	link_voice_say(&l->voice, &r);
}

static const struct relay_session_events link_session_events = {
	.welcomed = link_on_welcomed,
	.message = link_on_message,
	.opened = link_on_opened,
	.lost = link_on_lost,
	.broken = link_on_broken,
	.measured = link_on_measured,
};

/* ---- attempts ---- */

static bool link_is_hopeless(const struct agent_link *l)
{
	uint64_t gone_ms = (loop_clock_us() - l->lost_us) / 1000;

	return l->session && gone_ms > relay_session_grace_ms(l->session) + LINK_GRACE_SPARE_MS;
}

static void link_begin_anew(struct agent_link *l, const char *why)
{
	link_lose_session(l, why);
	if (l->state == LINK_DIALLING)
		link_dial(l);
}

static void link_continue(struct agent_link *l, const struct uplink_result *result)
{
	int err = relay_session_continue(l->session, result);

	if (!err) {
		l->state = LINK_UP;
		link_report_up(l, REPORT_LINK_RESUMED);
	} else if (err == ERR_DENIED && !link_is_hopeless(l)) {
		link_voice_warn(&l->voice, SLICE("relay-refused"),
			SLICE("What answered could not prove that it is the relay of this "
			      "session."));
		link_wait(l, NULL);
	} else {
		link_begin_anew(l, "the relay has not kept what it takes to go on");
	}
}

/* The one before, if it is still there, has been forgotten. */
static void link_begin(struct agent_link *l, const struct uplink_result *result)
{
	struct stream *link = result->link;

	link_lose_session(l, LINK_FORGOTTEN);
	if (l->state != LINK_DIALLING) {
		stream_close(&link);
		return;
	}
	l->state = LINK_UP;
	l->session = relay_session_new(&l->env->session, result, &link_session_events, l);
	/* Registers leave with the hello, without waiting for the welcome. */
	l->events->begun(l->ctx, l->lane);
}

static void link_retry(struct agent_link *l, const struct refusal *refusal, struct slice detail)
{
	link_voice_warn(&l->voice, refusal->code, detail);
	if (link_is_hopeless(l))
		link_lose_session(l, "the relay was away for longer than it keeps a session");
	link_wait(l, refusal);
}

static void link_on_refused(struct agent_link *l, const struct uplink_result *result)
{
	struct refusal refusal = refusal_of(result);

	switch (refusal.kind) {
	case REFUSAL_SESSION_GONE:
		if (!l->session)
			break;
		link_begin_anew(l, LINK_FORGOTTEN);
		return;
	case REFUSAL_FOREIGN:
		if (!framing_failed(l->env->framing, l->framing, loop_now(l->loop)))
			break;
		l->voice.attempt--;
		link_dial(l);
		return;
	case REFUSAL_DENIED:
		/* The nonce of another agent, or a clock that is wrong after a sleep. */
		if (l->conf->who.hmac_secret &&
			++l->denials < (l->lost_us ? LINK_DENIALS_KNOWN : LINK_DENIALS_NEW))
			break;
		link_give_up(l, refusal.code, result->detail);
		return;
	case REFUSAL_ELSEWHERE:
		if (l->lost_us)
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
	conf_file_forget(&l->fields);
	if (result->hop != UPLINK_DONE) {
		link_on_refused(l, result);
		return;
	}
	framing_worked(l->env->framing, l->framing, loop_now(l->loop));
	if (l->session && !result->is_afresh)
		link_continue(l, result);
	else
		link_begin(l, result);
}

static void link_write_fields(struct agent_link *l)
{
	buf_clear(&l->fields);
	handshake_identify(&l->fields, &l->conf->who, loop_wall_ms(),
		l->env->random(l->env->random_ctx, HANDSHAKE_NONCE_SPREAD_MS));
	if (l->session)
		relay_session_write_fields(l->session, &l->fields);
	else
		l->events->place(l->ctx, &l->fields);
}

static void link_dial(struct agent_link *l)
{
	struct uplink_request request = {.host = l->conf->relay_host,
		.port = l->conf->relay_port,
		.tls = l->conf->tls,
		.proxy = l->conf->proxy,
		.proxy_authorization = l->conf->proxy_authorization,
		.timeout_ms = LINK_DIAL_MS};

	l->state = LINK_DIALLING;
	l->voice.attempt++;
	l->framing = framing_pick(l->env->framing, !l->session, loop_now(l->loop));
	link_write_fields(l);
	request.framing = l->framing;
	request.fields = buf_slice(&l->fields);
	link_voice_connecting(&l->voice, 0);
	if (l->state == LINK_DIALLING)
		l->uplink = uplink_start(l->loop, &request, link_on_uplink, l);
}

/* ---- what the agent asks ---- */

struct agent_link *agent_link_new(const struct agent_link_env *env,
	const struct agent_link_events *events, void *ctx, unsigned lane)
{
	struct agent_link *l = MEM_NEW(struct agent_link);

	l->env = env;
	l->conf = env->session.conf;
	l->loop = env->session.loop;
	l->events = events;
	l->ctx = ctx;
	l->lane = lane;
	l->voice = (struct link_voice) {
		.relay = l->conf->relay_text, .report = events->report, .ctx = ctx, .lane = lane};
	backoff_init(&l->backoff, env->random, env->random_ctx);
	l->delay = timeout_queue_new(l->loop, 1);
	timeout_init(&l->retry, link_on_retry);
	return l;
}

void agent_link_start(struct agent_link *l)
{
	if (l->state == LINK_IDLE)
		link_dial(l);
}

void agent_link_hurry(struct agent_link *l)
{
	uint64_t now = loop_now(l->loop);

	l->hurry_until = now + LINK_HURRY_MS;
	switch (l->state) {
	case LINK_UP:
		relay_session_probe(l->session);
		return;
	case LINK_DIALLING:
	case LINK_WAITING:
		if (l->state == LINK_DIALLING && now < l->fair_until)
			return;
		/* An attempt under way may be one from an address that is no more. */
		uplink_cancel(&l->uplink);
		l->fair_until = now + LINK_FAIR_MS;
		backoff_hurry(&l->backoff);
		l->voice.attempt = 0;
		link_wait(l, NULL);
		return;
	case LINK_IDLE:
	case LINK_OVER:
		return;
	}
}

void agent_link_leave(struct agent_link *l)
{
	l->is_leaving = true;
	if (l->state == LINK_UP)
		relay_session_leave(l->session);
	else
		link_finish(l);
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
	relay_session_free(&l->retired);
	timeout_queue_free(&l->delay);
	conf_file_forget(&l->fields);
	mem_free(l);
}

void agent_link_send(struct agent_link *l, const struct control *message)
{
	if (l->session)
		relay_session_send(l->session, message);
}

bool agent_link_has_session(const struct agent_link *l)
{
	return l->session != NULL;
}

bool agent_link_is_up(const struct agent_link *l)
{
	return l->state == LINK_UP && relay_session_is_welcome(l->session);
}

bool agent_link_is_over(const struct agent_link *l)
{
	return l->state == LINK_OVER;
}

unsigned agent_link_visitors(const struct agent_link *l)
{
	return l->session ? relay_session_visitors(l->session) : 0;
}

void agent_link_limits(const struct agent_link *l, struct local_limits *out)
{
	relay_session_limits(l->session, out);
}

const char *agent_link_session(const struct agent_link *l)
{
	return l->session ? relay_session_id(l->session) : NULL;
}
