/*
 * The order of things: a session's cookie first, because it costs least, then Basic credentials,
 * then the form. One source's wrong passwords block its credentials and its form, and not the
 * sessions that others behind the same address have.
 */
#include "relay/gate.h"

#include "base/check.h"
#include "base/mem.h"
#include "crypto/ct.h"
#include "crypto/webhook.h"
#include "io/loop.h"
#include "proto/http_basic.h"
#include "proto/http_form.h"
#include "proto/http_head.h"
#include "proto/http_host.h"
#include "relay/gate_cookie.h"
#include "relay/gate_page.h"
#include "relay/gate_password.h"
#include "relay/gate_return.h"
#include "relay/gate_rules.h"
#include "relay/gate_share.h"
#include "relay/identity.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

/* Whether the visitor's browser speaks https, to us or to the proxy in front. */
static bool gate_is_secure(const struct gate_request *r)
{
	const struct relay_conf *conf = r->tunnel->worker->conf;
	struct slice proto = http_head_value(r->head, HTTP_FIELD_X_FORWARDED_PROTO);

	if (r->tls)
		return true;
	if (conf->trust_proxy && proto.len)
		return slice_eq_fold(
			slice_trim(slice_first(proto, slice_find(proto, ','))), SLICE("https"));
	return conf->secure;
}

static struct gate_cookies gate_cookies_of(const struct gate_request *r)
{
	return (struct gate_cookies) {
		.tunnel = r->tunnel, .head = r->head, .secure = gate_is_secure(r)};
}

static struct gate_visitor gate_visitor_of(const struct gate_request *r)
{
	bool trust = r->tunnel->worker->conf->trust_proxy;

	return (struct gate_visitor) {
		.source = gate_source_of(identity_near_ip(r->head, r->peer, trust)),
		.visit = r->visit,
		.again = r->again,
		.ctx = r->ctx,
	};
}

/* ---- answers ---- */

static struct gate_page gate_page_of(const struct gate_request *r)
{
	return (struct gate_page) {
		.head = r->head,
		.host = http_host_slice(r->host),
		.request_id = r->request_id,
		.back = SLICE("/"),
		.keep_alive = r->keep_alive,
	};
}

/* Where the visitor wanted to go: what the form said, or the request that was refused. */
static struct slice gate_wanted_path(const struct gate_request *r)
{
	bool is_get = r->head->method_id == HTTP_GET || r->head->method_id == HTTP_HEAD;

	return is_get ? gate_return_path(r->path) : SLICE("/");
}

/* A page with a form needs the token of an earlier one, or a new one. */
static void gate_give_token(
	const struct gate_cookies *c, char text[SEAL_TEXT_LEN + 1], struct buf *set_cookie)
{
	struct slice old;

	if (gate_cookie_find(c, GATE_COOKIE_CSRF, &old)) {
		slice_to_str(old, text, SEAL_TEXT_LEN + 1);
		return;
	}
	gate_cookie_make(c, GATE_COOKIE_CSRF, text);
	gate_cookie_write(set_cookie, c, GATE_COOKIE_CSRF, slice_of(text, SEAL_TEXT_LEN));
}

static enum gate_verdict gate_answer_form(
	struct gate_request *r, enum visitor_error error, struct slice back, unsigned retry_s)
{
	struct gate_cookies c = gate_cookies_of(r);
	struct gate_page page = gate_page_of(r);
	char token[SEAL_TEXT_LEN + 1] = "";
	struct buf set_cookie = {0};
	struct slice cookie;

	if (gate_page_is_wanted(r->head))
		gate_give_token(&c, token, &set_cookie);
	cookie = buf_slice(&set_cookie);
	page.csrf = slice_from_str(token);
	page.back = back;
	page.cookies = &cookie;
	page.cookie_count = cookie.len > 0;
	page.retry_after_s = retry_s;
	r->error = visitor_error_get(error)->code;
	r->status = gate_page_refuse(&r->tunnel->worker->answer, &page, error);
	buf_release(&set_cookie);
	return GATE_ANSWERED;
}

/* On to another page, with a cookie set or taken away. */
static enum gate_verdict gate_answer_redirect(
	struct gate_request *r, struct slice back, struct buf *set_cookie)
{
	struct gate_page page = gate_page_of(r);
	struct slice cookie = buf_slice(set_cookie);

