/* Who asks is found out here; the rest is the same for the command line without a relay. */
#include "relay/admin_api.h"

#include "io/loop.h"
#include "proto/http_host.h"
#include "relay/admin_job.h"
#include "relay/admin_plan.h"
#include "relay/admin_route.h"
#include "relay/admin_service.h"
#include "relay/api_answer.h"
#include "relay/auth.h"
#include "relay/identity.h"
#include "relay/public_url.h"
#include "relay/reply.h"
#include "relay/worker.h"

static enum api_result admin_api_answer(struct api_request *r, struct admin_reply *answer)
{
	struct reply reply = api_answer_reply(r, 200);

	admin_job_fill(&reply, answer);
	reply_write_json(&r->worker->answer, &reply);
	buf_release(&answer->body);
	return api_answer_note(r, &reply);
}

/* Reads the key, if there is one. False: it is a bad one, and the reply says so. */
static bool admin_api_who(
	const struct api_request *r, struct admin_request *q, struct admin_reply *answer)
{
	enum auth_key key;

	if (r->is_operator) {
		q->who.is_operator = q->who.admin = true;
		return true;
	}
	key = auth_read_key(r->worker, r->head, q->now_ms, &q->who.grant);
	if (key == AUTH_KEY_GOOD)
		q->who.admin = q->who.grant.scope.admin;
	else if (key != AUTH_KEY_NONE)
		admin_refuse(answer, auth_key_error(key), "%s", auth_key_sentence(key));
	return key == AUTH_KEY_GOOD || key == AUTH_KEY_NONE;
}

static void admin_api_reserved(const struct relay_conf *conf, struct buf *out)
{
	for (char *const *name = conf->reserved_names; name && *name; name++) {
		buf_append_str(out, *name);
		buf_append_char(out, ' ');
	}
}

static enum api_result admin_api_route(
	struct api_request *r, struct admin_request *q, struct admin_reply *answer)
{
	struct relay_shared *shared = r->worker->shared;
	const struct admin_route *route;

	if (!admin_api_who(r, q, answer) || !(route = admin_route_find(q, answer)))
		return admin_api_answer(r, answer);
	if (route->flags & ADMIN_INLINE) {
		struct admin_context c = {.book = shared->book,
			.shared = shared,
			.plans = r->worker->conf->plans,
			.devices = shared->admin->devices};

		route->handle(&c, q, answer);
		return admin_api_answer(r, answer);
	}
	admin_plan_note(q, r->worker->conf->plans, shared->book);
	r->later = admin_job_start(r->worker, route, q, answer);
	return r->later ? API_LATER : admin_api_answer(r, answer);
}

enum api_result admin_api_handle(struct api_request *r, struct slice below)
{
	const struct relay_conf *conf = r->worker->conf;
	struct buf base_url = {0}, reserved = {0};
	struct admin_reply answer = {0};
	struct admin_request q = {
		.method = r->head->method_id,
		.path = below,
		.query = http_target_query(r->target->path),
		.body = r->body,
		.address = identity_near_ip(r->head, r->peer, conf->trust_proxy),
		.now_ms = loop_wall_ms(),
	};
	enum api_result result;

	if (!r->worker->shared->admin) {
		admin_refuse(&answer, API_ERROR_NO_ACCOUNTS,
			"This relay keeps no accounts (it runs without --state-dir).");
		return admin_api_answer(r, &answer);
	}
	if (r->host)
		q.host = http_host_slice(r->host);
	public_url_write_base(&base_url, conf, r->host, r->worker->shared->public_port);
	admin_api_reserved(conf, &reserved);
	q.base_url = buf_slice(&base_url);
	q.reserved = buf_slice(&reserved);
	result = admin_api_route(r, &q, &answer);
	buf_release(&base_url);
	buf_release(&reserved);
	return result;
}

enum api_result admin_api_refuse_size(struct api_request *r)
{
	struct admin_reply answer = {0};

	admin_refuse_size(&answer, API_TOO_LARGE);
	return admin_api_answer(r, &answer);
}
