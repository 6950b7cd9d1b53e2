/* Reserving and releasing names. */
#include "relay/admin_names.h"

#include "base/err.h"
#include "relay/admin_accounts.h"
#include "relay/admin_audit.h"
#include "relay/admin_json.h"
#include "relay/admin_list.h"
#include "relay/auth.h"
#include "relay/name.h"
#include "store/db.h"
#include "store/ledger.h"

struct admin_names_body {
	char name[RECORD_NAME_MAX + 1];
	char account[RECORD_ACCOUNT_MAX + 1];
};

static const struct admin_json_member admin_names_members[] = {
	{"name", ADMIN_JSON_TEXT, ADMIN_JSON_REQUIRED, offsetof(struct admin_names_body, name),
		RECORD_NAME_MAX + 1, 1, RECORD_NAME_MAX},
	{"account", ADMIN_JSON_TEXT, 0, offsetof(struct admin_names_body, account),
		RECORD_ACCOUNT_MAX + 1, 1, RECORD_ACCOUNT_MAX},
};

static void admin_names_write(struct buf *out, const struct name_record *n, const char *account)
{
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "name", slice_from_str(n->name));
	admin_json_put_text(out, "account", slice_from_str(account));
	/* A name that a key was given by chance is kept for that key, and not counted. */
	admin_json_put_bool(out, "reserved", !*n->key_id);
	if (*n->key_id)
		admin_json_put_text(out, "key", slice_from_str(n->key_id));
	else
		admin_json_put_null(out, "key");
	admin_json_put_bool(out, "protected", *n->password_hash != '\0');
	admin_json_put_time(out, "created_at", n->created_ms);
	admin_json_end(out, '}');
}

static int admin_names_on_each(void *ctx, const struct name_record *n)
{
	struct admin_list *list = ctx;
	struct account a = {0};
	struct buf json = {0};

	if (!admin_list_shows(list, n->account_id, &a))
		return 0;
	admin_names_write(&json, n, a.name);
	admin_list_add(list, n->name, &json);
	buf_release(&json);
	return 0;
}

void admin_names_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_list list;

	if (admin_list_begin_owned(&list, c, q, reply))
		admin_list_answer(&list, c, ledger_names(c->db, admin_names_on_each, &list), reply);
}

static bool admin_names_is_reserved(struct slice name, struct slice reserved)
{
	struct slice word;

	while (slice_split(&reserved, ' ', &word)) {
		if (slice_eq(word, name))
			return true;
	}
	return false;
}

static bool admin_names_read(
	const struct admin_request *q, struct admin_names_body *body, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {admin_names_members, ARRAY_LEN(admin_names_members)};
	struct slice name;

	if (!admin_body_read(q, &shape, body, NULL, reply))
		return false;
	name = slice_from_str(body->name);
	if (name_is_valid(name) && !admin_names_is_reserved(name, q->reserved))
		return true;
	admin_refuse(reply, API_ERROR_INVALID_NAME,
		"\"%.63s\" cannot be reserved: a name has %u to %u of a-z, 0-9 and hyphens, begins "
		"and "
		"ends with none, and is not one that the relay keeps back.",
		body->name, NAME_MIN_LEN, NAME_MAX_LEN);
	return false;
}

/* What a key may not open it may not reserve or release either. */
static bool admin_names_may(
	const struct admin_request *q, const char *name, struct admin_reply *reply)
{
	if (q->who.admin || auth_may_name(&q->who.grant, slice_from_str(name)))
		return true;
	admin_refuse(reply, API_ERROR_NAME_NOT_ALLOWED,
		"The key is for other names than \"%.63s\" (%s).", name, q->who.grant.scope.names);
	return false;
}

static bool admin_names_has_room(struct admin_context *c, const struct admin_request *q,
	const struct account *a, struct admin_reply *reply)
{
	if (book_reserved_count(c->book, a->id) < q->name_limit)
		return true;
	if (!q->name_limit)
		admin_refuse(reply, API_ERROR_NAME_LIMIT_REACHED,
			"The plan of %s has no reserved names.", a->name);
	else
		admin_refuse(reply, API_ERROR_NAME_LIMIT_REACHED,
			"The plan of %s has room for %llu reserved names, and all are taken: "
			"release one to reserve another.",
			a->name, (unsigned long long)q->name_limit);
	return false;
}

/* Stores the name as the account's own; one that a key of it was given becomes that. */
static int admin_names_store(
	struct admin_context *c, struct name_record *n, const struct audit *audit)
{
	struct name_record before;

	if (!book_find_name(c->book, slice_from_str(n->name), &before))
		return ledger_name_add(c->db, n, audit);
	if (before.account_id != n->account_id || !*before.key_id)
		return ERR_EXISTS;
	memcpy(n->password_hash, before.password_hash, sizeof(n->password_hash));
	return ledger_name_set(c->db, n, audit);
}

void admin_names_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct name_record n = {.created_ms = q->now_ms};
	struct admin_names_body body = {0};
	struct buf detail = {0};
	struct audit audit;
	struct account a;
	int err;

	if (!admin_names_read(q, &body, reply) ||
		!admin_accounts_pick(c, q, body.account, &a, reply))
		return;
	if (!admin_names_may(q, body.name, reply) || !admin_names_has_room(c, q, &a, reply))
		return;
	n.account_id = a.id;
	memcpy(n.name, body.name, sizeof(n.name));
	admin_json_begin(&detail, NULL, '{');
	admin_json_put_text(&detail, "account", slice_from_str(a.name));
	admin_json_end(&detail, '}');
	admin_audit_of(&audit, q, "name.reserved", n.name, &detail);
	err = admin_names_store(c, &n, &audit);
	buf_release(&detail);
	if (err == ERR_EXISTS) {
		admin_refuse(reply, API_ERROR_NAME_TAKEN,
			"\"%s\" belongs to an account already; choose another name.", n.name);
		return;
	}
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
		return;
	}
	book_put_name(c->book, &n);
	admin_names_write(&reply->body, &n, a.name);
	admin_answer(reply, 201);
}

void admin_names_remove(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct slice name = slice_from_str(q->param);
	struct name_record n;
	struct audit audit;
	int err;

	if (!book_find_name(c->book, name, &n) ||
		(!q->who.admin && n.account_id != q->who.grant.account_id)) {
		admin_refuse(reply, API_ERROR_NOT_FOUND,
			"No account of yours has the name \"%.63s\".", q->param);
		return;
	}
	if (!admin_names_may(q, n.name, reply))
		return;
	admin_audit_of(&audit, q, "name.released", n.name, NULL);
	err = ledger_name_remove(c->db, n.name, &audit);
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
		return;
	}
	book_drop_name(c->book, name);
	admin_done(reply);
}