	page.back = back;
	page.cookies = &cookie;
	page.cookie_count = cookie.len > 0;
	r->status = gate_page_redirect(&r->tunnel->worker->answer, &page);
	buf_release(set_cookie);
	return GATE_ANSWERED;
}

static enum gate_verdict gate_answer_fault(struct gate_request *r, struct visitor_fault *fault)
{
	const struct visitor_error_info *info = visitor_error_get(fault->error);

	fault->host = http_host_slice(r->host);
	reply_write_error(&r->tunnel->worker->answer, fault, reply_audience_of(r->head),
		r->request_id, r->keep_alive);
	r->status = info->status;
	r->error = info->code;
	return GATE_ANSWERED;
}

static enum gate_verdict gate_answer_method(struct gate_request *r, const char *allow)
{
	struct visitor_fault fault = {.error = VISITOR_ERROR_METHOD_NOT_ALLOWED, .allow = allow};

	return gate_answer_fault(r, &fault);
}

/* ---- passwords ---- */

/* PASS, or what became of the password otherwise. */
static enum gate_verdict gate_try(struct gate_request *r, struct slice password, struct slice back)
{
	struct gate_visitor visitor = gate_visitor_of(r);

	switch (gate_password_try(r->tunnel->gate->password, password, &visitor)) {
	case GATE_PASSWORD_RIGHT:
		return GATE_PASS;
	case GATE_PASSWORD_WRONG:
		return gate_answer_form(r, VISITOR_ERROR_PASSWORD_WRONG, back, 0);
	case GATE_PASSWORD_BLOCKED:
		return gate_answer_form(r, VISITOR_ERROR_TOO_MANY_ATTEMPTS, back, visitor.retry_s);
	case GATE_PASSWORD_BUSY:
		return gate_answer_form(r, VISITOR_ERROR_OVERLOADED, back, visitor.retry_s);
	case GATE_PASSWORD_WAIT:
		return GATE_WAIT;
	}
	UNREACHABLE();
}

/* The user's name does not count (S106). */
static enum gate_verdict gate_check_basic(struct gate_request *r)
{
	struct slice field = http_head_value(r->head, HTTP_FIELD_AUTHORIZATION);
	struct slice back = gate_wanted_path(r), password = {NULL, 0};
	char text[HTTP_BASIC_MAX];
	enum gate_verdict verdict;

	if (http_basic_read(field, text, &password) == HTTP_BASIC_NONE)
		return gate_answer_form(r, VISITOR_ERROR_PASSWORD_REQUIRED, back, 0);
	verdict = gate_try(r, password, back);
	mem_wipe(text, sizeof(text));
	return verdict;
}

/* ---- the gate's own pages ---- */

/* The form came from our page in this browser (S107). */
static bool gate_form_is_ours(struct gate_request *r, const struct gate_cookies *c)
{
	char token[SEAL_TEXT_LEN];
	struct slice cookie;
	size_t len;

	if (!gate_return_is_same_origin(r->head, r->host) || !http_form_is(r->head))
		return false;
	if (http_form_get(r->body, SLICE("csrf"), token, sizeof(token), &len) != 0)
		return false;
	return gate_cookie_find(c, GATE_COOKIE_CSRF, &cookie) && len == cookie.len &&
		ct_equal(token, cookie.ptr, len);
}

static enum gate_verdict gate_log_in(struct gate_request *r)
{
	struct gate_cookies c = gate_cookies_of(r);
	char text[HTTP_BASIC_MAX], path[GATE_RETURN_MAX], session[SEAL_TEXT_LEN + 1];
	struct slice back = SLICE("/");
	struct buf set_cookie = {0};
	enum gate_verdict verdict;
	size_t len;

	if (http_form_get(r->body, SLICE("return"), path, sizeof(path), &len) == 0)
		back = gate_return_path(slice_of(path, len));
	if (!gate_form_is_ours(r, &c))
		return gate_answer_form(r, VISITOR_ERROR_FORM_REFUSED, back, 0);
	/* What does not fit is no password, as is an empty one. */
	if (http_form_get(r->body, SLICE("password"), text, sizeof(text), &len) != 0)
		len = 0;
	verdict = gate_try(r, slice_of(text, len), back);
	mem_wipe(text, sizeof(text));
	if (verdict != GATE_PASS)
		return verdict;
	gate_cookie_make(&c, GATE_COOKIE_SESSION, session);
	gate_cookie_write(&set_cookie, &c, GATE_COOKIE_SESSION, slice_of(session, SEAL_TEXT_LEN));
	return gate_answer_redirect(r, back, &set_cookie);
}

