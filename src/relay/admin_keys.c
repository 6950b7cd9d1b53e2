/* Making, listing, changing and revoking keys. */
#include "relay/admin_keys.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/api_key.h"
#include "relay/admin_accounts.h"
#include "relay/admin_audit.h"
#include "relay/admin_json.h"
#include "relay/admin_list.h"
#include "relay/admin_scope.h"
#include "store/db.h"
#include "store/ledger.h"

#define ADMIN_KEYS_A_DAY 100u /* that an account makes for itself: rows are for ever */
#define ADMIN_KEYS_DAY_MS 86400000u
#define ADMIN_KEYS_EXPIRES_MAX (10u * 366u * 86400u) /* seconds */

struct admin_keys_body {
	char account[RECORD_ACCOUNT_MAX + 1];
	char label[RECORD_LABEL_MAX + 1];
	char names[RECORD_SCOPE_NAMES_MAX + 1];
	char protocols[32];
	bool admin;
	uint64_t port_first;
	uint64_t port_last;
	uint64_t expires_in;
};

enum admin_keys_member {
	ADMIN_KEYS_LABEL,
	ADMIN_KEYS_NAMES,
	ADMIN_KEYS_PROTOCOLS,
	ADMIN_KEYS_ADMIN,
	ADMIN_KEYS_PORT_FIRST,
	ADMIN_KEYS_PORT_LAST,
	ADMIN_KEYS_EXPIRES_IN,
	ADMIN_KEYS_ACCOUNT, /* of POST alone */
};

#define ADMIN_KEYS_AT(member) offsetof(struct admin_keys_body, member)
#define ADMIN_KEYS_SIZE(member) sizeof(((struct admin_keys_body *)NULL)->member)

/* null is what a key has of which nothing was said. */
static const struct admin_json_member admin_keys_members[] = {
	[ADMIN_KEYS_LABEL] = {"label", ADMIN_JSON_TEXT, ADMIN_JSON_NULLABLE, ADMIN_KEYS_AT(label),
		ADMIN_KEYS_SIZE(label), 0, RECORD_LABEL_MAX},
	[ADMIN_KEYS_NAMES] = {"names", ADMIN_JSON_WORDS, ADMIN_JSON_NULLABLE, ADMIN_KEYS_AT(names),
		ADMIN_KEYS_SIZE(names), 1, 63},
	[ADMIN_KEYS_PROTOCOLS] = {"protocols", ADMIN_JSON_WORDS, ADMIN_JSON_NULLABLE,
		ADMIN_KEYS_AT(protocols), ADMIN_KEYS_SIZE(protocols), 3, 4},
	[ADMIN_KEYS_ADMIN] = {"admin", ADMIN_JSON_BOOL, 0, ADMIN_KEYS_AT(admin),
		ADMIN_KEYS_SIZE(admin), 0, 0},
	[ADMIN_KEYS_PORT_FIRST] = {"port_first", ADMIN_JSON_NUMBER, ADMIN_JSON_NULLABLE,
		ADMIN_KEYS_AT(port_first), ADMIN_KEYS_SIZE(port_first), 1, 65535},
	[ADMIN_KEYS_PORT_LAST] = {"port_last", ADMIN_JSON_NUMBER, ADMIN_JSON_NULLABLE,
		ADMIN_KEYS_AT(port_last), ADMIN_KEYS_SIZE(port_last), 1, 65535},
	[ADMIN_KEYS_EXPIRES_IN] = {"expires_in", ADMIN_JSON_NUMBER, ADMIN_JSON_NULLABLE,
		ADMIN_KEYS_AT(expires_in), ADMIN_KEYS_SIZE(expires_in), 1, ADMIN_KEYS_EXPIRES_MAX},
	[ADMIN_KEYS_ACCOUNT] = {"account", ADMIN_JSON_TEXT, 0, ADMIN_KEYS_AT(account),
		ADMIN_KEYS_SIZE(account), 1, RECORD_ACCOUNT_MAX},
};

static bool admin_keys_has(uint32_t given, enum admin_keys_member m)
{
	return given >> m & 1;
}

