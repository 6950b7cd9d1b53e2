/*
 * Creation is cheap to refuse: the npm client repeats every request that was not answered with 200
 * once a second, for ever (D23).
 */
#include "relay/api_create.h"

#include "base/mem.h"
#include "io/loop.h"
#include "proto/http_head.h"
#include "proto/http_host.h"
#include "relay/api_answer.h"
#include "relay/api_body.h"
#include "relay/api_error.h"
#include "relay/api_json.h"
#include "relay/clerk.h"
#include "relay/create.h"
#include "relay/gate_hash.h"
#include "relay/identity.h"
#include "relay/lt_pool.h"
#include "relay/metrics.h"
#include "relay/peer_log.h"
#include "relay/public_url.h"
#include "relay/reply.h"
#include "relay/review.h"
#include "relay/tunnel.h"
#include "relay/visitor_error.h"
#include "relay/worker.h"

/* Once a minute per source: a refused client comes back every second. */
static void api_create_log_refusal(struct api_request *r, const char *why, unsigned status)
{
	struct worker *w = r->worker;
	struct slice client = identity_client_ip(r->head, r->peer, w->conf->trust_proxy);
	uint64_t suppressed;

	r->quiet = true;
	metrics_add(w->metrics, METRIC_CREATIONS_REFUSED, 1);
	if (!peer_log_refuses(w, client, "tunnel refused", &suppressed))
		return;
	log_warn(w->shared->log, "tunnel refused", LOG_STR("visitor", client),
		LOG_STR("reason", slice_from_str(why)), LOG_INT("suppressed", suppressed));
	if (status == 401)
		clerk_note_refusal(w, client, why);
}

/* Checks what is demanded of who asks; true when the request may go on. */
static bool api_create_authenticate(struct api_request *r, enum api_result *result_out)
{
	struct worker *w = r->worker;
	struct auth_request request = {
		.head = r->head,
		.target = r->target->path,
		.body = r->body,
		.is_signed = r->authenticated,
	};
	const struct api_error_info *info;
	struct auth_refusal refusal;
	struct buf body = {0};
	struct reply reply;

	if (auth_check(w, &request, &r->auth, &refusal)) {
		r->authenticated = request.is_signed;
		return true;
	}
	info = api_error_get(refusal.error);
	api_create_log_refusal(r, info->code, info->status);
	reply = api_answer_reply(r, refusal.busy ? 503 : info->status);
	if (refusal.busy) {
		reply.code = visitor_error_get(VISITOR_ERROR_OVERLOADED)->code;
		reply.retry_after_s = w->conf->retry_after_s;
	} else {
		reply.code = info->code;
		reply.www_authenticate = refusal.www_authenticate;
	}
	api_body_error(&body,
		refusal.busy ? SLICE("Service Unavailable") : SLICE(API_BODY_AUTH_FAILED),
		buf_slice(&refusal.sentence));
	buf_release(&refusal.sentence);
	*result_out = api_answer_json(r, &reply, &body);
	return false;
}

static enum api_result api_create_answer_tunnel(
	struct api_request *r, struct tunnel *t, unsigned status)
{
	struct reply reply = api_answer_reply(r, status);
	struct buf url = {0}, body = {0};
	struct api_body_tunnel tunnel = {
		.id = tunnel_name(t),
		.port = lt_pool_port(t),
		.max_conn_count = r->worker->conf->max_sockets,
		.is_protected = t->gate && t->gate->password,
	};

	public_url_write(&url, r->worker->conf, tunnel.id, r->host, r->worker->shared->public_port);
	tunnel.url = buf_slice(&url);
	api_body_tunnel(&body, &tunnel);
	buf_release(&url);
	return api_answer_json(r, &reply, &body);
}

