/* The token is sealed on the tunnel's home, where it will be looked at as well. */
#include "relay/admin_share.h"

#include "relay/admin_ask.h"
#include "relay/admin_audit.h"
#include "relay/admin_json.h"
#include "relay/admin_tunnel_json.h"
#include "relay/directory.h"
#include "relay/gate_share.h"
#include "relay/public_url.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"
#include "store/db.h"
#include "store/ledger_audit.h"

#define ADMIN_SHARE_DEFAULT_S 86400u

struct admin_share_body {
	uint64_t expires_in;
	uint64_t views; /* 0: any number */
};

/* What the tunnel's worker is asked. */
struct admin_share_what {
	struct admin_tunnel_view view;
	uint64_t expires_s;
	unsigned views;
	char name[ADMIN_PARAM_MAX + 1];
};

static const struct admin_json_member admin_share_members[] = {
	{.name = "expires_in",
		.type = ADMIN_JSON_NUMBER,
		.offset = offsetof(struct admin_share_body, expires_in),
		.size = sizeof(uint64_t),
		.min = 1,
		.max = GATE_SHARE_LIFE_MAX_S},
	{.name = "views",
		.type = ADMIN_JSON_NUMBER,
		.offset = offsetof(struct admin_share_body, views),
		.size = sizeof(uint64_t),
		.max = GATE_SHARE_VIEWS_MAX},
};

/* On the worker: the URL, or a blank when there is no password to do without. */
static void admin_share_on_make(struct worker *w, const void *ctx, struct buf *out)
{
	const struct admin_share_what *what = ctx;
	struct tunnel *t = map_get(&w->tunnels, slice_from_str(what->name));

	if (!t || !admin_tunnel_is_seen(t, &what->view))
		return;
	if (!t->gate || !t->gate->password) {
		buf_append_char(out, ' ');
		return;
	}
	public_url_write(out, w->conf, tunnel_name(t),
		what->view.has_host ? &what->view.host : NULL, w->shared->public_port);
	buf_append_str(out, "/?" GATE_SHARE_PARAMETER "=");
	gate_share_make(t, what->expires_s, what->views, out);
}

static int admin_share_ask(
	struct admin_context *c, const struct admin_share_what *what, struct buf *url_out)
{
	struct admin_ask *ask;
	unsigned home;
	int err;

	if (!directory_find(c->shared->directory, slice_from_str(what->name), &home))
		return 0;
	ask = admin_ask_new(c->shared, admin_share_on_make, what, sizeof(*what));
	err = admin_ask_one(ask, home);
	if (!err)
		buf_append_slice(url_out, admin_ask_answer(ask, home));
	admin_ask_free(&ask);
	return err;
}

static void admin_share_note(
	struct admin_context *c, const struct admin_request *q, const struct admin_share_what *what)
{
	struct buf detail = {0};
	struct audit audit;

	admin_json_begin(&detail, NULL, '{');
	admin_json_put_time(&detail, "expires", what->expires_s * 1000);
	admin_json_put_number(&detail, "views", what->views);
	admin_json_end(&detail, '}');
	admin_audit_of(&audit, q, "tunnel.shared", q->param, &detail);
	if (ledger_audit_add(c->db, &audit) != 0)
		log_warn(c->shared->log, "audit row lost", LOG_STR("event", SLICE("tunnel.shared")),
			LOG_STR("reason", slice_from_str(db_error(c->db))));
	buf_release(&detail);
}

static void admin_share_answer(
	struct admin_reply *reply, const struct admin_share_what *what, struct slice url)
{
	admin_json_begin(&reply->body, NULL, '{');
	admin_json_put_text(&reply->body, "url", url);
	admin_json_put_time(&reply->body, "expires", what->expires_s * 1000);
	admin_json_put_number(&reply->body, "views", what->views);
	admin_json_end(&reply->body, '}');
	admin_answer(reply, 201);
}

void admin_share_make(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {admin_share_members, ARRAY_LEN(admin_share_members)};
	struct admin_share_body body = {.expires_in = ADMIN_SHARE_DEFAULT_S};
	struct admin_share_what what = {
		.view = {.account_id = q->who.grant.account_id, .all = q->who.admin}};
	struct buf sentence = {0}, url = {0};
	uint32_t given;

	what.view.has_host = q->host.len && http_host_parse(q->host, &what.view.host) == 0;
	slice_to_str(slice_from_str(q->param), what.name, sizeof(what.name));
	if (admin_json_read(q->body, &shape, &body, &given, &sentence) != 0) {
		admin_refuse(
			reply, API_ERROR_INVALID_REQUEST, "%.*s", SLICE_ARG(buf_slice(&sentence)));
		goto out;
	}
	what.expires_s = q->now_ms / 1000 + body.expires_in;
	what.views = (unsigned)body.views;
	if (!c->shared)
		admin_refuse(reply, API_ERROR_RELAY_NOT_RUNNING,
			"No relay runs on this store, so that no tunnel is open.");
	else if (admin_share_ask(c, &what, &url) != 0)
		admin_refuse(reply, API_ERROR_NOT_NOW, "The relay is too busy; try again soon.");
	else if (!buf_len(&url))
		admin_refuse(reply, API_ERROR_NOT_FOUND, "No tunnel of yours is open as \"%.64s\".",
			q->param);
	else if (buf_len(&url) == 1)
		admin_refuse(reply, API_ERROR_NO_PASSWORD,
			"The tunnel has no password, so its address opens it as it is.");
	else
		admin_share_note(c, q, &what);
	if (!reply->code)
		admin_share_answer(reply, &what, buf_slice(&url));
out:
	buf_release(&sentence);
	buf_release(&url);
}