/* ---- telling ---- */

void admin_keys_write_scope(struct buf *out, const struct key_scope *scope)
{
	struct slice names = slice_from_str(scope->names), name;

	admin_json_begin(out, "names", '[');
	while (slice_split(&names, ' ', &name)) {
		if (name.len)
			admin_json_put_text(out, NULL, name);
	}
	admin_json_end(out, ']');
	admin_json_begin(out, "protocols", '[');
	if (scope->http)
		admin_json_put_text(out, NULL, SLICE("http"));
	if (scope->tcp)
		admin_json_put_text(out, NULL, SLICE("tcp"));
	admin_json_end(out, ']');
	if (scope->port_first || scope->port_last) {
		admin_json_put_number(out, "port_first", scope->port_first);
		admin_json_put_number(out, "port_last", scope->port_last);
	} else {
		admin_json_put_null(out, "port_first");
		admin_json_put_null(out, "port_last");
	}
	admin_json_put_bool(out, "admin", scope->admin);
}

/* The text only in the answer that made it; empty elsewhere. */
static void admin_keys_write(
	struct buf *out, const struct key *k, const char *account, struct slice text)
{
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "id", slice_from_str(k->id));
	if (text.len)
		admin_json_put_text(out, "key", text);
	admin_json_put_text(out, "account", slice_from_str(account));
	admin_json_put_text(out, "label", slice_from_str(k->label));
	admin_keys_write_scope(out, &k->scope);
	admin_json_put_time(out, "created_at", k->created_ms);
	admin_json_put_time(out, "expires_at", k->expires_ms);
	admin_json_put_time(out, "revoked_at", k->revoked_ms);
	admin_json_put_time(out, "used_at", k->used_ms);
	admin_json_end(out, '}');
}

static int admin_keys_on_each(void *ctx, const struct key *k)
{
	struct admin_list *list = ctx;
	struct account a = {0};
	struct buf json = {0};
	char cursor[48];

	if (!admin_list_shows(list, k->account_id, &a))
		return 0;
	snprintf(cursor, sizeof(cursor), "%016llx-%s", (unsigned long long)k->created_ms, k->id);
	admin_keys_write(&json, k, a.name, (struct slice) {NULL, 0});
	admin_list_add(list, cursor, &json);
	buf_release(&json);
	return 0;
}

void admin_keys_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_list list;

	if (admin_list_begin_owned(&list, c, q, reply))
		admin_list_answer(&list, c, ledger_keys(c->db, admin_keys_on_each, &list), reply);
}

/* ---- what a body says ---- */

static bool admin_keys_read_protocols(
	const char *text, struct key_scope *scope, struct admin_reply *reply)
{
	struct slice words = slice_from_str(text), word;
	bool any = !words.len, http = any, tcp = any;

	while (!any && slice_split(&words, ' ', &word)) {
		bool *named = slice_eq(word, SLICE("http")) ? &http : &tcp;

		if (*named || (named == &tcp && !slice_eq(word, SLICE("tcp")))) {
			admin_refuse(reply, API_ERROR_INVALID_REQUEST,
				"protocols takes \"http\" and \"tcp\", each of them once.");
			return false;
		}
		*named = true;
	}
	scope->http = http;
	scope->tcp = tcp;
	return true;
}

/* Whether what was given can be had together. */
static bool admin_keys_check(
	const struct admin_keys_body *body, uint32_t given, struct admin_reply *reply)
{
	bool both = admin_keys_has(given, ADMIN_KEYS_PORT_FIRST) ==
		admin_keys_has(given, ADMIN_KEYS_PORT_LAST);

	if (!admin_scope_are_patterns(slice_from_str(body->names))) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"names takes patterns of a-z, 0-9, hyphens and *, such as \"ci-*\".");
		return false;
	}
	if (both && !body->port_first == !body->port_last && body->port_first <= body->port_last)
		return true;
	admin_refuse(reply, API_ERROR_INVALID_REQUEST,
		"port_first and port_last go together, the lower one first.");
	return false;
}