/* How each refusal of a name is told; CREATE_OK and CREATE_MOVE are none. */
static const struct api_create_refusal {
	enum api_error error;
	const char *sentence; /* of those that are about the relay, not the name */
} api_create_refusals[] = {
	[CREATE_INVALID] = {API_ERROR_INVALID_NAME, NULL},
	[CREATE_KEPT] = {API_ERROR_NAME_RESERVED, NULL},
	[CREATE_RESERVED] = {API_ERROR_NAME_RESERVED, NULL},
	[CREATE_IN_USE] = {API_ERROR_NAME_IN_USE, NULL},
	[CREATE_NO_PORT] = {API_ERROR_NO_FREE_PORT,
		"No TCP port, or no descriptor, is left for another tunnel."},
	[CREATE_FULL] = {API_ERROR_TOO_MANY_TUNNELS, "The relay has as many tunnels as it may."},
	[CREATE_OTHER_PROTO] = {API_ERROR_PROTO_NOT_ALLOWED,
		"The key is not for tunnels of this kind."},
	[CREATE_OTHER_NAME] = {API_ERROR_NAME_NOT_ALLOWED,
		"The key is for other names, or none of its names is free."},
	[CREATE_TOO_MANY] = {API_ERROR_TUNNEL_LIMIT_REACHED,
		"There are as many tunnels online as the plan allows."},
	[CREATE_TOO_MANY_PASSWORDS] = {API_ERROR_PASSWORD_LIMIT_REACHED,
		"There are as many tunnels with a password as the plan allows."},
};

static enum api_result api_create_refuse_name(
	struct api_request *r, struct slice name, enum create_result why, unsigned seconds)
{
	const struct api_create_refusal *refusal = &api_create_refusals[why];
	const struct api_error_info *info = api_error_get(refusal->error);
	struct reply reply = api_answer_reply(r, info->status);
	struct buf body = {0};

	reply.code = info->code;
	api_create_log_refusal(r, info->code, info->status);
	if (refusal->sentence) {
		reply.retry_after_s = info->status == 503 ? r->worker->conf->retry_after_s : 0;
		api_body_error(&body,
			info->status == 503 ? SLICE("Service Unavailable") : SLICE("Forbidden"),
			slice_from_str(refusal->sentence));
	} else if (why == CREATE_KEPT) {
		api_body_kept(&body, name);
	} else if (why == CREATE_RESERVED) {
		api_body_reserved(&body, name, seconds);
	} else if (why == CREATE_IN_USE) {
		api_body_in_use(&body, name);
	} else {
		api_body_message(&body, SLICE(API_BODY_INVALID_NAME));
	}
	return api_answer_json(r, &reply, &body);
}

/* Without a body (NULL) what stands before the tunnel stays. */
static struct create_wish api_create_wish(
	const struct api_request *r, struct slice name, const struct api_json_tunnel *wanted)
{
	const struct worker *w = r->worker;
	bool trust = w->conf->trust_proxy, bad_token = false;
	struct identity who = identity_of_request(r->head, r->peer, trust, &bad_token);
	struct create_wish wish = {
		.kind = lt_pool_kind(),
		.name = r->nameless ? (struct slice) {NULL, 0} : name,
		.who = auth_identity(&r->auth, who),
		.grant = r->auth.keyed ? &r->auth.grant : NULL,
		.client = identity_client_ip(r->head, r->peer, trust),
		.source = identity_near_ip(r->head, r->peer, trust),
		.keeps_gate = !wanted || !wanted->sets_gate,
	};

	if (wanted)
		wish.gate = api_json_gate(wanted);
	wish.gate.password_hash = *r->hash ? gate_hash_text(*r->hash) : NULL;
	if (bad_token)
		log_debug(w->shared->log, "malformed client token ignored",
			LOG_STR("visitor", wish.client));
	return wish;
}

/*
 * On to where the name lives. If that is another one than was asked for, one that the key had
 * before, the one that was is refused already; asking for it again there would lead back here.
 */
static enum api_result api_create_move(struct api_request *r, struct slice name,
	const struct create_outcome *out, unsigned *home_out)
{
	r->nameless = r->nameless || !slice_eq(slice_of(out->name, out->name_len), name);
	*home_out = out->home;
	return API_MOVE;
}

/* S34: an empty name asks for a random one. */
static enum api_result api_create_named(struct api_request *r, struct slice name,
	const struct api_json_tunnel *wanted, unsigned *home_out)
{
	struct worker *w = r->worker;
	struct create_wish wish = api_create_wish(r, name, wanted);
	struct create_outcome out = {0};
	enum create_result result;

	result = create_tunnel(w, &wish, &out);
	if (result == CREATE_OK && wish.grant)
		review_expect(w, wish.grant->expires_ms);
	if (result == CREATE_OK)
		return api_create_answer_tunnel(r, out.tunnel, wanted ? 201 : 200);
	return result == CREATE_MOVE ? api_create_move(r, name, &out, home_out)
				     : api_create_refuse_name(r, name, result, out.seconds);
}

