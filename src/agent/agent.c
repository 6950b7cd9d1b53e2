/*
 * Joins the parts: links bring sessions, registrations say what to ask for on them, and local
 * serves the visitors that come of it. The first session opens the way for the others.
 */
#include "agent/agent.h"

#include "agent/agent_link.h"
#include "agent/control_stream.h"
#include "agent/framing.h"
#include "agent/handshake.h"
#include "agent/local.h"
#include "agent/registration.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/pool.h"
#include "crypto/rand.h"
#include "io/loop.h"
#include "io/netwatch.h"
#include "io/sleepwatch.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "wire/control.h"
#include "wire/session.h"

#define AGENT_SPARE_STREAMS 256u
#define AGENT_RETRY_MS 250u /* how exactly registrations wait */
#define AGENT_STOP_POLL_MS 20u
#define AGENT_STOP_ANSWER_MS 2000u /* for the relay to say that the tunnels are closed */

struct agent {
	struct loop *loop; /* borrowed */
	const struct agent_conf *conf; /* borrowed */
	report_fn report;
	void *ctx; /* borrowed */
	struct local *local; /* owned */
	struct registrations registrations;
	struct framing framing;
	struct agent_link_env env;
	struct netwatch *netwatch; /* owned */
	struct sleepwatch *sleepwatch; /* owned */
	struct timeout_queue *retry_queue; /* owned */
	struct timeout_queue *stop_queue; /* owned */
	struct timeout retry;
	struct timeout stop_poll;
	struct loop_task begin;
	struct loop_task apply;
	struct tunnel_spec *next; /* owned; the tunnels from the end of this turn on */
	size_t next_count;
	struct agent_link *links[REGISTRATION_LANES_MAX]; /* owned */
	char beside[HANDSHAKE_SESSION_MAX + 1]; /* the session that was welcomed last */
	bool is_stopping;
	uint64_t stop_answer_at;
	uint64_t stop_at;
	void (*done)(void *ctx);
	void *done_ctx; /* borrowed */
	struct pool streams; /* memory of visitors' streams */
	struct loop_task grave; /* frees it at the end of the turn */
};

/* ---- reports ---- */

/* Of visitors as well, as they are. */
static void agent_report(void *ctx, const struct report *report)
{
	struct agent *a = ctx;
	struct report r = *report;

	r.wall_ms = loop_wall_ms();
	a->report(a->ctx, &r);
}

static void agent_report_tunnel(struct agent *a, enum report_kind kind,
	const struct registration *reg, const struct control *message)
{
	struct report r = {.kind = kind, .relay = slice_from_str(a->conf->relay_text)};
	struct buf target = {0};

	registration_tell(reg, message, &r, &target);
	r.fatal = kind == REPORT_ERROR && registrations_are_dead(&a->registrations);
	if (kind == REPORT_WARNING && reg->retry_at > loop_now(a->loop))
		r.retry_ms = reg->retry_at - loop_now(a->loop);
	agent_report(a, &r);
	buf_release(&target);
}

static bool agent_is_up_beside(const struct agent *a, unsigned lane)
{
	for (unsigned i = 0; i < a->conf->connections; i++) {
		if (i != lane && a->links[i] && agent_link_is_up(a->links[i]))
			return true;
	}
	return false;
}

/* While another session is up, what happens to one is no outage and no way to end. */
static void agent_on_report(void *ctx, unsigned lane, struct report *r)
{
	struct agent *a = ctx;
	bool is_outage = r->kind == REPORT_CONNECTING || r->kind == REPORT_LINK_UP ||
		r->kind == REPORT_LINK_LOST || r->kind == REPORT_LINK_RESUMED ||
		r->kind == REPORT_SESSION_LOST;

	if (a->is_stopping && r->kind != REPORT_NOTICE)
		return;
	if (agent_is_up_beside(a, lane)) {
		if (is_outage)
			return;
		if (r->fatal) {
			r->kind = REPORT_WARNING;
			r->fatal = false;
		}
	}
	agent_report(a, r);
}

/* ---- tunnels ---- */

