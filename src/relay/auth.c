/*
 * Refusing is cheap: a key that nobody has costs its inspection and one look into a map, and what
 * is demanded but was not sent costs nothing.
 */
#include "relay/auth.h"

#include "base/check.h"
#include "base/err.h"
#include "base/glob.h"
#include "crypto/digest.h"
#include "io/loop.h"
#include "proto/http_head.h"
#include "relay/api_body.h"
#include "relay/hmac_auth.h"
#include "relay/metrics.h"
#include "relay/plans.h"
#include "relay/worker.h"

#define AUTH_BEARER "Bearer realm=\"adit\""

/* In the order of enum auth_key; what is not sent is what is needed. */
static const struct auth_key_refusal {
	enum api_error error;
	enum metric metric;
	const char *sentence;
} auth_key_refusals[] = {
	[AUTH_KEY_NONE] = {API_ERROR_KEY_NEEDED, METRIC_AUTH_KEY_NEEDED,
		"This relay opens tunnels for those who have a key of it. Ask its operator for "
		"one, and send it as Authorization: Bearer adit_..."},
	[AUTH_KEY_UNKNOWN] = {API_ERROR_KEY_UNKNOWN, METRIC_AUTH_KEY_UNKNOWN,
		"This relay does not know the key. Check that it is whole, and of this relay."},
	[AUTH_KEY_REVOKED] = {API_ERROR_KEY_REVOKED, METRIC_AUTH_KEY_REVOKED,
		"The key was revoked. Ask the relay's operator for another one."},
	[AUTH_KEY_EXPIRED] = {API_ERROR_KEY_EXPIRED, METRIC_AUTH_KEY_EXPIRED,
		"The key has expired. Ask the relay's operator for another one."},
	[AUTH_KEY_DISABLED] = {API_ERROR_ACCOUNT_DISABLED, METRIC_AUTH_ACCOUNT_DISABLED,
		"The account of the key is disabled. Ask the relay's operator."},
};

/* ---- keys ---- */

/* "Bearer" in any case, and blanks; an empty slice when it is another scheme. */
static struct slice auth_bearer(struct slice field)
{
	struct slice scheme = SLICE("Bearer"), rest = slice_from(field, scheme.len);

	if (!slice_eq_fold(slice_first(field, scheme.len), scheme) ||
		(rest.len && rest.ptr[0] != ' ' && rest.ptr[0] != '\t'))
		return (struct slice) {NULL, 0};
	rest = slice_trim(rest);
	return rest.len ? rest : SLICE("-"); /* sent, and empty: no key is that */
}

/* A field given twice leaves no single key, and is no key. */
static struct slice auth_key_text(const struct http_head *head)
{
	struct slice text = {NULL, 0};

	if (http_head_get(head, HTTP_FIELD_AUTHORIZATION))
		text = auth_bearer(http_head_value(head, HTTP_FIELD_AUTHORIZATION));
	if (text.len)
		return http_head_count(head, HTTP_FIELD_AUTHORIZATION) == 1 ? text : SLICE("-");
	if (!http_head_get(head, HTTP_FIELD_X_ADIT_KEY))
		return text;
	text = slice_trim(http_head_value(head, HTTP_FIELD_X_ADIT_KEY));
	return text.len && http_head_count(head, HTTP_FIELD_X_ADIT_KEY) == 1 ? text : SLICE("-");
}

static enum auth_key auth_key_of(enum book_verdict verdict)
{
	switch (verdict) {
	case BOOK_OK:
		return AUTH_KEY_GOOD;
	case BOOK_UNKNOWN:
		return AUTH_KEY_UNKNOWN;
	case BOOK_REVOKED:
		return AUTH_KEY_REVOKED;
	case BOOK_EXPIRED:
		return AUTH_KEY_EXPIRED;
	case BOOK_DISABLED:
		return AUTH_KEY_DISABLED;
	}
	UNREACHABLE();
}

enum auth_key auth_read_key(const struct worker *w, const struct http_head *head, uint64_t now_ms,
	struct book_grant *out)
{
	struct slice text = auth_key_text(head);

	if (!text.len)
		return AUTH_KEY_NONE;
	if (!w->shared->book)
		return AUTH_KEY_UNKNOWN;
	return auth_key_of(book_check_key(w->shared->book, text, now_ms, out));
}

enum auth_key auth_check_again(const struct worker *w, struct book_grant *grant)
{
	struct slice id = slice_from_str(grant->key_id);

	return auth_key_of(book_check_key_id(w->shared->book, id, loop_wall_ms(), grant));
}

enum api_error auth_key_error(enum auth_key key)
{
	return auth_key_refusals[key].error;
}

const char *auth_key_sentence(enum auth_key key)
{
	return auth_key_refusals[key].sentence;
}

/* ---- requests ---- */