enum api_result api_create_by_path(struct api_request *r, struct slice segment, unsigned *home_out)
{
	enum api_result result;
	char name[NAME_MAX_LEN + 1];
	size_t len;

	if (!api_answer_is_get(r))
		return api_answer_wrong_method(r, API_GET_METHODS);
	if (!api_create_authenticate(r, &result))
		return result;
	if (http_percent_decode(segment, name, NAME_MAX_LEN, &len) != 0 || !len)
		return api_create_refuse_name(r, segment, CREATE_INVALID, 0);
	return api_create_named(r, slice_of(name, len), NULL, home_out);
}

static enum api_result api_create_overloaded(struct api_request *r)
{
	struct reply reply = api_answer_reply(r, 503);
	struct buf body = {0};

	reply.code = visitor_error_get(VISITOR_ERROR_OVERLOADED)->code;
	reply.retry_after_s = r->worker->conf->retry_after_s;
	api_body_error(&body, SLICE("Service Unavailable"),
		SLICE("The relay hashes as many passwords as it may at the moment."));
	return api_answer_json(r, &reply, &body);
}

/* Has the password hashed, on the worker where its tunnel will be, if there will be one. */
static enum api_result api_create_hash(
	struct api_request *r, const struct api_json_tunnel *wanted, unsigned *home_out)
{
	struct worker *w = r->worker;
	struct slice name = slice_of(wanted->subdomain, wanted->subdomain_len);
	struct create_wish tunnel = api_create_wish(r, name, wanted);
	struct gate_hash_wish wish = {
		.password = slice_of(wanted->password, wanted->password_len),
		.name = name,
		.who = tunnel.who,
		.done = r->again,
		.ctx = r->ctx,
	};
	struct create_outcome out = {0};
	enum create_result result = create_foresee(w, &tunnel, &out);

	if (result == CREATE_MOVE)
		return api_create_move(r, name, &out, home_out);
	if (result != CREATE_OK)
		return api_create_refuse_name(r, name, result, out.seconds);
	*r->hash = gate_hash_new(w, &wish);
	if (gate_hash_start(*r->hash) == 0)
		return API_WAIT;
	gate_hash_free(r->hash);
	return api_create_overloaded(r);
}

static enum api_result api_create_as_wanted(
	struct api_request *r, const struct api_json_tunnel *wanted, unsigned *home_out)
{
	if (wanted->has_subdomain && !wanted->subdomain_len)
		return api_create_refuse_name(r, (struct slice) {NULL, 0}, CREATE_INVALID, 0);
	if (wanted->password_len && !*r->hash)
		return api_create_hash(r, wanted, home_out);
	if (wanted->password_len && !gate_hash_text(*r->hash))
		return api_create_overloaded(r);
	return api_create_named(
		r, slice_of(wanted->subdomain, wanted->subdomain_len), wanted, home_out);
}

enum api_result api_create_by_post(struct api_request *r, unsigned *home_out)
{
	struct reply reply = api_answer_reply(r, 400);
	struct api_json_tunnel wanted = {0};
	struct buf sentence = {0}, body = {0};
	enum api_result result;

	if (!api_create_authenticate(r, &result))
		return result;
	if (api_json_read_tunnel(r->body, &wanted, &sentence) == 0) {
		result = api_create_as_wanted(r, &wanted, home_out);
	} else {
		reply.code = visitor_error_get(VISITOR_ERROR_BAD_REQUEST)->code;
		api_body_error(&body, SLICE("Bad Request"), buf_slice(&sentence));
		buf_release(&sentence);
		result = api_answer_json(r, &reply, &body);
	}
	mem_wipe(&wanted, sizeof(wanted));
	return result;
}

enum api_result api_create_any(struct api_request *r, unsigned *home_out)
{
	enum api_result result;

	if (!api_create_authenticate(r, &result))
		return result;
	return api_create_named(r, (struct slice) {NULL, 0}, NULL, home_out);
}
