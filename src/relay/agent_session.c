/*
 * Parking and ending. While a session has no link, its tunnels are offline and visitors wait; the
 * grace period, and the memory that all parked sessions of a worker may hold, say for how long.
 */
#include "relay/agent_session.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/digest.h"
#include "crypto/rand.h"
#include "io/stream.h"
#include "relay/agent_message.h"
#include "relay/agent_register.h"
#include "relay/agent_session_priv.h"
#include "relay/auth.h"
#include "relay/peer_log.h"
#include "relay/refusals.h"
#include "relay/session_tunnel.h"
#include "relay/worker.h"
#include "wire/control.h"
#include "wire/session.h"

#define AGENT_SESSION_CONTROLS 4u /* streams that an agent may open; all but one are refused */
#define AGENT_SESSION_WINDOW_MAX (8u << 20)

/* Whose lines in the log it fills. */
static struct slice agent_session_source(const struct agent_session *a, char room[AUTH_HOLDER_MAX])
{
	return auth_holder(a->grant, slice_from_str(a->source), room);
}

static void agent_session_on_timeout(struct timeout *timeout)
{
	struct agent_session *a = CONTAINER_OF(timeout, struct agent_session, timeout);

	if (a->state == AGENT_PARKED) {
		metrics_add(a->worker->metrics, METRIC_SESSIONS_LOST, 1);
		agent_session_end(a, "its agent did not come back in time", false);
	} else {
		agent_session_end(a, "no hello came", false);
	}
}

static void agent_session_on_lonely(struct loop_task *task)
{
	struct agent_session *a = CONTAINER_OF(task, struct agent_session, lonely);

	if (a->state == AGENT_PARKED && !a->member_count)
		agent_session_end(a, "another session has its tunnels", false);
}

static void agent_session_on_last(struct loop_task *task)
{
	struct agent_session *a = CONTAINER_OF(task, struct agent_session, last);

	agent_session_end(a, a->why, a->keeps_names);
}

static void agent_session_on_grave(struct loop_task *task)
{
	struct agent_session *a = CONTAINER_OF(task, struct agent_session, grave);

	buf_release(&a->inbox);
	buf_release(&a->promised);
	mem_wipe(a->secret, sizeof(a->secret));
	mem_free(a->grant);
	mem_free(a->owner);
	mem_free(a->token);
	mem_free(a->process);
	mem_free(a->program);
	mem_free(a->client);
	mem_free(a->source);
	mem_free(a);
}

/* ---- memory ---- */

static void agent_session_measure(struct agent_session *a)
{
	struct worker *w = a->worker;
	size_t now = session_memory(a->session);

	metrics_add(w->metrics, METRIC_SESSION_MEMORY, now - a->memory);
	if (a->state == AGENT_PARKED)
		w->parked_memory += now - a->memory;
	a->memory = now;
}

/* The longest-parked sessions pay for the others. */
static void agent_session_bound_memory(struct worker *w)
{
	uint64_t max = w->conf->session_memory / w->shared->worker_count;

	while (w->parked_memory > max && !list_is_empty(&w->parked)) {
		metrics_add(w->metrics, METRIC_SESSIONS_LOST, 1);
		agent_session_end(CONTAINER_OF(w->parked.next, struct agent_session, parked),
			"sessions without a link hold too much memory (--session-memory)", false);
	}
}

/* Nothing is lost by it, but who has so many sessions should know why they are slow. */
static void agent_session_tell_full(struct worker *w)
{
	uint64_t suppressed;

	if (mux_tails_are_full(&w->shared->tails) &&
		refusals_due(w->shared->notices, SLICE("session buffers"), loop_now(w->loop),
			&suppressed))
		log_warn(w->shared->log, "session buffers are full, streams wait",
			LOG_STR("option", SLICE("--session-buffer-total")));
}

static void agent_session_on_watch(struct timeout *timeout)
{
	struct worker *w = CONTAINER_OF(timeout, struct worker, agent_watch);
	struct agent_session *a;
	size_t at = 0;

	while ((a = map_next(&w->agents, &at)) != NULL)
		agent_session_measure(a);
	agent_session_bound_memory(w);
	agent_session_tell_full(w);
	if (w->agents.count)
		timeout_arm(w->timeouts[WORKER_SESSION_WATCH], &w->agent_watch);
}

/* ---- beginning ---- */

static void agent_session_make_id(struct agent_session *a)
{
	uint8_t bytes[AGENT_SESSION_ID_LEN / 2];

	rand_bytes(bytes, sizeof(bytes));
	bytes[0] = (uint8_t)a->worker->index;
	digest_hex(bytes, sizeof(bytes), a->id);
	rand_bytes(a->secret, sizeof(a->secret));
}

bool agent_session_home(const struct worker *w, struct slice id, unsigned *home_out)
{
	uint8_t home;

	if (id.len != AGENT_SESSION_ID_LEN || !digest_unhex(slice_first(id, 2), &home, 1))
		return false;
	*home_out = home % w->shared->worker_count;
	return true;
}

