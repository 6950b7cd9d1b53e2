/* Accounts: listed from the store, looked up in the book, changed in both. */
#include "relay/admin_accounts.h"

#include "base/err.h"
#include "base/mem.h"
#include "relay/admin_audit.h"
#include "relay/admin_json.h"
#include "relay/admin_list.h"
#include "relay/admin_scope.h"
#include "store/db.h"
#include "store/ledger.h"

/* The body of both changes. */
struct admin_accounts_body {
	char name[RECORD_ACCOUNT_MAX + 1];
	char plan[RECORD_PLAN_MAX + 1];
	char password[ADMIN_PASSWORD_MAX + 1];
	bool disabled;
};

enum admin_accounts_member {
	ADMIN_ACCOUNTS_PLAN,
	ADMIN_ACCOUNTS_PASSWORD,
	ADMIN_ACCOUNTS_DISABLED,
	ADMIN_ACCOUNTS_NAME, /* of POST alone */
};

static const struct admin_json_member admin_accounts_members[] = {
	[ADMIN_ACCOUNTS_PLAN] = {"plan", ADMIN_JSON_TEXT, ADMIN_JSON_NULLABLE,
		offsetof(struct admin_accounts_body, plan), RECORD_PLAN_MAX + 1, 1,
		RECORD_PLAN_MAX},
	[ADMIN_ACCOUNTS_PASSWORD] = {"password", ADMIN_JSON_TEXT,
		ADMIN_JSON_NULLABLE | ADMIN_JSON_SECRET,
		offsetof(struct admin_accounts_body, password), ADMIN_PASSWORD_MAX + 1,
		ADMIN_PASSWORD_MIN, ADMIN_PASSWORD_MAX},
	[ADMIN_ACCOUNTS_DISABLED] = {"disabled", ADMIN_JSON_BOOL, 0,
		offsetof(struct admin_accounts_body, disabled), sizeof(bool), 0, 0},
	[ADMIN_ACCOUNTS_NAME] = {"name", ADMIN_JSON_TEXT, ADMIN_JSON_REQUIRED,
		offsetof(struct admin_accounts_body, name), RECORD_ACCOUNT_MAX + 1, 1,
		RECORD_ACCOUNT_MAX},
};

static bool admin_accounts_has(uint32_t given, enum admin_accounts_member m)
{
	return given >> m & 1;
}

bool admin_accounts_pick(struct admin_context *c, const struct admin_request *q, const char *name,
	struct account *out, struct admin_reply *reply)
{
	const struct book_grant *grant = &q->who.grant;

	if (!*name && grant->account_id) {
		if (book_find_account(c->book, grant->account_id, out))
			return true;
	} else if (!*name) {
		admin_refuse(
			reply, API_ERROR_INVALID_REQUEST, "The member \"account\" is missing.");
		return false;
	} else if (book_find_account_named(c->book, slice_from_str(name), out) &&
		(q->who.admin || out->id == grant->account_id)) {
		return true;
	}
	/* Others' accounts look as if they did not exist. */
	admin_refuse(reply, API_ERROR_NOT_FOUND, "There is no account \"%.64s\".", name);
	return false;
}

static void admin_accounts_write(struct buf *out, const char *name, const struct account *a)
{
	admin_json_begin(out, name, '{');
	admin_json_put_text(out, "name", slice_from_str(a->name));
	if (*a->plan)
		admin_json_put_text(out, "plan", slice_from_str(a->plan));
	else
		admin_json_put_null(out, "plan");
	admin_json_put_bool(out, "disabled", a->disabled);
	admin_json_put_bool(out, "has_password", *a->password_hash != '\0');
	admin_json_put_time(out, "created_at", a->created_ms);
	admin_json_end(out, '}');
}

/* ---- reading ---- */

static int admin_accounts_on_each(void *ctx, const struct account *a)
{
	struct admin_list *list = ctx;
	struct buf json = {0};

	if (!list->who->admin && a->id != list->who->grant.account_id)
		return 0;
	admin_accounts_write(&json, NULL, a);
	admin_list_add(list, a->name, &json);
	buf_release(&json);
	return 0;
}

void admin_accounts_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_list list;

	if (!admin_list_begin(&list, q, reply))
		return;
	admin_list_answer(&list, c, ledger_accounts(c->db, admin_accounts_on_each, &list), reply);
}