static bool auth_refuse_key(struct worker *w, enum auth_key key, struct auth_refusal *refusal)
{
	const struct auth_key_refusal *r = &auth_key_refusals[key];

	metrics_add(w->metrics, r->metric, 1);
	refusal->error = r->error;
	refusal->www_authenticate = AUTH_BEARER;
	buf_append_str(&refusal->sentence, r->sentence);
	return false;
}

static bool auth_check_signature(
	struct worker *w, struct auth_request *r, struct auth_refusal *refusal)
{
	struct hmac_auth *hmac = atomic_load_explicit(&w->shared->hmac, memory_order_acquire);
	struct hmac_request signed_request;
	int err;

	if (!hmac || r->is_signed)
		return true;
	signed_request = hmac_auth_request(r->head, r->target, r->body);
	err = hmac_auth_check(hmac, &signed_request, loop_wall_ms(), &refusal->sentence);
	r->is_signed = !err;
	if (!err)
		return true;
	metrics_add(w->metrics, METRIC_HMAC_REFUSALS, 1);
	refusal->error = API_ERROR_NOT_AUTHENTICATED;
	refusal->busy = err == ERR_LIMIT;
	refusal->www_authenticate = w->conf->auth == RELAY_AUTH_OFF ? "HMAC" : "HMAC, " AUTH_BEARER;
	if (w->conf->hmac_terse && !refusal->busy) {
		buf_clear(&refusal->sentence);
		buf_append_str(&refusal->sentence, API_BODY_AUTH_TERSE);
	}
	return false;
}

bool auth_check(
	struct worker *w, struct auth_request *r, struct auth *out, struct auth_refusal *refusal)
{
	enum auth_key key = AUTH_KEY_NONE;

	out->keyed = false;
	*refusal = (struct auth_refusal) {0};
	if (w->conf->auth != RELAY_AUTH_OFF)
		key = auth_read_key(w, r->head, loop_wall_ms(), &out->grant);
	if (key == AUTH_KEY_GOOD) {
		out->keyed = true;
		num_print_u64(out->grant.account_id, out->account);
		return true;
	}
	if (key != AUTH_KEY_NONE || w->conf->auth == RELAY_AUTH_REQUIRED)
		return auth_refuse_key(w, key, refusal);
	return auth_check_signature(w, r, refusal);
}

struct identity auth_identity(const struct auth *auth, struct identity otherwise)
{
	if (!auth->keyed)
		return otherwise;
	return (struct identity) {IDENTITY_ACCOUNT, slice_from_str(auth->account)};
}

/* ---- names and holdings ---- */

enum auth_name auth_name_of(const struct worker *w, struct slice name, struct identity who)
{
	char text[NUM_TEXT_MAX];
	uint64_t owner;

	if (!w->shared->book || w->conf->auth == RELAY_AUTH_OFF)
		return AUTH_NAME_OPEN;
	owner = book_name_owner(w->shared->book, name);
	if (!owner)
		return AUTH_NAME_OPEN;
	num_print_u64(owner, text);
	return who.kind == IDENTITY_ACCOUNT && slice_eq(who.text, slice_from_str(text))
		? AUTH_NAME_OURS
		: AUTH_NAME_THEIRS;
}

/* Marked by kind: what a proxy calls an address may look like anything. */
struct slice auth_holder(
	const struct book_grant *grant, struct slice source, char out[AUTH_HOLDER_MAX])
{
	struct gate_source whose;
	size_t len;

	out[0] = grant ? '#' : '@';
	if (grant) {
		len = num_print_u64(grant->account_id, out + 1);
		return slice_of(out, len + 1);
	}
	/* An address as bytes is no text yet. */
	whose = gate_source_of(source);
	digest_hex((const uint8_t *)whose.text, whose.len, out + 1);
	return slice_of(out, 1 + 2 * (size_t)whose.len);
}

uint64_t auth_tunnels_max(const struct worker *w, const struct book_grant *grant)
{
	const struct plans *plans = w->conf->plans;

	return grant ? plans_get(plans, slice_from_str(grant->plan))->tunnels
		     : plans_anonymous(plans)->tunnels;
}

uint64_t auth_passwords_max(const struct worker *w, const struct book_grant *grant)
{
	const struct plans *plans = w->conf->plans;

	return grant ? plans_get(plans, slice_from_str(grant->plan))->password_tunnels
		     : plans_anonymous(plans)->password_tunnels;
}

/* ---- scopes ---- */

bool auth_may_name(const struct book_grant *grant, struct slice name)
{
	struct slice patterns = {NULL, 0};

	if (grant)
		patterns = slice_from_str(grant->scope.names);
	return !patterns.len || glob_match_any(patterns, name);
}

bool auth_may_http(const struct book_grant *grant)
{
	return !grant || grant->scope.http;
}

bool auth_may_tcp(const struct book_grant *grant)
{
	return !grant || grant->scope.tcp;
}

bool auth_may_port(const struct book_grant *grant, uint16_t port)
{
	if (!grant || !grant->scope.port_first)
		return true;
	return port >= grant->scope.port_first && port <= grant->scope.port_last;
}
