/*
 * Members and streams. A stream is opened for each visitor and ends with it; while no member has
 * a link, visitors wait. A tunnel that is closed lets its visitors finish: their streams belong to
 * the session.
 */
#include "relay/session_tunnel.h"

#include "base/check.h"
#include "base/mem.h"
#include "io/stream.h"
#include "proto/visitor_line.h"
#include "relay/agent_message.h"
#include "relay/agent_session_priv.h"
#include "relay/create.h"
#include "relay/worker.h"
#include "wire/session.h"

static const struct tunnel_ops session_tunnel_ops;

static struct session_tunnel *session_tunnel_of(const struct tunnel *t)
{
	return CONTAINER_OF(t, struct session_tunnel, tunnel);
}

static struct session_member *session_tunnel_member(const struct list *node)
{
	return CONTAINER_OF(node, struct session_member, in_tunnel);
}

/* Both kinds, HTTP and TCP, take their streams here. */
bool session_tunnel_is(const struct tunnel *t)
{
	return t->ops->take == session_tunnel_take;
}

/* ---- streams ---- */

/* The line in front of a visitor's bytes stays in the worker's scratch space until it is sent. */
static struct slice session_tunnel_line(
	struct worker *w, const struct session_member *m, const struct tunnel_taker *taker)
{
	const struct visitor_line line = {
		.tunnel = m->number,
		.visitor = taker->visitor,
		.public_address = taker->public_address,
		.scheme = taker->scheme,
		.request_id = taker->request_id,
		.visitor_port = taker->visitor_port,
		.public_port = taker->public_port,
	};

	buf_clear(&w->line);
	visitor_line_write(&w->line, &line);
	return buf_slice(&w->line);
}

/* At the end of the turn; its names are kept. */
static void session_tunnel_end_agent(struct agent_session *a, const char *why)
{
	if (a->leaving || a->why)
		return;
	a->why = why;
	a->keeps_names = true;
	loop_defer(a->worker->loop, &a->last);
}

/* Visitors that are sent before the agent could resume the session would be lost with the link. */
static bool session_tunnel_serves(const struct agent_session *a)
{
	return a->ready && session_has_link(a->session);
}

static struct upstream *session_tunnel_open(struct worker *w, struct session_member *m)
{
	struct agent_session *a = m->agent;
	struct session_upstream *su;
	struct stream *stream;

	if (!session_tunnel_serves(a) || a->upstream_count >= w->conf->max_streams)
		return NULL;
	stream = session_open(a->session);
	if (!stream) {
		/* After 2^31 visitors: its agent begins another session. */
		session_tunnel_end_agent(a, "its numbers for streams are used up");
		return NULL;
	}
	su = pool_take(&w->upstreams);
	su->up.stream = stream;
	su->up.one_shot = true;
	su->agent = a;
	su->worker = w;
	su->id = session_stream_id(stream);
	list_init(&su->node);
	list_append(&a->upstreams, &su->node);
	a->upstream_count++;
	if (a->failures_left / 2 < w->conf->max_streams)
		a->failures_left++;
	metrics_add(w->metrics, METRIC_STREAMS_OPEN, 1);
	return &su->up;
}

static struct upstream *session_tunnel_take_from(
	struct tunnel *t, const struct tunnel_taker *taker, bool in_doubt)
{
	struct session_tunnel *st = session_tunnel_of(t);

	LIST_EACH (node, &st->members) {
		struct session_member *m = session_tunnel_member(node);
		struct upstream *up = NULL;

		if (session_is_in_doubt(m->agent->session) == in_doubt)
			up = session_tunnel_open(t->worker, m);
		if (!up)
			continue;
		up->prefix = session_tunnel_line(t->worker, m, taker);
		list_remove(&m->in_tunnel);
		list_append(&st->members, &m->in_tunnel);
		return up;
	}
	return NULL;
}

struct upstream *session_tunnel_take(struct tunnel *t, const struct tunnel_taker *taker)
{
	struct upstream *up = session_tunnel_take_from(t, taker, false);

	return up ? up : session_tunnel_take_from(t, taker, true);
}

/* The session was full: visitors of any of its tunnels may wait. */
static void session_tunnel_serve_next(struct agent_session *a)
{
	LIST_EACH (node, &a->members) {
		struct session_member *m = CONTAINER_OF(node, struct session_member, in_agent);

		tunnel_serve_waiters(&m->tunnel->tunnel);
	}
}