void admin_accounts_get(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct account a;

	if (!admin_accounts_pick(c, q, q->param, &a, reply))
		return;
	admin_accounts_write(&reply->body, NULL, &a);
	admin_answer(reply, 200);
}

/* ---- changing ---- */

/* What a change says, without the password. */
static void admin_accounts_detail(struct buf *out, const struct account *a, uint32_t given)
{
	admin_json_begin(out, NULL, '{');
	if (admin_accounts_has(given, ADMIN_ACCOUNTS_PLAN))
		admin_json_put_text(out, "plan", slice_from_str(a->plan));
	if (admin_accounts_has(given, ADMIN_ACCOUNTS_DISABLED))
		admin_json_put_bool(out, "disabled", a->disabled);
	if (admin_accounts_has(given, ADMIN_ACCOUNTS_PASSWORD))
		admin_json_put_text(
			out, "password", *a->password_hash ? SLICE("set") : SLICE("removed"));
	admin_json_end(out, '}');
}

static void admin_accounts_apply(struct account *a, const struct admin_accounts_body *body,
	uint32_t given, const char *password_hash)
{
	if (admin_accounts_has(given, ADMIN_ACCOUNTS_PLAN))
		memcpy(a->plan, body->plan, sizeof(a->plan));
	if (admin_accounts_has(given, ADMIN_ACCOUNTS_DISABLED))
		a->disabled = body->disabled;
	if (admin_accounts_has(given, ADMIN_ACCOUNTS_PASSWORD))
		slice_to_str(slice_from_str(*body->password ? password_hash : ""), a->password_hash,
			sizeof(a->password_hash));
}

/* Reads the body; the plaintext of the password is of no use here, its hash was made before. */
static bool admin_accounts_read(const struct admin_request *q, size_t members,
	struct admin_accounts_body *body, uint32_t *given, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {admin_accounts_members, members};

	if (!admin_body_read(q, &shape, body, given, reply))
		return false;
	if (!q->plan_is_unknown)
		return admin_has_hash(q, body->password, reply);
	admin_refuse(reply, API_ERROR_PLAN_UNKNOWN,
		"The relay has no plan \"%.32s\"; --plans says which there are.", body->plan);
	return false;
}

static void admin_accounts_save(struct admin_context *c, const struct admin_request *q,
	struct account *a, uint32_t given, struct admin_reply *reply)
{
	bool is_new = !a->id;
	struct buf detail = {0};
	struct audit audit;
	int err;

	admin_accounts_detail(&detail, a, given);
	admin_audit_of(&audit, q, is_new ? "account.added" : "account.changed", a->name, &detail);
	err = is_new ? ledger_account_add(c->db, a, &audit) : ledger_account_set(c->db, a, &audit);
	buf_release(&detail);
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
		return;
	}
	book_put_account(c->book, a);
	admin_accounts_write(&reply->body, NULL, a);
	admin_answer(reply, is_new ? 201 : 200);
}

void admin_accounts_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_accounts_body body = {0};
	struct account a = {.created_ms = q->now_ms};
	uint32_t given;

	if (!admin_accounts_read(q, ADMIN_ACCOUNTS_NAME + 1, &body, &given, reply))
		goto out;
	if (!admin_is_account(slice_from_str(body.name))) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"An account's name has 1 to %u of a-z 0-9 . _ @ + - and begins with a "
			"letter or "
			"a digit.",
			RECORD_ACCOUNT_MAX);
		goto out;
	}
	memcpy(a.name, body.name, sizeof(a.name));
	admin_accounts_apply(&a, &body, given, q->password_hash);
	admin_accounts_save(c, q, &a, given, reply);
out:
	mem_wipe(&body, sizeof(body));
}

void admin_accounts_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_accounts_body body = {0};
	struct account a;
	uint32_t given;

	if (!admin_accounts_pick(c, q, q->param, &a, reply) ||
		!admin_accounts_read(q, ADMIN_ACCOUNTS_NAME, &body, &given, reply))
		goto out;
	if (!q->who.admin &&
		(given != 1u << ADMIN_ACCOUNTS_PASSWORD || !admin_scope_is_whole(&q->who.grant))) {
		admin_refuse(reply, API_ERROR_NOT_ALLOWED,
			"An account changes its own password only, with a key that may everything "
			"its "
			"account may and does not expire.");
		goto out;
	}
	admin_accounts_apply(&a, &body, given, q->password_hash);
	admin_accounts_save(c, q, &a, given, reply);
out:
	mem_wipe(&body, sizeof(body));
}
