/* Names and attributes of RFC 6265bis; the seals are crypto/seal.c's. */
#include "relay/gate_cookie.h"

#include "io/loop.h"
#include "proto/http_cookie.h"
#include "relay/gate_password.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

/* A head may hold hundreds of cookies of our name; a browser sends one, or two when a sibling of
 * the domain has set one as well. */
#define GATE_COOKIE_TRIES 4

static const char *const gate_cookie_purposes[] = {
	[GATE_COOKIE_SESSION] = "adit session",
	[GATE_COOKIE_CSRF] = "adit csrf",
};

static struct slice gate_cookie_name(const struct gate_cookies *c, enum gate_cookie_kind kind)
{
	return tunnel_gate_cookies[2 * kind + (c->secure ? 1 : 0)];
}

static uint64_t gate_cookie_life_s(const struct gate_cookies *c, enum gate_cookie_kind kind)
{
	uint64_t now_s = loop_wall_ms() / 1000;

	if (kind == GATE_COOKIE_SESSION && c->until_s)
		return c->until_s > now_s ? c->until_s - now_s : 0;
	return kind == GATE_COOKIE_SESSION ? c->tunnel->worker->conf->gate_session_s
					   : GATE_COOKIE_CSRF_S;
}

/* What a value of that kind is about. The parts live in the caller. */
static struct seal_about gate_cookie_about(
	const struct gate_cookies *c, enum gate_cookie_kind kind, struct slice parts[5])
{
	static const char owner_kinds[] = "0123456789";
	struct identity owner = tunnel_owner(c->tunnel);

	parts[0] = slice_from_str(gate_cookie_purposes[kind]);
	parts[1] = tunnel_name(c->tunnel);
	parts[2] = slice_of(&owner_kinds[owner.kind], 1);
	parts[3] = owner.text;
	parts[4] = gate_password_hash(c->tunnel->gate->password);
	return (struct seal_about) {parts, 5};
}

bool gate_cookie_is_good(
	const struct gate_cookies *c, enum gate_cookie_kind kind, struct slice value)
{
	struct gate_password *password = c->tunnel->gate->password;
	uint64_t now_s = loop_wall_ms() / 1000;
	struct slice parts[5];
	struct seal_about about;

	if (kind == GATE_COOKIE_SESSION && gate_password_has_session(password, value))
		return now_s < seal_expires(value);
	about = gate_cookie_about(c, kind, parts);
	if (seal_check(c->tunnel->worker->seal, about, value, now_s) != SEAL_GOOD)
		return false;
	if (kind != GATE_COOKIE_SESSION)
		return true;
	if (gate_password_is_ended(password, seal_nonce(value)))
		return false;
	gate_password_note_session(password, value);
	return true;
}

bool gate_cookie_find(
	const struct gate_cookies *c, enum gate_cookie_kind kind, struct slice *value_out)
{
	struct http_cookie_walk walk = {.head = c->head};
	struct slice name = gate_cookie_name(c, kind);
	struct http_cookie cookie;
	unsigned tries = 0;

	if (!http_head_get(c->head, HTTP_FIELD_COOKIE))
		return false;
	while (tries < GATE_COOKIE_TRIES && http_cookie_next(&walk, &cookie)) {
		if (!slice_eq(cookie.name, name))
			continue;
		if (gate_cookie_is_good(c, kind, cookie.value)) {
			*value_out = cookie.value;
			return true;
		}
		tries++;
	}
	return false;
}

void gate_cookie_make(
	const struct gate_cookies *c, enum gate_cookie_kind kind, char value_out[SEAL_TEXT_LEN + 1])
{
	struct slice parts[5];
	struct seal_about about = gate_cookie_about(c, kind, parts);

	seal_make(c->tunnel->worker->seal, about,
		loop_wall_ms() / 1000 + gate_cookie_life_s(c, kind), value_out);
}

void gate_cookie_write(struct buf *out, const struct gate_cookies *c, enum gate_cookie_kind kind,
	struct slice value)
{
	buf_append_slice(out, gate_cookie_name(c, kind));
	buf_append_char(out, '=');
	buf_append_slice(out, value);
	buf_append_str(out, "; Path=/; Max-Age=");
	buf_append_u64(out, value.len ? gate_cookie_life_s(c, kind) : 0);
	buf_append_str(out, "; HttpOnly; SameSite=Lax");
	if (c->secure)
		buf_append_str(out, "; Secure");
}