void session_tunnel_put(struct upstream *up, bool reusable)
{
	struct session_upstream *su = CONTAINER_OF(up, struct session_upstream, up);
	struct agent_session *a = su->agent;
	struct worker *worker = su->worker;

	if (up->finished)
		stream_close(&up->stream);
	else
		stream_abort(&up->stream);
	metrics_sub(worker->metrics, METRIC_STREAMS_OPEN, 1);
	list_remove(&su->node);
	mem_free(up->failure.message);
	pool_put(&worker->upstreams, su);
	if (a && a->upstream_count-- >= worker->conf->max_streams)
		session_tunnel_serve_next(a);
}

void session_tunnel_tell(struct upstream *up, enum visitor_error error)
{
	const struct session_upstream *su = CONTAINER_OF(up, struct session_upstream, up);

	if (su->agent)
		agent_message_failed(su->agent, su->id, error);
}

bool session_tunnel_is_delivered(const struct upstream *up)
{
	return true;
}

/* Its visitors are looked through for each, so nobody says it more often than it had visitors. */
void session_tunnel_failed(
	struct agent_session *a, uint32_t stream, enum visitor_error error, const char *message)
{
	if (!a->failures_left)
		return;
	a->failures_left--;
	LIST_EACH (node, &a->upstreams) {
		struct session_upstream *su = CONTAINER_OF(node, struct session_upstream, node);

		if (su->id != stream)
			continue;
		mem_free(su->up.failure.message);
		su->up.failure.error = error;
		su->up.failure.message = mem_dup_str(message, strlen(message));
		return;
	}
}

void session_tunnel_forget_agent(struct agent_session *a)
{
	struct list *node;

	while ((node = list_pop(&a->upstreams)) != NULL)
		CONTAINER_OF(node, struct session_upstream, node)->agent = NULL;
	a->upstream_count = 0;
}

/* ---- members ---- */

unsigned session_tunnel_link_count(const struct tunnel *t)
{
	unsigned count = 0;

	LIST_EACH (node, &session_tunnel_of(t)->members)
		count += session_tunnel_serves(session_tunnel_member(node)->agent);
	return count;
}

void session_tunnel_refresh(struct session_tunnel *st)
{
	struct tunnel *t = &st->tunnel;

	if (!session_tunnel_link_count(t)) {
		tunnel_set_offline(t);
		return;
	}
	tunnel_set_online(t);
	tunnel_serve_all_waiters(t);
}

struct session_member *session_tunnel_find(const struct agent_session *a, uint32_t number)
{
	LIST_EACH (node, &a->members) {
		struct session_member *m = CONTAINER_OF(node, struct session_member, in_agent);

		if (m->number == number)
			return m;
	}
	return NULL;
}

bool session_tunnel_is_served(const struct tunnel *t)
{
	return session_tunnel_is(t) && !list_is_empty(&session_tunnel_of(t)->members);
}

bool session_tunnel_is_shared(const struct tunnel *t)
{
	bool shared = session_tunnel_is(t);

	if (!shared)
		return false;
	LIST_EACH (node, &session_tunnel_of(t)->members)
		shared = shared && session_tunnel_member(node)->share;
	return shared;
}

void session_tunnel_join(struct session_tunnel *st, const struct session_tunnel_wish *wish)
{
	struct session_member *m = MEM_NEW(struct session_member);

	m->tunnel = st;
	m->agent = wish->agent;
	m->number = wish->number;
	m->share = wish->share;
	list_init(&m->in_tunnel);
	list_init(&m->in_agent);
	list_append(&st->members, &m->in_tunnel);
	list_append(&wish->agent->members, &m->in_agent);
	wish->agent->member_count++;
}

static void session_tunnel_drop(struct session_member **m_ptr)
{
	struct session_member *m = *m_ptr;

	*m_ptr = NULL;
	list_remove(&m->in_tunnel);
	list_remove(&m->in_agent);
	m->agent->member_count--;
	mem_free(m);
}

void session_tunnel_leave(struct session_member **m, bool keep)
{
	struct session_tunnel *st = (*m)->tunnel;

	session_tunnel_drop(m);
	if (list_is_empty(&st->members) && !keep)
		tunnel_close(&st->tunnel);
	else
		session_tunnel_refresh(st);
}

/* It is not theirs any more: the same owner has it elsewhere, unless the tunnel says why. A parked
 * session without tunnels need not wait. */
static void session_tunnel_supersede(struct session_tunnel *st)
{
	const struct tunnel *t = &st->tunnel;

	while (!list_is_empty(&st->members)) {
		struct session_member *m = session_tunnel_member(st->members.next);
		struct agent_session *a = m->agent;
		const struct agent_message_fault fault = {
			.tunnel = m->number,
			.code = t->close_code ? t->close_code : "superseded",
			.message = t->close_code ? t->close_message
						 : "Another client of the same owner has "
						   "taken this tunnel over.",
			.fatal = true,
		};

		session_tunnel_drop(&m);
		agent_message_error(a, &fault);
		if (!a->member_count)
			loop_defer(a->worker->loop, &a->lonely);
	}
}

