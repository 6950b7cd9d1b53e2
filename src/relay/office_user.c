/* A password that was made goes to standard output alone; all other words to standard error. */
#include "relay/office_user.h"

#include <stdio.h>

#include "base/mem.h"
#include "relay/admin_json.h"
#include "relay/office_desk.h"
#include "relay/office_password.h"
#include "relay/office_table.h"

static const struct office_column office_user_columns[] = {
	{"ACCOUNT", "name", OFFICE_COLUMN_TEXT, NULL},
	{"PLAN", "plan", OFFICE_COLUMN_TEXT, "default"},
	{"PASSWORD", "has_password", OFFICE_COLUMN_YES, "-"},
	{"DISABLED", "disabled", OFFICE_COLUMN_YES, "-"},
	{"CREATED", "created_at", OFFICE_COLUMN_TIME, NULL},
};

static const struct office_table office_user_table = {
	office_user_columns, ARRAY_LEN(office_user_columns)};

int office_user_list(struct office_desk *d)
{
	const struct office_listing listing = {.path = "/accounts",
		.table = &office_user_table,
		.nothing = "There are no accounts yet; aditd user add NAME makes one."};

	return office_desk_list(d, &listing);
}

static void office_user_target(const struct office_desk *d, struct buf *out)
{
	buf_append_str(out, "/accounts/");
	office_desk_escape(out, d->words[0]);
}

/* Changes one account as the body says; the body is ended here. */
static bool office_user_change(struct office_desk *d, struct buf *body)
{
	struct buf target = {0};
	bool good;

	admin_json_end(body, '}');
	office_user_target(d, &target);
	good = office_desk_do(d, HTTP_PATCH, buf_slice(&target), body);
	buf_release(&target);
	mem_wipe(body->base, body->cap);
	buf_release(body);
	return good;
}

static int office_user_set_disabled(struct office_desk *d, bool disabled)
{
	struct buf body = {0};

	admin_json_begin(&body, NULL, '{');
	admin_json_put_bool(&body, "disabled", disabled);
	if (!office_user_change(d, &body))
		return 1;
	office_desk_say(disabled ? "%s is disabled: its keys are refused, and its tunnels end."
				 : "%s is enabled again.",
		d->words[0]);
	return 0;
}

int office_user_disable(struct office_desk *d)
{
	return office_user_set_disabled(d, true);
}

int office_user_enable(struct office_desk *d)
{
	return office_user_set_disabled(d, false);
}

int office_user_plan(struct office_desk *d)
{
	struct buf body = {0};

	admin_json_begin(&body, NULL, '{');
	if (strcmp(d->words[1], "default") == 0)
		admin_json_put_null(&body, "plan");
	else
		admin_json_put_text(&body, "plan", slice_from_str(d->words[1]));
	if (!office_user_change(d, &body))
		return 1;
	office_desk_say("%s has the plan %s now.", d->words[0], d->words[1]);
	return 0;
}

/* Puts the password into the body, if there is one; the text is the caller's to wipe. */
static bool office_user_password(
	struct office_desk *d, struct buf *body, struct buf *text, enum office_password_kind *kind)
{
	struct buf message = {0};
	bool good = office_password_get(&d->values, d->words[0], kind, text, &message) == 0;

	if (!good)
		office_desk_complain("%.*s", SLICE_ARG(buf_slice(&message)));
	buf_release(&message);
	/* Enough for every escape, so that nothing of it stays behind elsewhere in memory. */
	buf_reserve(body, 1024);
	if (good && *kind == OFFICE_PASSWORD_REMOVE)
		admin_json_put_null(body, "password");
	else if (good && *kind != OFFICE_PASSWORD_NONE)
		admin_json_put_text(body, "password", buf_slice(text));
	return good;
}

static void office_user_tell(
	const struct office_desk *d, enum office_password_kind kind, const struct buf *text)
{
	switch (kind) {
	case OFFICE_PASSWORD_MADE:
		office_desk_say("The password of %s, shown this once:", d->words[0]);
		printf("%.*s\n", SLICE_ARG(buf_slice(text)));
		break;
	case OFFICE_PASSWORD_GIVEN:
		office_desk_say("%s can sign in with the password.", d->words[0]);
		break;
	case OFFICE_PASSWORD_NONE:
	case OFFICE_PASSWORD_REMOVE:
		office_desk_say("%s has no password: adit login needs one (aditd user passwd %s).",
			d->words[0], d->words[0]);
		break;
	}
}

static void office_user_forget(struct buf *text)
{
	if (text->base)
		mem_wipe(text->base, text->cap);
	buf_release(text);
}

int office_user_passwd(struct office_desk *d)
{
	struct buf body = {0}, text = {0};
	enum office_password_kind kind;
	bool good;

	admin_json_begin(&body, NULL, '{');
	good = office_user_password(d, &body, &text, &kind);
	if (good && kind == OFFICE_PASSWORD_NONE) {
		office_desk_complain("there is no terminal to ask for a password: use "
				     "--password-stdin or --generate-password");
		good = false;
	}
	if (good)
		good = office_user_change(d, &body);
	if (good)
		office_user_tell(d, kind, &text);
	office_user_forget(&text);
	office_user_forget(&body);
	return good ? 0 : 1;
}

int office_user_add(struct office_desk *d)
{
	struct buf body = {0}, text = {0};
	enum office_password_kind kind;
	bool good;

	admin_json_begin(&body, NULL, '{');
	admin_json_put_text(&body, "name", slice_from_str(d->words[0]));
	if (d->values.plan)
		admin_json_put_text(&body, "plan", slice_from_str(d->values.plan));
	good = office_user_password(d, &body, &text, &kind);
	admin_json_end(&body, '}');
	if (good)
		good = office_desk_do(d, HTTP_POST, SLICE("/accounts"), &body);
	if (good) {
		office_desk_say("The account %s was made.", d->words[0]);
		office_user_tell(d, kind, &text);
		office_desk_say("aditd key create %s makes a key for it.", d->words[0]);
	}
	office_user_forget(&text);
	office_user_forget(&body);
	return good ? 0 : 1;
}
