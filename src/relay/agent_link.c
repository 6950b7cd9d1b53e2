/*
 * Everything about a link is looked at before the answer: signature, version, then the session
 * that it continues. Who has no session, or no proof, learns nothing else.
 */
#include "relay/agent_link.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"
#include "proto/http1_write.h"
#include "proto/http_head.h"
#include "relay/agent_control.h"
#include "relay/agent_resume.h"
#include "relay/agent_session_priv.h"
#include "relay/api_body.h"
#include "relay/api_error.h"
#include "relay/auth.h"
#include "relay/clerk.h"
#include "relay/directory.h"
#include "relay/identity.h"
#include "relay/peer_log.h"
#include "relay/reply.h"
#include "relay/review.h"
#include "relay/visitor_error.h"
#include "relay/worker.h"
#include "wire/session.h"
#include "wire/ws_stream.h"

/* ---- the session's events ---- */

static void agent_link_on_opened(void *ctx, struct stream *stream)
{
	agent_control_open(ctx, &stream);
}

static void agent_link_on_lost(void *ctx, int err)
{
	agent_session_lost(ctx, err);
}

static void agent_link_on_broken(void *ctx)
{
	struct agent_session *a = ctx;

	agent_session_end(a, session_fault_text(session_fault(a->session)), false);
}

/* An agent that ends in order: what runs may finish, and its names are free. */
static void agent_link_on_go_away(void *ctx)
{
	agent_session_leave(ctx);
}

static const struct session_events agent_link_session_events = {
	.opened = agent_link_on_opened,
	.lost = agent_link_on_lost,
	.broken = agent_link_on_broken,
	.go_away = agent_link_on_go_away,
};

/* ---- refusals ---- */

static void agent_link_log_refusal(struct agent_link_request *r, struct slice client)
{
	struct worker *w = r->worker;
	uint64_t suppressed;

	if (!peer_log_refuses(w, client, "agent refused", &suppressed))
		return;
	log_warn(w->shared->log, "agent refused", LOG_STR("client", client),
		LOG_STR("reason", slice_from_str(r->error)), LOG_INT("suppressed", suppressed));
	if (r->status == 401)
		clerk_note_refusal(w, client, r->error);
}

static enum agent_link_result agent_link_refuse_as(
	struct agent_link_request *r, unsigned status, const char *code, const char *sentence)
{
	struct worker *w = r->worker;
	struct buf body = {0};
	struct reply reply = {
		.status = status,
		.code = code,
		.retry_after_s = status == 503 ? w->conf->retry_after_s : 0,
		.upgrade = status == 426 ? "adit" : NULL, /* RFC 9110, 15.5.22 */
		.www_authenticate = status == 401 ? r->www_authenticate : NULL,
		.close = true,
	};

	r->status = status;
	r->error = code;
	agent_link_log_refusal(r, identity_client_ip(r->head, r->peer, w->conf->trust_proxy));
	api_body_error(&body, slice_from_str(code), slice_from_str(sentence));
	reply.body = buf_slice(&body);
	buf_clear(&w->answer);
	reply_write_json(&w->answer, &reply);
	buf_release(&body);
	return AGENT_LINK_REFUSED;
}

static enum agent_link_result agent_link_refuse(
	struct agent_link_request *r, enum api_error error, const char *sentence)
{
	const struct api_error_info *info = api_error_get(error);

	return agent_link_refuse_as(r, info->status, info->code, sentence);
}

static enum agent_link_result agent_link_refuse_auth(
	struct agent_link_request *r, struct auth_refusal *refusal)
{
	const struct api_error_info *info = api_error_get(refusal->error);
	enum agent_link_result result;

	buf_append_char(&refusal->sentence, '\0');
	r->www_authenticate = refusal->www_authenticate;
	if (refusal->busy)
		result = agent_link_refuse_as(r, 503,
			visitor_error_get(VISITOR_ERROR_OVERLOADED)->code, refusal->sentence.base);
	else
		result = agent_link_refuse_as(r, info->status, info->code, refusal->sentence.base);
	buf_release(&refusal->sentence);
	return result;
}

/* Checks what is demanded of who asks for a link; false when it was refused. */
static bool agent_link_authenticate(
	struct agent_link_request *r, struct auth *auth, enum agent_link_result *result_out)
{
	struct auth_request request = {
		.head = r->head, .target = r->head->target, .is_signed = r->authenticated};
	struct auth_refusal refusal;
	bool may = auth_check(r->worker, &request, auth, &refusal);

	r->authenticated = request.is_signed;
	if (!may)
		*result_out = agent_link_refuse_auth(r, &refusal);
	return may;
}

/* ---- links ---- */

/* Sends the 101, and gives the session what it calls its link. */
static struct stream *agent_link_answer(struct agent_link_request *r, struct slice fields)
{
	struct worker *w = r->worker;
	struct stream *link;
	struct slice part;

	buf_clear(&w->out);
	upgrade_write_answer(&w->out, r->kind, r->head, fields);
	part = buf_slice(&w->out);
	stream_write(*r->stream, &part, 1);
	if (r->kind == UPGRADE_PLAIN) {
		link = *r->stream;
		*r->stream = NULL;
		return link;
	}
	link = ws_stream_new(w->loop, r->stream, WS_SERVER);
	ws_stream_feed(link, r->received);
	r->received = (struct slice) {NULL, 0};
	return link;
}

