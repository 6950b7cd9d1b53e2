/*
 * A session knows its key, and so does a tunnel that no session serves. Those of a key that does
 * not hold any more are told so and end with their visitors; tunnels outside of a narrower scope
 * end alone.
 */
#include "relay/review.h"

#include "base/check.h"
#include "relay/agent_message.h"
#include "relay/agent_session_priv.h"
#include "relay/api_error.h"
#include "relay/auth.h"
#include "relay/holdings.h"
#include "relay/peer_log.h"
#include "relay/session_tunnel.h"
#include "relay/tcp_tunnel.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

void review_expect(struct worker *w, uint64_t expires_ms)
{
	if (!expires_ms)
		return;
	if (!w->expires_ms || expires_ms < w->expires_ms)
		w->expires_ms = expires_ms;
	if (!timeout_is_armed(&w->expiry))
		timeout_arm(w->timeouts[WORKER_EXPIRY], &w->expiry);
}

/* ---- what a key still allows ---- */

/* NULL: it may stay. */
static const struct agent_message_fault *review_fault(
	const struct tunnel *t, const struct book_grant *grant)
{
	static const struct agent_message_fault other_name = {
		.code = "name-not-allowed",
		.message = "The key is not for this name any more.",
		.fatal = true,
	};
	static const struct agent_message_fault other_proto = {
		.code = "proto-not-allowed",
		.message = "The key is not for tunnels of this kind any more.",
		.fatal = true,
	};
	static const struct agent_message_fault other_port = {
		.code = "port-not-allowed",
		.message = "The key is not for this port any more.",
		.fatal = true,
	};

	if (tcp_tunnel_is(t)) {
		if (!auth_may_tcp(grant))
			return &other_proto;
		return auth_may_port(grant, tcp_tunnel_port(t)) ? NULL : &other_port;
	}
	if (!auth_may_http(grant))
		return &other_proto;
	return auth_may_name(grant, tunnel_name(t)) ? NULL : &other_name;
}

static void review_members(struct agent_session *a)
{
	LIST_EACH_SAFE (node, &a->members) {
		struct session_member *m = CONTAINER_OF(node, struct session_member, in_agent);
		const struct agent_message_fault *fault =
			review_fault(&m->tunnel->tunnel, a->grant);

		if (fault)
			session_tunnel_cut(&m, fault);
	}
}

/* True when it ends, so that the walk begins anew. */
static bool review_session(struct worker *w, struct agent_session *a)
{
	enum auth_key key;

	if (!a->grant || a->why)
		return false;
	key = auth_check_again(w, a->grant);
	if (key != AUTH_KEY_GOOD) {
		agent_session_refuse(
			a, api_error_get(auth_key_error(key))->code, auth_key_sentence(key));
		return true;
	}
	review_expect(w, a->grant->expires_ms);
	review_members(a);
	return false;
}

static void review_sessions(struct worker *w)
{
	struct agent_session *a;
	size_t at = 0;

	while ((a = map_next(&w->agents, &at)) != NULL) {
		if (review_session(w, a))
			at = 0;
	}
}

/* ---- tunnels ---- */

/* That of a session is looked at with the session. */
static bool review_tunnel_may_stay(struct worker *w, const struct tunnel *t)
{
	struct book_grant grant;

	if (!t->key_id[0] || session_tunnel_is_served(t))
		return true;
	slice_to_str(slice_from_str(t->key_id), grant.key_id, sizeof(grant.key_id));
	if (auth_check_again(w, &grant) != AUTH_KEY_GOOD)
		return false;
	review_expect(w, grant.expires_ms);
	return !review_fault(t, &grant);
}

static bool review_is_surplus(struct worker *w, struct tunnel *t)
{
	struct book_grant grant;
	bool keyed = t->key_id[0];

	if (!t->counts || t->state != TUNNEL_ONLINE)
		return false;
	if (keyed) {
		slice_to_str(slice_from_str(t->key_id), grant.key_id, sizeof(grant.key_id));
		if (auth_check_again(w, &grant) != AUTH_KEY_GOOD)
			return false;
	}
	if (!holdings_put_surplus(w->shared->holdings, slice_from_str(t->holder), HOLDING_TUNNELS,
		    auth_tunnels_max(w, keyed ? &grant : NULL)))
		return false;
	t->counts = false;
	return true;
}

static void review_end_surplus(struct tunnel *t)
{
	peer_log(t->worker, slice_from_str(t->holder),
		"tunnel ended, there are more than the plan allows",
		LOG_STR("tunnel", tunnel_name(t)));
	tunnel_close_because(t, api_error_get(API_ERROR_TUNNEL_LIMIT_REACHED)->code,
		"There are more tunnels online than the plan allows.");
}

/* True when it ended, so that the walk begins anew. */
static bool review_tunnel(struct worker *w, struct tunnel *t)
{
	if (review_is_surplus(w, t)) {
		review_end_surplus(t);
		return true;
	}
	if (review_tunnel_may_stay(w, t)) {
		tunnel_settle(t); /* the account may have another plan */
		return false;
	}
	log_info(w->shared->log, "tunnel ended with its key", LOG_STR("tunnel", tunnel_name(t)));
	tunnel_close(t);
	return true;
}

static void review_tunnels(struct worker *w)
{
	struct tunnel *t;
	size_t at = 0;

	while ((t = map_next(&w->tunnels, &at)) != NULL) {
		tunnel_settle(t);
		if (review_tunnel(w, t))
			at = 0;
	}
}

/* ---- when ---- */

static void review_run(struct worker *w)
{
	w->expires_ms = 0;
	timeout_disarm(&w->expiry);
	review_sessions(w);
	review_tunnels(w);
}

static void review_on_asked(struct loop_task *task)
{
	struct worker *w = CONTAINER_OF(task, struct worker, review);

	/* Whoever asks from now on means what comes after this look. */
	atomic_store(&w->reviewing, false);
	if (!atomic_load(&w->shared->stopped))
		review_run(w);
}

static void review_on_time(struct timeout *timeout)
{
	struct worker *w = CONTAINER_OF(timeout, struct worker, expiry);

	if (!w->expires_ms)
		return;
	if (loop_wall_ms() >= w->expires_ms)
		review_run(w);
	else
		timeout_arm(w->timeouts[WORKER_EXPIRY], &w->expiry);
}

void review_init(struct worker *w)
{
	loop_task_init(&w->review, review_on_asked);
	timeout_init(&w->expiry, review_on_time);
}

void review_end(struct worker *w)
{
	timeout_disarm(&w->expiry);
}
