/* The token is made on the worker where the tunnel lives, because it is bound to its password. */
#include "relay/admin_share.h"

#include "io/loop.h"
#include "relay/admin_ask.h"
#include "relay/admin_audit.h"
#include "relay/admin_json.h"
#include "relay/admin_tunnel_json.h"
#include "relay/auth.h"
#include "relay/directory.h"
#include "relay/gate_share.h"
#include "relay/public_url.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"
#include "store/db.h"
#include "store/ledger_audit.h"

#define ADMIN_SHARE_USUAL_S 86400u
#define ADMIN_SHARE_OPEN "-" /* a worker's answer: there is no password */

struct admin_share_body {
	uint64_t expires_in;
	uint64_t views;
};

/* What the worker is asked. */
struct admin_share_what {
	struct admin_tunnel_view view;
	struct admin_share_body body;
	char name[ADMIN_PARAM_MAX + 1];
};

static bool admin_share_read(
	const struct admin_request *q, struct admin_share_body *body, struct admin_reply *reply)
{
	static const struct admin_json_member members[] = {
		{"expires_in", ADMIN_JSON_NUMBER, 0, offsetof(struct admin_share_body, expires_in),
			sizeof(uint64_t), 1, GATE_SHARE_LIFE_MAX_S},
		{"views", ADMIN_JSON_NUMBER, 0, offsetof(struct admin_share_body, views),
			sizeof(uint64_t), 0, GATE_SHARE_VIEWS_MAX},
	};
	const struct admin_json_shape shape = {members, ARRAY_LEN(members)};

	return admin_body_read(q, &shape, body, NULL, reply);
}

static void admin_share_write(
	struct buf *out, struct tunnel *t, const struct admin_share_what *what)
{
	const struct worker *w = t->worker;
	uint64_t expires_s = loop_wall_ms() / 1000 + what->body.expires_in;
	struct buf url = {0};

	public_url_write(&url, w->conf, tunnel_name(t),
		what->view.has_host ? &what->view.host : NULL, w->shared->public_port);
	buf_append_str(&url, "/?" GATE_SHARE_PARAMETER "=");
	gate_share_make(t, expires_s, (unsigned)what->body.views, &url);
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "url", buf_slice(&url));
	admin_json_put_time(out, "expires_at", expires_s * 1000);
	if (what->body.views)
		admin_json_put_number(out, "views", what->body.views);
	else
		admin_json_put_null(out, "views");
	admin_json_end(out, '}');
	buf_release(&url);
}

static void admin_share_on_ask(struct worker *w, const void *ctx, struct buf *out)
{
	const struct admin_share_what *what = ctx;
	struct tunnel *t = map_get(&w->tunnels, slice_from_str(what->name));

	if (!t || !admin_tunnel_is_seen(t, &what->view))
		return;
	if (t->gate && t->gate->password)
		admin_share_write(out, t, what);
	else
		buf_append_str(out, ADMIN_SHARE_OPEN);
}

/* The worker's answer; empty when there is no such tunnel. False: refused already. */
static bool admin_share_ask(struct admin_context *c, const struct admin_share_what *what,
	struct buf *answer, struct admin_reply *reply)
{
	struct admin_ask *ask;
	unsigned home;
	int err;

	if (!directory_find(c->shared->directory, slice_from_str(what->name), &home))
		return true;
	ask = admin_ask_new(c->shared, admin_share_on_ask, what, sizeof(*what));
	err = admin_ask_one(ask, home);
	if (err)
		admin_refuse(reply, API_ERROR_NOT_NOW,
			"The relay is too busy to make a link; try again in a moment.");
	else
		buf_append_slice(answer, admin_ask_answer(ask, home));
	admin_ask_free(&ask);
	return !err;
}

static bool admin_share_may(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	if (!c->shared)
		admin_refuse(reply, API_ERROR_RELAY_NOT_RUNNING,
			"No relay runs on this store, so that no tunnel is open.");
	else if (!q->who.admin && !auth_may_name(&q->who.grant, slice_from_str(q->param)))
		admin_refuse(reply, API_ERROR_NAME_NOT_ALLOWED,
			"The key is for other names than \"%.63s\" (%s).", q->param,
			q->who.grant.scope.names);
	return !reply->code;
}

/* The link exists already; a row that cannot be written is told to the operator. */
static void admin_share_note(struct admin_context *c, const struct admin_request *q)
{
	struct audit audit;

	admin_audit_of(&audit, q, "tunnel.shared", q->param, NULL);
	if (ledger_audit_add(c->db, &audit) != 0)
		log_warn(c->shared->log, "audit row lost", LOG_STR("event", SLICE("tunnel.shared")),
			LOG_STR("reason", slice_from_str(db_error(c->db))));
}

void admin_share_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_share_what what = {
		.view = {.account_id = q->who.grant.account_id, .all = q->who.admin},
		.body = {.expires_in = ADMIN_SHARE_USUAL_S}};
	struct buf answer = {0};

	if (!admin_share_read(q, &what.body, reply) || !admin_share_may(c, q, reply))
		return;
	what.view.has_host = q->host.len && http_host_parse(q->host, &what.view.host) == 0;
	slice_to_str(slice_from_str(q->param), what.name, sizeof(what.name));
	if (!admin_share_ask(c, &what, &answer, reply)) {
		buf_release(&answer);
		return;
	}
	if (!buf_len(&answer)) {
		admin_refuse(reply, API_ERROR_NOT_FOUND, "No tunnel of yours is open as \"%.64s\".",
			q->param);
	} else if (slice_eq(buf_slice(&answer), SLICE(ADMIN_SHARE_OPEN))) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"\"%.64s\" has no password, so that nobody needs a link to it.", q->param);
	} else {
		buf_append_slice(&reply->body, buf_slice(&answer));
		admin_share_note(c, q);
		admin_answer(reply, 201);
	}
	buf_release(&answer);
}