static enum gate_verdict gate_log_out(struct gate_request *r)
{
	struct gate_cookies c = gate_cookies_of(r);
	struct slice session;
	struct buf set_cookie = {0};

	if (!gate_form_is_ours(r, &c))
		return gate_answer_form(r, VISITOR_ERROR_FORM_REFUSED, SLICE("/"), 0);
	if (gate_cookie_find(&c, GATE_COOKIE_SESSION, &session))
		gate_password_end_session(r->tunnel->gate->password, seal_nonce(session));
	gate_cookie_write(&set_cookie, &c, GATE_COOKIE_SESSION, (struct slice) {NULL, 0});
	return gate_answer_redirect(r, SLICE(GATE_PATH "logout"), &set_cookie);
}

static enum gate_verdict gate_show_logout(struct gate_request *r)
{
	struct gate_cookies c = gate_cookies_of(r);
	struct gate_page page = gate_page_of(r);
	char token[SEAL_TEXT_LEN + 1] = "";
	struct buf set_cookie = {0};
	struct slice cookie, session;
	bool is_in = gate_cookie_find(&c, GATE_COOKIE_SESSION, &session);

	if (is_in)
		gate_give_token(&c, token, &set_cookie);
	cookie = buf_slice(&set_cookie);
	page.csrf = slice_from_str(token);
	page.cookies = &cookie;
	page.cookie_count = cookie.len > 0;
	r->status = gate_page_logout(&r->tunnel->worker->answer, &page, is_in);
	buf_release(&set_cookie);
	return GATE_ANSWERED;
}

static enum gate_verdict gate_show_login(struct gate_request *r)
{
	struct gate_cookies c = gate_cookies_of(r);
	struct buf none = {0};
	struct slice session;

	if (gate_cookie_find(&c, GATE_COOKIE_SESSION, &session))
		return gate_answer_redirect(r, SLICE("/"), &none);
	return gate_answer_form(r, VISITOR_ERROR_PASSWORD_REQUIRED, SLICE("/"), 0);
}

static enum gate_verdict gate_check_own(struct gate_request *r, struct slice path)
{
	bool is_logout = slice_eq(path, SLICE(GATE_PATH "logout"));
	bool is_login = slice_eq(path, SLICE(GATE_PATH "login"));

	if (r->head->method_id == HTTP_GET || r->head->method_id == HTTP_HEAD)
		return is_logout ? gate_show_logout(r) : gate_show_login(r);
	if (r->head->method_id != HTTP_POST)
		return gate_answer_method(r, "GET, HEAD, POST");
	if (!is_login && !is_logout)
		return gate_answer_method(r, "GET, HEAD");
	if (!r->has_body)
		return GATE_NEEDS_BODY;
	return is_login ? gate_log_in(r) : gate_log_out(r);
}

/* ---- links ---- */

/* The token stays here: neither the service nor the log sees it. */
static bool gate_take_token(struct gate_request *r, struct slice *token_out)
{
	struct buf *bare = &r->tunnel->worker->bare_path;

	if (!gate_share_find(r->path, token_out))
		return false;
	buf_clear(bare);
	gate_share_strip(r->path, bare);
	r->path = buf_slice(bare);
	return true;
}

/* A browser gets a session for as long as the link lasts, and the address without its token. */
static enum gate_verdict gate_use_link(
	struct gate_request *r, struct gate_cookies *c, struct slice token)
{
	struct visitor_fault fault = {.error = VISITOR_ERROR_SHARE_REFUSED};
	enum gate_share_answer answer = gate_share_use(r->tunnel, token, &c->until_s);
	char session[SEAL_TEXT_LEN + 1];
	struct buf set_cookie = {0};