struct agent_session *agent_session_find(const struct worker *w, struct slice id)
{
	return map_get(&w->agents, id);
}

static void agent_session_init_tasks(struct agent_session *a)
{
	timeout_init(&a->timeout, agent_session_on_timeout);
	timeout_init(&a->lines_due, NULL); /* until there is a control stream */
	loop_task_init(&a->lines_next, NULL);
	loop_task_init(&a->lonely, agent_session_on_lonely);
	loop_task_init(&a->last, agent_session_on_last);
	loop_task_init(&a->grave, agent_session_on_grave);
	list_init(&a->members);
	list_init(&a->upstreams);
	list_init(&a->parked);
}

static void agent_session_open_mux(struct agent_session *a, const struct session_events *events)
{
	struct worker *w = a->worker;
	const struct mux_conf conf = {
		.role = MUX_SERVER,
		.max_streams = AGENT_SESSION_CONTROLS,
		.window_max = AGENT_SESSION_WINDOW_MAX,
		.window_budget = w->conf->session_buffer,
		.tail_max = w->conf->session_buffer,
		.tails = &w->shared->tails,
	};
	const struct session_supplies supplies = {
		.streams = &w->streams,
		.heartbeat = w->timeouts[WORKER_HEARTBEAT],
		.silence = w->timeouts[WORKER_SILENCE],
		.probe = w->timeouts[WORKER_PROBE],
		.tick = w->timeouts[WORKER_SESSION_TICK],
	};

	a->session = session_new(w->loop, &conf, &supplies, events, a);
}

struct agent_session *agent_session_new(struct worker *w, const struct agent_session_setup *setup)
{
	struct agent_session *a = MEM_NEW(struct agent_session);

	a->worker = w;
	agent_session_make_id(a);
	agent_session_init_tasks(a);
	a->client = mem_dup_str(setup->client.ptr, setup->client.len);
	a->source = mem_dup_str(setup->source.ptr, setup->source.len);
	a->has_host = setup->host != NULL;
	if (setup->host)
		a->host = *setup->host;
	if (setup->auth->keyed)
		a->grant = mem_dup(&setup->auth->grant, sizeof(*a->grant));
	agent_session_open_mux(a, setup->events);
	if (!w->agents.count) {
		timeout_init(&w->agent_watch, agent_session_on_watch);
		timeout_arm(w->timeouts[WORKER_SESSION_WATCH], &w->agent_watch);
	}
	map_put(&w->agents, agent_session_name(a), a);
	atomic_fetch_add(&w->shared->sessions, 1);
	metrics_add(w->metrics, METRIC_SESSIONS_OPEN, 1);
	timeout_arm(w->timeouts[WORKER_HEAD_TIMEOUT], &a->timeout);
	return a;
}

void agent_session_greeted(struct agent_session *a)
{
	struct worker *w = a->worker;
	char room[AUTH_HOLDER_MAX];
	struct slice source = agent_session_source(a, room);

	a->state = AGENT_LINKED;
	timeout_disarm(&a->timeout);
	if (a->grant)
		peer_log(w, source, "session up", LOG_STR("session", agent_session_name(a)),
			LOG_STR("agent", slice_from_str(a->program)),
			LOG_STR("client", slice_from_str(a->client)),
			LOG_STR("account", slice_from_str(a->grant->account)),
			LOG_STR("key", slice_from_str(a->grant->key_id)));
	else
		peer_log(w, source, "session up", LOG_STR("session", agent_session_name(a)),
			LOG_STR("agent", slice_from_str(a->program)),
			LOG_STR("client", slice_from_str(a->client)));
}

/* ---- links ---- */

static void agent_session_refresh_tunnels(struct agent_session *a)
{
	LIST_EACH (node, &a->members)
		session_tunnel_refresh(CONTAINER_OF(node, struct session_member, in_agent)->tunnel);
}

static void agent_session_unpark(struct agent_session *a)
{
	if (!list_is_linked(&a->parked))
		return;
	list_remove(&a->parked);
	a->worker->parked_memory -= a->memory;
	metrics_sub(a->worker->metrics, METRIC_SESSIONS_PARKED, 1);
	timeout_disarm(&a->timeout);
}

static void agent_session_park(struct agent_session *a)
{
	struct worker *w = a->worker;

	a->state = AGENT_PARKED;
	a->lost_ms = loop_now(w->loop);
	list_append(&w->parked, &a->parked);
	w->parked_memory += a->memory;
	metrics_add(w->metrics, METRIC_SESSIONS_PARKED, 1);
	timeout_arm(w->timeouts[WORKER_GRACE], &a->timeout);
	agent_session_refresh_tunnels(a);
	agent_session_measure(a);
	agent_session_bound_memory(w);
}