/* Says on all sessions what there is to say, and forgets tunnels that are gone. */
static void agent_pump(struct agent *a)
{
	struct registration *gone;
	struct control message;

	for (unsigned i = 0; i < a->conf->connections; i++) {
		struct agent_link *l = a->links[i];

		while (l && agent_link_has_session(l) &&
			registrations_next(&a->registrations, i, loop_now(a->loop), &message))
			agent_link_send(l, &message);
	}
	while ((gone = registrations_take_gone(&a->registrations)) != NULL) {
		if (gone->is_served)
			local_remove(a->local, gone->number);
		registration_free(&gone);
	}
	if (registrations_is_waiting(&a->registrations) && !timeout_is_armed(&a->retry))
		timeout_arm(a->retry_queue, &a->retry);
}

static void agent_on_retry(struct timeout *timeout)
{
	agent_pump(CONTAINER_OF(timeout, struct agent, retry));
}

static void agent_serve(struct agent *a, struct registration *reg)
{
	struct buf why = {0};
	struct control message = {0};
	int err = local_add(a->local, reg->number, &reg->spec, &why);

	reg->is_new = false;
	if (err) {
		/* One that runs already goes on as it was. */
		if (!reg->is_served)
			registration_kill(reg);
		buf_append_char(&why, '\0');
		message.code = (char *)(uintptr_t) "local-tls";
		message.message = why.base + why.start;
		agent_report_tunnel(
			a, reg->is_served ? REPORT_WARNING : REPORT_ERROR, reg, &message);
	} else {
		reg->is_served = true;
		if (reg->is_told && reg->is_up)
			agent_report_tunnel(a, REPORT_TUNNEL_CHANGED, reg, NULL);
	}
	buf_release(&why);
}

static void agent_drop_next(struct agent *a)
{
	for (size_t i = 0; i < a->next_count; i++)
		tunnel_spec_deinit(&a->next[i]);
	mem_free(a->next);
	a->next = NULL;
	a->next_count = 0;
}

/* One that is opened anew under the same label is told here as well, and then again as up. */
static void agent_tell_removed(struct agent *a)
{
	const struct control message = {
		.code = (char *)(uintptr_t) "removed",
		.message = (char *)(uintptr_t) "it is no longer wanted",
	};

	LIST_EACH (node, &a->registrations.leaving) {
		struct registration *reg = CONTAINER_OF(node, struct registration, node);

		if (reg->is_told)
			agent_report_tunnel(a, REPORT_TUNNEL_DOWN, reg, &message);
		reg->is_told = false;
	}
}

static void agent_on_apply(struct loop_task *task)
{
	struct agent *a = CONTAINER_OF(task, struct agent, apply);
	struct registration *reg;

	loop_cancel(&a->apply);
	registrations_set(&a->registrations, a->next, a->next_count);
	agent_drop_next(a);
	agent_tell_removed(a);
	while ((reg = registrations_find_new(&a->registrations)) != NULL)
		agent_serve(a, reg);
	agent_pump(a);
}

static const struct control agent_bare = {
	.code = (char *)(uintptr_t) "not-protected",
	.message = (char *)(uintptr_t) "The relay opened the tunnel without what should guard it: "
				       "it is an old one. The tunnel was closed.",
};

static void agent_take_event(struct agent *a, enum registration_event event,
	struct registration *reg, const struct control *message)
{
	switch (event) {
	case REGISTRATION_NOTHING:
		return;
	case REGISTRATION_IS_UP:
		reg->is_told = true;
		agent_report_tunnel(a, REPORT_TUNNEL_UP, reg, message);
		return;
	case REGISTRATION_AGAIN:
		agent_report_tunnel(a, REPORT_WARNING, reg, message);
		return;
	case REGISTRATION_IS_DOWN:
	case REGISTRATION_IS_DEAD:
		if (reg->is_told)
			agent_report_tunnel(a, REPORT_TUNNEL_DOWN, reg, message);
		reg->is_told = false;
		if (event == REGISTRATION_IS_DEAD)
			agent_report_tunnel(a, REPORT_ERROR, reg, message);
		return;
	case REGISTRATION_IS_BARE:
		local_remove(a->local, reg->number);
		reg->is_served = reg->is_told = false;
		agent_report_tunnel(a, REPORT_ERROR, reg, &agent_bare);
		return;
	}
}

/* ---- the links' events ---- */

static void agent_on_begun(void *ctx, unsigned lane)
{
	agent_pump(ctx);
}