	if (answer != GATE_SHARE_GOOD) {
		fault.detail = slice_from_str(gate_share_text(answer));
		return gate_answer_fault(r, &fault);
	}
	if (!gate_page_is_wanted(r->head))
		return GATE_PASS;
	gate_cookie_make(c, GATE_COOKIE_SESSION, session);
	gate_cookie_write(&set_cookie, c, GATE_COOKIE_SESSION, slice_of(session, SEAL_TEXT_LEN));
	return gate_answer_redirect(r, gate_wanted_path(r), &set_cookie);
}

/* ---- webhooks ---- */

/* The value of the one field of that name; two are as good as none. */
static struct slice gate_field(const struct http_head *head, const char *name)
{
	struct slice value = {NULL, 0};
	unsigned count = 0;

	for (unsigned i = 0; name && i < head->field_count; i++) {
		if (!slice_eq_fold(head->fields[i].name, slice_from_str(name)))
			continue;
		value = head->fields[i].value;
		count++;
	}
	return count == 1 ? value : (struct slice) {NULL, 0};
}

static struct front_body_room gate_webhook_room(struct worker *w)
{
	size_t max = w->conf->webhook_max_body;

	return (struct front_body_room) {max, &w->webhooks_held, max * GATE_WEBHOOKS_MAX};
}

static enum gate_verdict gate_check_webhook(struct gate_request *r)
{
	const struct gate_webhook *webhook = r->tunnel->gate->webhook;
	struct visitor_fault fault = {
		.error = VISITOR_ERROR_WEBHOOK_SIGNATURE,
		.www_authenticate = "Webhook-Signature realm=\"adit\"",
	};
	struct webhook_message message = {
		.signature = gate_field(r->head, webhook_signature_field(webhook->scheme)),
		.timestamp = gate_field(r->head, webhook_timestamp_field(webhook->scheme)),
		.body = r->body,
		.now_s = loop_wall_ms() / 1000,
	};
	enum webhook_verdict verdict = WEBHOOK_UNSIGNED;

	if (message.signature.len && !r->has_body) {
		r->body_room = gate_webhook_room(r->tunnel->worker);
		return GATE_NEEDS_BODY;
	}
	if (message.signature.len)
		verdict = webhook_check(webhook->scheme, slice_from_str(webhook->secret), &message);
	if (verdict == WEBHOOK_GOOD)
		return GATE_PASS;
	fault.detail = slice_from_str(webhook_verdict_text(verdict));
	return gate_answer_fault(r, &fault);
}

/* ---- all together ---- */

bool gate_lets_in(const struct tunnel *t, const struct http_head *head, struct slice peer)
{
	const struct gate_rules *rules = t->gate->rules;

	return !rules ||
		gate_rules_let(rules, identity_near_ip(head, peer, t->worker->conf->trust_proxy));
}

/* False when neither a session nor a link says anything. */
static bool gate_is_known(struct gate_request *r, enum gate_verdict *verdict_out)
{
	struct gate_cookies c = gate_cookies_of(r);
	struct buf none = {0};
	struct slice session, token;
	bool linked = gate_take_token(r, &token);

	*verdict_out = GATE_PASS;
	if (gate_cookie_find(&c, GATE_COOKIE_SESSION, &session)) {
		if (linked && gate_page_is_wanted(r->head))
			*verdict_out = gate_answer_redirect(r, gate_wanted_path(r), &none);
		return true;
	}
	if (linked)
		*verdict_out = gate_use_link(r, &c, token);
	return linked;
}

enum gate_verdict gate_check(struct gate_request *r)
{
	const struct tunnel_gate *gate = r->tunnel->gate;
	struct slice path = http_target_path(r->target->path);
	enum gate_verdict verdict;

	buf_clear(&r->tunnel->worker->answer);
	r->path = r->target->path;
	r->body_room = (struct front_body_room) {.max = FRONT_BODY_MAX};
	if (gate->password && gate_return_is_own(path))
		return gate_check_own(r, path);
	if (gate->password && gate_is_known(r, &verdict))
		return verdict;
	/* Who signs needs no password; who does not sign may still know it. */
	if (gate->webhook &&
		(!gate->password ||
			gate_field(r->head, webhook_signature_field(gate->webhook->scheme)).len))
		return gate_check_webhook(r);
	return gate->password ? gate_check_basic(r) : GATE_PASS;
}