void agent_session_lost(struct agent_session *a, int err)
{
	struct worker *w = a->worker;
	char room[AUTH_HOLDER_MAX];

	metrics_add(w->metrics, METRIC_LINKS_LOST, 1);
	if (a->state == AGENT_GREETING) {
		agent_session_end(a, "its link was lost before its hello", false);
		return;
	}
	if (a->leaving) {
		agent_session_end(a, "its agent is done", false);
		return;
	}
	peer_log(w, agent_session_source(a, room), "link lost",
		LOG_STR("session", agent_session_name(a)),
		LOG_STR("reason", slice_from_str(err_text(err))));
	if (!a->resume) {
		metrics_add(w->metrics, METRIC_SESSIONS_LOST, 1);
		agent_session_end(a, "its link was lost, and its agent cannot resume", true);
	} else if (atomic_load(&w->shared->draining)) {
		agent_session_end(a, "its link was lost while the relay drains", false);
	} else if (a->outlived && session_is_in_doubt(a->session)) {
		agent_session_end(a, AGENT_SESSION_OUTLIVED, true);
	} else {
		agent_session_park(a);
	}
}

void agent_session_ready(struct agent_session *a)
{
	if (a->ready)
		return;
	a->ready = true;
	agent_message_keep_promises(a);
	agent_session_refresh_tunnels(a);
}

void agent_session_resumed(struct agent_session *a)
{
	struct worker *w = a->worker;
	bool was_parked = a->state == AGENT_PARKED;
	char room[AUTH_HOLDER_MAX];

	agent_session_unpark(a);
	a->state = AGENT_LINKED;
	metrics_add(w->metrics, METRIC_SESSIONS_RESUMED, 1);
	peer_log(w, agent_session_source(a, room), "session resumed",
		LOG_STR("session", agent_session_name(a)),
		LOG_INT("after_ms", was_parked ? loop_now(w->loop) - a->lost_ms : 0));
	agent_session_refresh_tunnels(a);
}

/* ---- ending ---- */

static void agent_session_give_up_tunnels(struct agent_session *a, bool keep_names)
{
	while (!list_is_empty(&a->members)) {
		struct session_member *m =
			CONTAINER_OF(a->members.next, struct session_member, in_agent);

		session_tunnel_leave(&m, keep_names);
	}
}

void agent_session_leave(struct agent_session *a)
{
	a->leaving = true;
	agent_session_give_up_tunnels(a, false);
}

void agent_session_end(struct agent_session *a, const char *why, bool keep_names)
{
	struct worker *w = a->worker;
	char room[AUTH_HOLDER_MAX];

	if (a->state == AGENT_OVER)
		return;
	agent_session_unpark(a);
	peer_log(w, agent_session_source(a, room), "session ended",
		LOG_STR("session", agent_session_name(a)),
		LOG_STR("client", slice_from_str(a->client)),
		LOG_STR("reason", slice_from_str(why)));
	a->state = AGENT_OVER;
	timeout_disarm(&a->timeout);
	timeout_disarm(&a->lines_due);
	loop_cancel(&a->lines_next);
	loop_cancel(&a->lonely);
	loop_cancel(&a->last);
	map_remove(&w->agents, agent_session_name(a));
	agent_register_abandon(a);
	stream_abort(&a->control);
	session_drop_link(a->session);
	agent_session_give_up_tunnels(a, keep_names);
	session_tunnel_forget_agent(a);
	session_free(&a->session);
	metrics_sub(w->metrics, METRIC_SESSION_MEMORY, a->memory);
	metrics_sub(w->metrics, METRIC_SESSIONS_OPEN, 1);
	atomic_fetch_sub(&w->shared->sessions, 1);
	if (!w->agents.count)
		timeout_disarm(&w->agent_watch);
	loop_defer(w->loop, &a->grave);
}

void agent_session_end_after_words(struct agent_session *a, const char *why)
{
	if (a->state == AGENT_OVER || a->why)
		return;
	a->why = why;
	if (a->control)
		stream_read_stop(a->control);
	session_go_away(a->session);
	loop_defer(a->worker->loop, &a->last);
}

void agent_session_refuse(struct agent_session *a, const char *code, const char *sentence)
{
	const struct agent_message_fault fault = {.code = code, .message = sentence, .fatal = true};

	if (a->state == AGENT_OVER || a->why)
		return;
	agent_message_error(a, &fault);
	if (a->control && session_has_link(a->session))
		agent_session_end_after_words(a, sentence);
	else
		agent_session_end(a, sentence, false);
}

void agent_session_drain(struct worker *w)
{
	const struct control notice = {
		.type = CONTROL_NOTICE,
		.code = (char *)(uintptr_t) "draining",
		.message = (char *)(uintptr_t) "The relay is about to stop.",
	};
	struct agent_session *a;
	size_t at = 0;

	/* Nobody listens for another link of those that have none. */
	while (!list_is_empty(&w->parked))
		agent_session_end(CONTAINER_OF(w->parked.next, struct agent_session, parked),
			"it has no link while the relay drains", false);
	while ((a = map_next(&w->agents, &at)) != NULL) {
		agent_message_send(a, &notice);
		session_go_away(a->session);
	}
}

void agent_session_close_all(struct worker *w)
{
	struct agent_session *a;
	size_t at = 0;

	while ((a = map_next(&w->agents, &at)) != NULL) {
		agent_session_end(a, "the relay stops", false);
		at = 0;
	}
}