static enum agent_link_result agent_link_begin(
	struct agent_link_request *r, const struct auth *auth, struct slice fields)
{
	struct worker *w = r->worker;
	const struct agent_session_setup setup = {
		.client = identity_client_ip(r->head, r->peer, w->conf->trust_proxy),
		.source = identity_near_ip(r->head, r->peer, w->conf->trust_proxy),
		.host = r->host,
		.events = &agent_link_session_events,
		.auth = auth,
	};
	struct agent_session *a;
	struct stream *link;

	if (atomic_load(&w->shared->draining))
		return agent_link_refuse(r, API_ERROR_DRAINING, "The relay is about to stop.");
	if (atomic_load(&w->shared->sessions) >= w->conf->max_sessions)
		return agent_link_refuse_as(r, 503,
			visitor_error_get(VISITOR_ERROR_OVERLOADED)->code,
			"The relay has as many sessions as it may.");
	a = agent_session_new(w, &setup);
	if (auth->keyed)
		review_expect(w, auth->grant.expires_ms);
	link = agent_link_answer(r, fields);
	session_start(a->session, &link, r->received);
	return AGENT_LINK_TAKEN;
}

/* A key that nobody has: an unknown session takes as long to refuse as a known one. */
static const uint8_t *agent_link_secret(const struct agent_session *a)
{
	static const uint8_t nobody[AGENT_SESSION_SECRET_LEN];

	return a ? a->secret : nobody;
}

/* A session goes on with a good key of the account that it began with; its own was checked when
 * it was used, and again at every change since. */
static bool agent_link_is_same_account(const struct agent_session *a, const struct auth *auth)
{
	if (a->worker->conf->auth == RELAY_AUTH_OFF)
		return true;
	return a->grant ? auth->keyed && auth->grant.account_id == a->grant->account_id
			: !auth->keyed;
}

static bool agent_link_may_resume(const struct agent_session *a, const struct agent_resume *resume)
{
	bool proven = agent_resume_is_proven(resume, agent_link_secret(a));

	return a && proven && a->resume && !a->why && resume->epoch > a->epoch &&
		session_can_resume(a->session, resume->received);
}

static void agent_link_take_over(
	struct agent_link_request *r, struct agent_session *a, const struct agent_resume *resume)
{
	uint64_t received = session_received(a->session);
	char proof[RESUME_PROOF_TEXT_LEN + 1];
	struct buf fields = {0};
	struct stream *link;

	agent_resume_prove(resume, received, agent_link_secret(a), proof);
	http1_write_field_u64(&fields, SLICE("Adit-Received"), received);
	http1_write_field(&fields, SLICE("Adit-Proof"), slice_from_str(proof));
	link = agent_link_answer(r, buf_slice(&fields));
	buf_release(&fields);
	a->epoch = resume->epoch;
	CHECK(session_resume(a->session, &link, r->received, resume->received) == 0);
	agent_session_resumed(a);
}

static enum agent_link_result agent_link_resume(
	struct agent_link_request *r, const struct agent_resume *resume, const struct auth *auth)
{
	struct agent_session *a = agent_session_find(r->worker, resume->session);

	if (agent_link_may_resume(a, resume) &&
		agent_link_is_same_account(a, auth)) { /* on ERR_SYNTAX there is no proof */
		agent_link_take_over(r, a, resume);
		return AGENT_LINK_TAKEN;
	}
	if (resume->or_afresh)
		return agent_link_begin(r, auth, SLICE("Adit-Afresh: 1\r\n"));
	return agent_link_refuse(r, API_ERROR_SESSION_GONE, "There is no such session any more.");
}

enum agent_link_result agent_link_accept(struct agent_link_request *r, unsigned *home_out)
{
	struct slice near = http_head_value(r->head, HTTP_FIELD_ADIT_BESIDE);
	struct slice tunnel = http_head_value(r->head, HTTP_FIELD_ADIT_TUNNEL);
	bool has_home;
	enum agent_link_result result;
	struct agent_resume resume;
	struct auth auth;
	int err = agent_resume_read(r->head, &resume);

	if (r->elsewhere)
		return agent_link_refuse(r, API_ERROR_AGENTS_ELSEWHERE,
			"This relay takes agents at its admin port only (--admin-port).");
	if (!agent_link_authenticate(r, &auth, &result))
		return result;
	if (!slice_eq(http_head_value(r->head, HTTP_FIELD_ADIT_VERSION), SLICE("1")))
		return agent_link_refuse_as(r, 426,
			visitor_error_get(VISITOR_ERROR_VERSION_NOT_SUPPORTED)->code,
			"This relay speaks version 1 of the session protocol.");
	if (err != ERR_NOT_FOUND)
		near = resume.session;
	has_home = agent_session_home(r->worker, near, home_out) ||
		directory_find(r->worker->shared->directory, tunnel, home_out);
	if (has_home && *home_out != r->worker->index)
		return AGENT_LINK_MOVE;
	return err == ERR_NOT_FOUND ? agent_link_begin(r, &auth, (struct slice) {NULL, 0})
				    : agent_link_resume(r, &resume, &auth);
}