void session_tunnel_close(struct tunnel *t)
{
	session_tunnel_supersede(session_tunnel_of(t));
}

/* Its next visitor of this tunnel, or NULL. */
static struct upstream *session_tunnel_upstream(
	const struct agent_session *a, const struct tunnel *t)
{
	LIST_EACH (node, &a->upstreams) {
		struct session_upstream *su = CONTAINER_OF(node, struct session_upstream, node);

		if (su->up.tunnel == t && su->up.revoked)
			return &su->up;
	}
	return NULL;
}

void session_tunnel_cut(struct session_member **m_ptr, const struct agent_message_fault *why)
{
	struct session_member *m = *m_ptr;
	struct agent_message_fault fault = *why;
	struct tunnel *t = &m->tunnel->tunnel;
	struct agent_session *a = m->agent;
	struct upstream *up;

	fault.tunnel = m->number;
	agent_message_error(a, &fault);
	tunnel_ref(t);
	session_tunnel_leave(m_ptr, false);
	while ((up = session_tunnel_upstream(a, t)) != NULL)
		up->revoked(up->holder);
	tunnel_unref(&t);
}

void session_tunnel_doubt(const struct tunnel *t)
{
	LIST_EACH (node, &session_tunnel_of(t)->members) {
		struct agent_session *a = session_tunnel_member(node)->agent;

		if (!session_is_in_doubt(a->session)) /* it has answered to whoever outlived it */
			a->outlived = false;
		session_probe(a->session);
	}
}

/* Not the same run of an agent, but of the same client: on the same machine, unless somebody has
 * given one token to several. */
static bool session_tunnel_outlives(const struct agent_session *a, const struct agent_session *past)
{
	return a->token && past->token && !strcmp(a->token, past->token) && a->process &&
		past->process && strcmp(a->process, past->process) != 0;
}

/* Nobody will come back for a session that its process has left behind. Visitors shall not wait
 * for that; one that has a link is asked whether there is anybody. */
static void session_tunnel_bury(struct session_tunnel *st, const struct agent_session *heir)
{
	LIST_EACH (node, &st->members) {
		struct agent_session *a = session_tunnel_member(node)->agent;

		if (!session_tunnel_outlives(heir, a))
			continue;
		a->outlived = true;
		if (session_has_link(a->session))
			session_probe(a->session);
		else
			session_tunnel_end_agent(a, AGENT_SESSION_OUTLIVED);
	}
}

void session_tunnel_take_over(struct session_tunnel *st, const struct session_tunnel_wish *wish)
{
	session_tunnel_bury(st, wish->agent);
	if (wish->share && session_tunnel_is_shared(&st->tunnel)) {
		session_tunnel_doubt(&st->tunnel);
	} else {
		metrics_add(st->tunnel.worker->metrics, METRIC_TUNNELS_TAKEN_OVER,
			!list_is_empty(&st->members));
		session_tunnel_supersede(st);
	}
	session_tunnel_join(st, wish);
}

/* ---- the kind for HTTP ---- */

static void session_tunnel_free(struct tunnel *t)
{
	CHECK(list_is_empty(&session_tunnel_of(t)->members));
	mem_free(session_tunnel_of(t));
}

static uint16_t session_tunnel_port(const struct tunnel *t)
{
	return 0;
}

static int session_tunnel_on_open(struct worker *w, const struct create_wish *wish,
	struct slice name, struct tunnel **tunnel_out)
{
	struct session_tunnel *st = MEM_NEW(struct session_tunnel);

	list_init(&st->members);
	tunnel_init(&st->tunnel, w, &session_tunnel_ops, name, wish->who);
	session_tunnel_join(st, wish->ctx);
	*tunnel_out = &st->tunnel;
	return 0;
}

static bool session_tunnel_is_http(const struct tunnel *t)
{
	return t->ops == &session_tunnel_ops;
}

static void session_tunnel_on_take_over(struct tunnel *t, const struct create_wish *wish)
{
	session_tunnel_take_over(session_tunnel_of(t), wish->ctx);
}

const struct create_kind *session_tunnel_kind(void)
{
	static const struct create_kind kind = {
		session_tunnel_on_open, session_tunnel_is_http, session_tunnel_on_take_over};

	return &kind;
}

static const struct tunnel_ops session_tunnel_ops = {
	.holds = true,
	.take = session_tunnel_take,
	.put = session_tunnel_put,
	.tell = session_tunnel_tell,
	.is_delivered = session_tunnel_is_delivered,
	.socket_count = session_tunnel_link_count,
	.close = session_tunnel_close,
	.free = session_tunnel_free,
	.port = session_tunnel_port,
};
