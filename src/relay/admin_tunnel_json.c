/* One JSON object for each tunnel. A client's token is like a password, and is not told. */
#include "relay/admin_tunnel_json.h"

#include "base/num.h"
#include "relay/admin_json.h"
#include "relay/gate_rules.h"
#include "relay/lt_pool.h"
#include "relay/public_url.h"
#include "relay/session_tunnel.h"
#include "relay/tcp_tunnel.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"
#include "store/book.h"

static const char *admin_tunnel_kind(const struct tunnel *t)
{
	if (lt_pool_is(t))
		return "pool";
	return session_tunnel_is(t) ? "http" : "tcp";
}

uint64_t admin_tunnel_account(const struct tunnel *t)
{
	uint64_t id;

	if (t->owner_kind != IDENTITY_ACCOUNT || num_parse_u64(slice_from_str(t->owner), &id) != 0)
		return 0;
	return id;
}

bool admin_tunnel_is_seen(const struct tunnel *t, const struct admin_tunnel_view *view)
{
	return view->all || (view->account_id && admin_tunnel_account(t) == view->account_id);
}

static void admin_tunnel_write_owner(struct buf *out, const struct tunnel *t)
{
	uint64_t id = admin_tunnel_account(t);
	struct book *book = t->worker->shared->book;
	struct account a;

	if (id && book && book_find_account(book, id, &a))
		admin_json_put_text(out, "account", slice_from_str(a.name));
	else
		admin_json_put_null(out, "account");
	if (t->owner_kind == IDENTITY_IP)
		admin_json_put_text(out, "address", slice_from_str(t->owner));
	else
		admin_json_put_null(out, "address");
}

void admin_tunnel_write_url(
	struct buf *out, const struct tunnel *t, const struct admin_tunnel_view *view)
{
	const struct http_host *host = view->has_host ? &view->host : NULL;
	const struct worker *w = t->worker;

	if (lt_pool_is(t) || session_tunnel_is(t)) {
		public_url_write(out, w->conf, tunnel_name(t), host, w->shared->public_port);
	} else {
		buf_append_str(out, "tcp://");
		buf_append_slice(out, public_base_host(w->conf, host));
		buf_printf(out, ":%u", tcp_tunnel_port(t));
	}
}

static void admin_tunnel_put_url(
	struct buf *out, const struct tunnel *t, const struct admin_tunnel_view *view)
{
	struct buf url = {0};

	admin_tunnel_write_url(&url, t, view);
	admin_json_put_text(out, "url", buf_slice(&url));
	buf_release(&url);
}

static void admin_tunnel_put_list(struct buf *out, const char *name, const struct buf *words)
{
	struct slice left = buf_slice(words), word;

	admin_json_begin(out, name, '[');
	while (left.len && slice_split(&left, ' ', &word))
		admin_json_put_text(out, NULL, word);
	admin_json_end(out, ']');
}

static void admin_tunnel_put_gate(struct buf *out, const struct tunnel_gate *gate)
{
	struct buf allow = {0}, deny = {0};

	admin_json_put_bool(out, "protected", gate && gate->password);
	if (gate && gate->rules) {
		gate_rules_print_allow(gate->rules, &allow);
		gate_rules_print_deny(gate->rules, &deny);
	}
	admin_tunnel_put_list(out, "allow", &allow);
	admin_tunnel_put_list(out, "deny", &deny);
	if (gate && gate->webhook)
		admin_json_put_text(
			out, "verify", slice_from_str(webhook_scheme_name(gate->webhook->scheme)));
	else
		admin_json_put_null(out, "verify");
	buf_release(&allow);
	buf_release(&deny);
}

void admin_tunnel_write(
	struct buf *out, const struct tunnel *t, const struct admin_tunnel_view *view)
{
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "name", tunnel_name(t));
	admin_json_put_text(out, "kind", slice_from_str(admin_tunnel_kind(t)));
	admin_tunnel_put_url(out, t, view);
	admin_json_put_bool(out, "online", t->state == TUNNEL_ONLINE);
	admin_tunnel_put_gate(out, t->gate);
	admin_tunnel_write_owner(out, t);
	admin_json_put_number(out, "connections", t->ops->socket_count(t));
	admin_json_put_number(out, "waiting", t->waiter_count);
	admin_json_put_time(out, "created_at", t->created_ms);
	admin_json_end(out, '}');
}
