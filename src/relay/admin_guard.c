/* A gate is never changed: another one is made, of what was said and of what stood there. */
#include "relay/admin_guard.h"

#include "base/mem.h"
#include "crypto/password.h"
#include "relay/admin_json.h"
#include "relay/admin_tunnels.h"
#include "relay/auth.h"
#include "relay/gate_password.h"
#include "relay/gate_rules.h"
#include "relay/holdings.h"
#include "relay/tcp_tunnel.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

#define ADMIN_GUARD_LIST_MAX 4096u /* of networks with blanks between them */
/* Answers of a worker that are no JSON. */
#define ADMIN_GUARD_LIMIT "limit"
#define ADMIN_GUARD_UNREADABLE "unreadable"

/* ---- changing ---- */

enum admin_guard_member { ADMIN_GUARD_PASSWORD, ADMIN_GUARD_ALLOW, ADMIN_GUARD_DENY };

struct admin_guard_body {
	char password[PASSWORD_MAX + 1];
	char allow[ADMIN_GUARD_LIST_MAX];
	char deny[ADMIN_GUARD_LIST_MAX];
};

static const struct admin_json_member admin_guard_members[] = {
	[ADMIN_GUARD_PASSWORD] = {"password", ADMIN_JSON_TEXT,
		ADMIN_JSON_NULLABLE | ADMIN_JSON_SECRET,
		offsetof(struct admin_guard_body, password), PASSWORD_MAX + 1, PASSWORD_MIN,
		PASSWORD_MAX},
	[ADMIN_GUARD_ALLOW] = {"allow", ADMIN_JSON_WORDS, ADMIN_JSON_NULLABLE,
		offsetof(struct admin_guard_body, allow), ADMIN_GUARD_LIST_MAX, 1, 64},
	[ADMIN_GUARD_DENY] = {"deny", ADMIN_JSON_WORDS, ADMIN_JSON_NULLABLE,
		offsetof(struct admin_guard_body, deny), ADMIN_GUARD_LIST_MAX, 1, 64},
};

struct admin_guard_what {
	struct admin_tunnels_what what;
	uint32_t given; /* bits of enum admin_guard_member */
	char password_hash[PASSWORD_HASH_LEN + 1];
	char allow[ADMIN_GUARD_LIST_MAX];
	char deny[ADMIN_GUARD_LIST_MAX];
};

static bool admin_guard_has(const struct admin_guard_what *g, enum admin_guard_member m)
{
	return g->given >> m & 1;
}

/* Whether the owner's plan has room for one more tunnel with a password; takes it. */
static bool admin_guard_may_protect(struct worker *w, struct tunnel *t)
{
	struct book_grant grant = {0};
	bool keyed = *t->key_id != '\0';

	if (t->counts_password || !t->holder)
		return true;
	slice_to_str(slice_from_str(t->key_id), grant.key_id, sizeof(grant.key_id));
	keyed = keyed && auth_check_again(w, &grant) == AUTH_KEY_GOOD;
	t->counts_password = holdings_take(w->shared->holdings, slice_from_str(t->holder),
		HOLDING_PASSWORDS, auth_passwords_max(w, keyed ? &grant : NULL));
	return t->counts_password;
}

/* What belongs to a password goes on with it: links are good for the one that they were made with,
 * who has signed out stays out, and who has guessed has no more guesses. */
static void admin_guard_keep_password(struct tunnel_gate *to, struct tunnel_gate *from)
{
	gate_password_free(&to->password);
	to->password = from->password;
	to->shares = from->shares;
	from->password = NULL;
	from->shares = NULL;
}

/* What the gate of now says where nothing else was said. The buffers get the texts. */
static struct tunnel_gate_wish admin_guard_wish(const struct admin_guard_what *g,
	const struct tunnel_gate *gate, struct buf *allow, struct buf *deny)
{
	struct tunnel_gate_wish wish = {0};

	if (admin_guard_has(g, ADMIN_GUARD_PASSWORD))
		wish.password_hash = *g->password_hash ? g->password_hash : NULL;
	else if (gate && gate->password)
		wish.password_hash = gate_password_hash(gate->password).ptr;
	if (admin_guard_has(g, ADMIN_GUARD_ALLOW))
		buf_append_str(allow, g->allow);
	else if (gate && gate->rules)
		gate_rules_print_allow(gate->rules, allow);
	if (admin_guard_has(g, ADMIN_GUARD_DENY))
		buf_append_str(deny, g->deny);
	else if (gate && gate->rules)
		gate_rules_print_deny(gate->rules, deny);
	buf_append_char(allow, '\0');
	buf_append_char(deny, '\0');
	wish.allow = buf_slice(allow).ptr;
	wish.deny = buf_slice(deny).ptr;
	if (gate && gate->webhook) {
		wish.verify_scheme = webhook_scheme_name(gate->webhook->scheme);
		wish.verify_secret = gate->webhook->secret;
	}
	return wish;
}