/* Puts what was given into the key; the rest stays. */
static bool admin_keys_apply(const struct admin_request *q, const struct admin_keys_body *body,
	uint32_t given, struct key *k, struct admin_reply *reply)
{
	struct key_scope *scope = &k->scope;

	if (!admin_keys_check(body, given, reply))
		return false;
	if (admin_keys_has(given, ADMIN_KEYS_PROTOCOLS) &&
		!admin_keys_read_protocols(body->protocols, scope, reply))
		return false;
	if (admin_keys_has(given, ADMIN_KEYS_NAMES))
		memcpy(scope->names, body->names, sizeof(scope->names));
	if (admin_keys_has(given, ADMIN_KEYS_PORT_FIRST)) {
		scope->port_first = (uint16_t)body->port_first;
		scope->port_last = (uint16_t)body->port_last;
	}
	if (admin_keys_has(given, ADMIN_KEYS_ADMIN))
		scope->admin = body->admin;
	if (admin_keys_has(given, ADMIN_KEYS_LABEL))
		memcpy(k->label, body->label, sizeof(k->label));
	if (admin_keys_has(given, ADMIN_KEYS_EXPIRES_IN))
		k->expires_ms = body->expires_in ? q->now_ms + body->expires_in * 1000 : 0;
	return true;
}

/* ---- making ---- */

struct admin_keys_day {
	uint64_t account_id;
	uint64_t since_ms;
	unsigned count;
};

static int admin_keys_on_count(void *ctx, const struct key *k)
{
	struct admin_keys_day *day = ctx;

	if (k->account_id == day->account_id && k->created_ms >= day->since_ms)
		day->count++;
	return 0;
}

/* What an account does by itself is bounded; operators know what they do. */
static bool admin_keys_may_one_more(struct admin_context *c, const struct admin_request *q,
	const struct key *k, struct admin_reply *reply)
{
	struct admin_keys_day day = {k->account_id, q->now_ms - ADMIN_KEYS_DAY_MS, 0};
	int err;

	if (q->who.admin)
		return true;
	err = ledger_keys(c->db, admin_keys_on_count, &day);
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
		return false;
	}
	if (day.count < ADMIN_KEYS_A_DAY)
		return true;
	admin_refuse(reply, API_ERROR_TOO_MANY_KEYS,
		"An account makes at most %u keys a day; revoke and reuse, or ask the operator.",
		ADMIN_KEYS_A_DAY);
	return false;
}

static void admin_keys_detail(struct buf *out, const struct key *k, const char *account)
{
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "account", slice_from_str(account));
	admin_json_put_text(out, "label", slice_from_str(k->label));
	admin_keys_write_scope(out, &k->scope);
	admin_json_put_time(out, "expires_at", k->expires_ms);
	admin_json_end(out, '}');
}

bool admin_keys_make(struct admin_context *c, const struct admin_request *q,
	struct admin_keys_order *order, struct admin_reply *reply)
{
	struct key *k = &order->key;
	char text[API_KEY_TEXT_LEN + 1];
	struct buf detail = {0};
	struct account a = {0};
	struct audit audit;
	struct slice id;
	int err;

	if (!admin_keys_may_one_more(c, q, k, reply))
		return false;
	api_key_make(text);
	if (!api_key_parse(slice_from_str(text), &id))
		UNREACHABLE();
	slice_to_str(id, k->id, sizeof(k->id));
	api_key_hash(slice_from_str(text), k->hash);
	k->created_ms = q->now_ms;
	book_find_account(c->book, k->account_id, &a);
	admin_keys_detail(&detail, k, a.name);
	admin_audit_of(&audit, q, order->event, k->id, &detail);
	err = ledger_key_add(c->db, k, &audit);
	buf_release(&detail);
	if (err)
		admin_refuse_store(reply, err, db_error(c->db));
	else
		book_put_key(c->book, k);
	if (!err)
		buf_append_str(&order->text, text);
	mem_wipe(text, sizeof(text));
	return !err;
}