static void agent_on_welcomed(void *ctx, unsigned lane)
{
	struct agent *a = ctx;
	struct local_limits limits;

	agent_link_limits(a->links[lane], &limits);
	local_set_limits(a->local, &limits);
	slice_to_str(
		slice_from_str(agent_link_session(a->links[lane])), a->beside, sizeof(a->beside));
	for (unsigned i = 0; i < a->conf->connections && !a->is_stopping; i++)
		agent_link_start(a->links[i]);
}

static void agent_on_message(void *ctx, unsigned lane, const struct control *message)
{
	struct agent *a = ctx;
	struct registration *reg;
	enum registration_event event =
		registrations_take(&a->registrations, lane, message, loop_now(a->loop), &reg);

	if (!a->is_stopping)
		agent_take_event(a, event, reg, message);
	agent_pump(a);
}

static void agent_on_given_up(
	void *ctx, struct control_stream *control, const struct control *message)
{
	struct agent *a = ctx;

	local_given_up(a->local, control, message->stream, slice_from_str(message->code),
		slice_from_str(message->message));
}

static void agent_on_opened(void *ctx, struct control_stream *control, struct stream *stream)
{
	struct agent *a = ctx;

	local_serve(a->local, control, &stream);
}

static void agent_on_ended(void *ctx, unsigned lane)
{
	struct agent *a = ctx;

	registrations_lose_lane(&a->registrations, lane);
}

/* Beside one that is over as well: when all of them are, the next ones shall meet all the same.
 * Where the tunnel is already, by a process before this one, visitors may wait. */
static void agent_on_place(void *ctx, struct buf *fields)
{
	const struct agent *a = ctx;
	struct control wish;

	if (a->conf->connections > 1 && a->beside[0])
		handshake_beside(fields, a->beside);
	if (registrations_first(&a->registrations, &wish))
		handshake_tunnel(fields, &wish);
}

static const struct agent_link_events agent_link_events = {
	.begun = agent_on_begun,
	.welcomed = agent_on_welcomed,
	.message = agent_on_message,
	.given_up = agent_on_given_up,
	.opened = agent_on_opened,
	.ended = agent_on_ended,
	.report = agent_on_report,
	.place = agent_on_place,
};

/* ---- visitors ---- */

static void agent_on_visitor_failed(
	void *session, uint32_t stream_id, struct slice code, struct slice message)
{
	control_stream_send_failed(session, stream_id, code, message);
}

/* ---- the world ---- */

static void agent_on_network(void *ctx)
{
	struct agent *a = ctx;

	for (unsigned i = 0; i < a->conf->connections && !a->is_stopping; i++)
		agent_link_hurry(a->links[i]);
}

static void agent_on_awake(void *ctx, uint64_t away_ms)
{
	agent_on_network(ctx);
}

/* ---- its life ---- */

static uint32_t agent_random(void *ctx, uint32_t bound)
{
	return rand_below(bound);
}

static void agent_on_begin(struct loop_task *task)
{
	struct agent *a = CONTAINER_OF(task, struct agent, begin);

	if (a->next) /* the request for a link names the first tunnel */
		agent_on_apply(&a->apply);
	agent_link_start(a->links[0]);
}

/* The memory of streams is asked for until their last task of this turn has run. */
static void agent_on_grave(struct loop_task *task)
{
	struct agent *a = CONTAINER_OF(task, struct agent, grave);

	pool_deinit(&a->streams);
	mem_free(a);
}

static void agent_new_env(struct agent *a)
{
	loop_task_init(&a->grave, agent_on_grave);
	pool_init(&a->streams, session_stream_size(), AGENT_SPARE_STREAMS);
	a->env = (struct agent_link_env) {.framing = &a->framing, .random = agent_random};
	relay_session_env_init(&a->env.session, a->loop, a->conf, &a->streams);
}

static void agent_new_local(struct agent *a)
{
	const struct local_conf conf = {.connect_ms = a->conf->local_connect_ms,
		.max_streams = a->conf->max_streams,
		.quiet = a->conf->quiet};
	const struct local_events events = {
		.failed = agent_on_visitor_failed, .report = agent_report, .report_ctx = a};

	a->local = local_new(a->loop, &conf, &events);
}

static void agent_on_stop_poll(struct timeout *timeout);

