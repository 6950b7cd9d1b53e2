/* Puts the parts of a gate together. */
#include "relay/tunnel_gate.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "config/opt.h"
#include "crypto/ct.h"
#include "relay/gate_password.h"
#include "relay/gate_rules.h"
#include "relay/gate_share.h"

#define TUNNEL_GATE_SECRET_MAX 256u

const struct slice tunnel_gate_cookies[TUNNEL_GATE_COOKIES] = {
	{"__adit_session", 14},
	{"__Host-__adit_session", 21},
	{"__adit_csrf", 11},
	{"__Host-__adit_csrf", 18},
};

int tunnel_gate_check(const struct tunnel_gate_wish *wish, struct buf *why)
{
	struct slice secret = slice_from_str(wish->verify_secret);
	enum webhook_scheme scheme;
	struct gate_rules *rules;
	int err = gate_rules_new(wish->allow, wish->deny, &rules, why);

	gate_rules_free(&rules);
	if (err || !wish->verify_scheme)
		return err;
	if (!webhook_scheme_of(slice_from_str(wish->verify_scheme), &scheme)) {
		opt_quote(why, slice_from_str(wish->verify_scheme));
		buf_append_str(why, " is no scheme of signatures: stripe, github or slack.");
		return ERR_SYNTAX;
	}
	if (!secret.len || secret.len > TUNNEL_GATE_SECRET_MAX) {
		buf_printf(why, "The secret of the signatures has 1 to %u bytes.",
			TUNNEL_GATE_SECRET_MAX);
		return ERR_RANGE;
	}
	return 0;
}

static struct gate_rules *tunnel_gate_rules(const struct tunnel_gate_wish *wish)
{
	struct buf why = {0};
	struct gate_rules *rules;

	CHECK(gate_rules_new(wish->allow, wish->deny, &rules, &why) == 0);
	return rules;
}

static struct gate_webhook *tunnel_gate_webhook(const struct tunnel_gate_wish *wish)
{
	struct gate_webhook *webhook;

	if (!wish->verify_scheme)
		return NULL;
	webhook = MEM_NEW(struct gate_webhook);
	CHECK(webhook_scheme_of(slice_from_str(wish->verify_scheme), &webhook->scheme));
	webhook->secret = secret_dup(slice_from_str(wish->verify_secret));
	return webhook;
}

struct tunnel_gate *tunnel_gate_new(struct worker *w, const struct tunnel_gate_wish *wish)
{
	struct gate_rules *rules = tunnel_gate_rules(wish);
	struct tunnel_gate *gate;

	if (!wish->password_hash && !wish->verify_scheme && !rules)
		return NULL;
	gate = MEM_NEW(struct tunnel_gate);
	gate->rules = rules;
	gate->webhook = tunnel_gate_webhook(wish);
	if (wish->password_hash)
		gate->password = gate_password_new(w, wish->password_hash);
	return gate;
}

void tunnel_gate_free(struct tunnel_gate **gate_ptr)
{
	struct tunnel_gate *gate = *gate_ptr;

	if (!gate)
		return;
	*gate_ptr = NULL;
	gate_password_free(&gate->password);
	gate_rules_free(&gate->rules);
	gate_shares_free(&gate->shares);
	if (gate->webhook)
		secret_free(&gate->webhook->secret);
	mem_free(gate->webhook);
	mem_free(gate);
}

static bool tunnel_gate_has_rules(
	const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish)
{
	struct gate_rules *rules = tunnel_gate_rules(wish);
	bool same = gate_rules_eq(gate->rules, rules);

	gate_rules_free(&rules);
	return same;
}

static bool tunnel_gate_has_webhook(
	const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish)
{
	struct slice wished = slice_from_str(wish->verify_secret), secret;
	enum webhook_scheme scheme;

	if (!gate->webhook || !wish->verify_scheme)
		return !gate->webhook && !wish->verify_scheme;
	secret = slice_from_str(gate->webhook->secret);
	return webhook_scheme_of(slice_from_str(wish->verify_scheme), &scheme) &&
		scheme == gate->webhook->scheme && secret.len == wished.len &&
		ct_equal(secret.ptr, wished.ptr, secret.len);
}

static bool tunnel_gate_has_password(
	const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish)
{
	if (!gate->password || !wish->password_hash)
		return !gate->password && !wish->password_hash;
	return slice_eq(gate_password_hash(gate->password), slice_from_str(wish->password_hash));
}

bool tunnel_gate_is(const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish)
{
	static const struct tunnel_gate none = {NULL, NULL, NULL, NULL};

	if (!gate)
		gate = &none;
	return tunnel_gate_has_password(gate, wish) && tunnel_gate_has_rules(gate, wish) &&
		tunnel_gate_has_webhook(gate, wish);
}