void admin_keys_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {admin_keys_members, ARRAY_LEN(admin_keys_members)};
	struct admin_keys_body body = {0};
	struct admin_keys_order order = {.event = "key.created"};
	struct key *k = &order.key;
	struct account a;
	uint32_t given;

	k->scope.http = k->scope.tcp = true;
	if (!admin_body_read(q, &shape, &body, &given, reply) ||
		!admin_accounts_pick(c, q, body.account, &a, reply) ||
		!admin_keys_apply(q, &body, given, k, reply))
		return;
	k->account_id = a.id;
	if (!q->who.admin && !admin_scope_covers(&q->who.grant, k)) {
		admin_refuse(reply, API_ERROR_NOT_ALLOWED,
			"A key makes keys that may as much as itself at the most.");
		return;
	}
	if (!admin_keys_make(c, q, &order, reply))
		return;
	admin_keys_write(&reply->body, k, a.name, buf_slice(&order.text));
	admin_answer(reply, 201);
	mem_wipe(order.text.base, order.text.cap);
	buf_release(&order.text);
}

/* ---- changing and revoking ---- */

/* The key that the path names, if the asker may do something about it. */
static bool admin_keys_pick(struct admin_context *c, const struct admin_request *q, struct key *out,
	struct admin_reply *reply)
{
	const struct book_grant *grant = &q->who.grant;

	if (!book_find_key(c->book, slice_from_str(q->param), out) ||
		(!q->who.admin && out->account_id != grant->account_id)) {
		admin_refuse(reply, API_ERROR_NOT_FOUND, "There is no key \"%.64s\".", q->param);
		return false;
	}
	if (q->who.admin || strcmp(out->id, grant->key_id) == 0 || admin_scope_is_whole(grant))
		return true;
	admin_refuse(reply, API_ERROR_NOT_ALLOWED,
		"A key with a narrower scope than its account changes and revokes itself only.");
	return false;
}

/* Neither what it was nor what it becomes may be more than the asker has. */
static bool admin_keys_may_change(const struct admin_request *q, const struct key *before,
	const struct key *after, struct admin_reply *reply)
{
	const struct book_grant *grant = &q->who.grant;

	if (before->revoked_ms) {
		admin_refuse(reply, API_ERROR_NOT_ALLOWED,
			"The key is revoked, which is for ever; make another one.");
		return false;
	}
	if (q->who.admin || (admin_scope_covers(grant, before) && admin_scope_covers(grant, after)))
		return true;
	admin_refuse(reply, API_ERROR_NOT_ALLOWED,
		"A key changes keys that may as much as itself at the most, before and after.");
	return false;
}

void admin_keys_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {admin_keys_members, ADMIN_KEYS_ACCOUNT};
	struct admin_keys_body body = {0};
	struct buf detail = {0};
	struct account a = {0};
	struct key before, k;
	struct audit audit;
	uint32_t given;
	int err;

	if (!admin_keys_pick(c, q, &k, reply) || !admin_body_read(q, &shape, &body, &given, reply))
		return;
	before = k;
	if (!admin_keys_apply(q, &body, given, &k, reply) ||
		!admin_keys_may_change(q, &before, &k, reply))
		return;
	book_find_account(c->book, k.account_id, &a);
	admin_keys_detail(&detail, &k, a.name);
	admin_audit_of(&audit, q, "key.changed", k.id, &detail);
	err = ledger_key_set(c->db, &k, &audit);
	buf_release(&detail);
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
		return;
	}
	book_put_key(c->book, &k);
	admin_keys_write(&reply->body, &k, a.name, (struct slice) {NULL, 0});
	admin_answer(reply, 200);
}

void admin_keys_revoke(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct audit audit;
	struct key k;
	int err;

	if (!admin_keys_pick(c, q, &k, reply))
		return;
	if (!k.revoked_ms) {
		k.revoked_ms = q->now_ms;
		admin_audit_of(&audit, q, "key.revoked", k.id, NULL);
		err = ledger_key_set(c->db, &k, &audit);
		if (err) {
			admin_refuse_store(reply, err, db_error(c->db));
			return;
		}
		book_put_key(c->book, &k);
	}
	admin_done(reply);
}