static void admin_guard_on_change(struct worker *w, const void *ctx, struct buf *out)
{
	const struct admin_guard_what *g = ctx;
	struct tunnel *t = admin_tunnels_seen(w, &g->what);
	struct buf allow = {0}, deny = {0};
	struct tunnel_gate_wish wish;
	struct tunnel_gate *gate;

	if (!t)
		return;
	wish = admin_guard_wish(g, t->gate, &allow, &deny);
	if (wish.password_hash && tcp_tunnel_is(t)) {
		buf_append_str(out, ADMIN_GUARD_UNREADABLE);
	} else if (wish.password_hash && !admin_guard_may_protect(w, t)) {
		buf_append_str(out, ADMIN_GUARD_LIMIT);
	} else {
		gate = tunnel_gate_new(w, &wish);
		if (gate && t->gate && !admin_guard_has(g, ADMIN_GUARD_PASSWORD))
			admin_guard_keep_password(gate, t->gate);
		tunnel_put_gate(t, gate);
		admin_tunnel_write(out, t, &g->what.view);
	}
	buf_release(&allow);
	buf_release(&deny);
}

/* The hash of the password was made before; here it is only seen that all is right. */
static bool admin_guard_read(
	const struct admin_request *q, struct admin_guard_what *g, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {admin_guard_members, ARRAY_LEN(admin_guard_members)};
	struct admin_guard_body *body = MEM_NEW(struct admin_guard_body);
	const struct tunnel_gate_wish wish = {.allow = body->allow, .deny = body->deny};
	struct buf sentence = {0};
	bool good = admin_body_read(q, &shape, body, &g->given, reply);

	if (good && tunnel_gate_check(&wish, &sentence) != 0) {
		admin_refuse(
			reply, API_ERROR_INVALID_REQUEST, "%.*s", SLICE_ARG(buf_slice(&sentence)));
		good = false;
	}
	good = good && admin_has_hash(q, body->password, reply);
	if (good) {
		memcpy(g->allow, body->allow, sizeof(g->allow));
		memcpy(g->deny, body->deny, sizeof(g->deny));
		slice_to_str(slice_from_str(q->password_hash), g->password_hash,
			sizeof(g->password_hash));
	}
	mem_wipe(body, sizeof(*body));
	mem_free(body);
	buf_release(&sentence);
	return good;
}

static void admin_guard_detail(struct buf *out, const struct admin_guard_what *g)
{
	admin_json_begin(out, NULL, '{');
	if (admin_guard_has(g, ADMIN_GUARD_PASSWORD))
		admin_json_put_text(
			out, "password", *g->password_hash ? SLICE("set") : SLICE("removed"));
	if (admin_guard_has(g, ADMIN_GUARD_ALLOW))
		admin_json_put_text(out, "allow", slice_from_str(g->allow));
	if (admin_guard_has(g, ADMIN_GUARD_DENY))
		admin_json_put_text(out, "deny", slice_from_str(g->deny));
	admin_json_end(out, '}');
}

static void admin_guard_run(struct admin_context *c, const struct admin_request *q,
	struct admin_guard_what *g, struct admin_reply *reply)
{
	const struct admin_tunnels_question question = {
		admin_guard_on_change, &g->what, sizeof(*g)};
	struct buf detail = {0};

	if (!admin_tunnels_ask(c, q, &question, reply))
		return;
	if (slice_eq(buf_slice(&reply->body), SLICE(ADMIN_GUARD_LIMIT))) {
		admin_refuse(reply, API_ERROR_PASSWORD_LIMIT_REACHED,
			"The account has as many tunnels with a password as its plan allows.");
		return;
	}
	if (slice_eq(buf_slice(&reply->body), SLICE(ADMIN_GUARD_UNREADABLE))) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"A TCP tunnel cannot ask its visitors for a password.");
		return;
	}
	admin_guard_detail(&detail, g);
	admin_tunnels_note(c, q, "tunnel.changed", &detail);
	buf_release(&detail);
	admin_answer(reply, 200);
}

void admin_guard_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_guard_what *g = MEM_NEW(struct admin_guard_what);

	if (admin_guard_read(q, g, reply) && admin_tunnels_may(q, reply))
		admin_guard_run(c, q, g, reply);
	mem_wipe(g, sizeof(*g));
	mem_free(g);
}