struct agent *agent_new(
	struct loop *loop, const struct agent_conf *conf, report_fn report, void *ctx)
{
	struct agent *a = MEM_NEW(struct agent);

	CHECK(conf->connections >= 1 && conf->connections <= REGISTRATION_LANES_MAX);
	a->loop = loop;
	a->conf = conf;
	a->report = report;
	a->ctx = ctx;
	a->retry_queue = timeout_queue_new(loop, AGENT_RETRY_MS);
	a->stop_queue = timeout_queue_new(loop, AGENT_STOP_POLL_MS);
	timeout_init(&a->retry, agent_on_retry);
	timeout_init(&a->stop_poll, agent_on_stop_poll);
	loop_task_init(&a->begin, agent_on_begin);
	loop_task_init(&a->apply, agent_on_apply);
	registrations_init(&a->registrations, conf->connections, agent_random, NULL);
	framing_init(&a->framing, conf->websocket_only);
	agent_new_env(a);
	agent_new_local(a);
	for (unsigned i = 0; i < conf->connections; i++)
		a->links[i] = agent_link_new(&a->env, &agent_link_events, a, i);
	a->netwatch = netwatch_new(loop, agent_on_network, a);
	a->sleepwatch = sleepwatch_new(loop, NULL, agent_on_awake, a);
	loop_defer(loop, &a->begin);
	return a;
}

void agent_set_tunnels(struct agent *a, const struct tunnel_spec *specs, size_t count)
{
	if (a->is_stopping)
		return;
	agent_drop_next(a);
	a->next = mem_zero(count ? count * sizeof(*specs) : 1);
	for (size_t i = 0; i < count; i++)
		tunnel_spec_copy(&a->next[i], &specs[i]);
	a->next_count = count;
	loop_defer(a->loop, &a->apply);
}

static bool agent_is_quiet(const struct agent *a)
{
	bool has_answer =
		list_is_empty(&a->registrations.leaving) || loop_now(a->loop) >= a->stop_answer_at;

	for (unsigned i = 0; i < a->conf->connections; i++) {
		if (agent_link_is_over(a->links[i]))
			continue;
		if (!has_answer || agent_link_visitors(a->links[i]))
			return false;
	}
	return local_count(a->local) == 0;
}

static void agent_on_stop_poll(struct timeout *timeout)
{
	struct agent *a = CONTAINER_OF(timeout, struct agent, stop_poll);

	if (!agent_is_quiet(a) && loop_now(a->loop) < a->stop_at) {
		timeout_arm(a->stop_queue, &a->stop_poll);
		return;
	}
	for (unsigned i = 0; i < a->conf->connections; i++)
		agent_link_stop(a->links[i]);
	a->done(a->done_ctx);
}

void agent_stop(struct agent *a, uint64_t timeout_ms, void (*done)(void *ctx), void *ctx)
{
	uint64_t now = loop_now(a->loop);

	if (a->is_stopping)
		return;
	a->is_stopping = true;
	a->stop_at = now + timeout_ms;
	a->stop_answer_at = now + AGENT_STOP_ANSWER_MS;
	a->done = done;
	a->done_ctx = ctx;
	loop_cancel(&a->begin);
	loop_cancel(&a->apply);
	registrations_clear(&a->registrations);
	agent_pump(a);
	for (unsigned i = 0; i < a->conf->connections; i++)
		agent_link_leave(a->links[i]);
	timeout_arm(a->stop_queue, &a->stop_poll);
}

void agent_free(struct agent **a_ptr)
{
	struct agent *a = *a_ptr;

	if (!a)
		return;
	*a_ptr = NULL;
	loop_cancel(&a->begin);
	loop_cancel(&a->apply);
	netwatch_free(&a->netwatch);
	sleepwatch_free(&a->sleepwatch);
	/* Visitors first: they may still have something to say on their sessions. */
	local_free(&a->local);
	for (unsigned i = 0; i < a->conf->connections; i++)
		agent_link_free(&a->links[i]);
	registrations_deinit(&a->registrations);
	agent_drop_next(a);
	relay_session_env_deinit(&a->env.session);
	timeout_queue_free(&a->retry_queue);
	timeout_queue_free(&a->stop_queue);
	loop_defer(a->loop, &a->grave);
}
