/* The text of a key is alone on standard output, so that scripts can take it. */
#include "relay/office_key.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "relay/admin_json.h"
#include "relay/office_desk.h"
#include "relay/office_table.h"

static const struct office_column office_key_columns[] = {
	{"ID", "id", OFFICE_COLUMN_TEXT, NULL},
	{"ACCOUNT", "account", OFFICE_COLUMN_TEXT, NULL},
	{"LABEL", "label", OFFICE_COLUMN_TEXT, "-"},
	{"NAMES", "names", OFFICE_COLUMN_WORDS, "any"},
	{"PROTOCOLS", "protocols", OFFICE_COLUMN_WORDS, "none"},
	{"ADMIN", "admin", OFFICE_COLUMN_YES, "-"},
	{"CREATED", "created_at", OFFICE_COLUMN_TIME, NULL},
	{"EXPIRES", "expires_at", OFFICE_COLUMN_TIME, "never"},
	{"LAST USED", "used_at", OFFICE_COLUMN_TIME, "never"},
	{"REVOKED", "revoked_at", OFFICE_COLUMN_TIME, "-"},
};

static const struct office_table office_key_table = {
	office_key_columns, ARRAY_LEN(office_key_columns)};

/* The account, as a word or as --user; NULL when it was not said. */
static const char *office_key_user(const struct office_desk *d)
{
	return d->word_count ? d->words[0] : d->values.user;
}

int office_key_list(struct office_desk *d)
{
	const struct office_listing listing = {.path = "/keys",
		.user = office_key_user(d),
		.table = &office_key_table,
		.nothing = "There are no keys; aditd key create USER makes one."};

	return office_desk_list(d, &listing);
}

/* "any" is what a key has of which nothing was said. */
static bool office_key_is_any(const char *word)
{
	return strcmp(word, "any") == 0;
}

/* False: beside other words it would mean more than they do, or nothing. */
static bool office_key_put_list(struct buf *body, const char *name, char *const *list)
{
	bool any = list[0] && !list[1] && office_key_is_any(list[0]);

	admin_json_begin(body, name, '[');
	for (; *list && !any; list++) {
		if (office_key_is_any(*list)) {
			office_desk_complain("--%s takes any alone, or what it may have", name);
			return false;
		}
		admin_json_put_text(body, NULL, slice_from_str(*list));
	}
	admin_json_end(body, ']');
	return true;
}

/* "20000-20099", or one port. */
static bool office_key_put_ports(struct buf *body, const char *text)
{
	struct slice whole = slice_from_str(text), first;
	uint64_t from, to;

	if (office_key_is_any(text)) {
		admin_json_put_null(body, "port_first");
		admin_json_put_null(body, "port_last");
		return true;
	}
	if (!slice_split(&whole, '-', &first))
		return false;
	if (!whole.ptr)
		whole = first;
	if (num_parse_u64(first, &from) != 0 || num_parse_u64(whole, &to) != 0)
		return false;
	admin_json_put_number(body, "port_first", from);
	admin_json_put_number(body, "port_last", to);
	return true;
}

/* No option undoes another one that is given with it. */
static bool office_key_is_plain(const struct office_values *v)
{
	if (v->admin && v->no_admin)
		office_desk_complain("--admin and --no-admin do not go together");
	else if (v->expires_s && v->no_expiry)
		office_desk_complain("--expires and --no-expiry do not go together");
	else
		return true;
	return false;
}

/* What the options say of a key; ends the body. */
static bool office_key_body(const struct office_desk *d, struct buf *body)
{
	const struct office_values *v = &d->values;

	if (!office_key_is_plain(v))
		return false;
	if (v->label)
		admin_json_put_text(body, "label", slice_from_str(v->label));
	if (v->names && !office_key_put_list(body, "names", v->names))
		return false;
	if (v->protocols && !office_key_put_list(body, "protocols", v->protocols))
		return false;
	if (v->ports && !office_key_put_ports(body, v->ports)) {
		office_desk_complain("--ports takes two ports with a hyphen between: 20000-20099");
		return false;
	}
	if (v->expires_s)
		admin_json_put_number(body, "expires_in", v->expires_s);
	else if (v->no_expiry)
		admin_json_put_null(body, "expires_in");
	if (v->admin || v->no_admin)
		admin_json_put_bool(body, "admin", v->admin);
	admin_json_end(body, '}');
	return true;
}

static void office_key_tell(const struct office_desk *d, const struct office_answer *answer)
{
	struct admin_json *key = admin_json_parse(buf_slice(&answer->body));

	if (d->json) {
		printf("%.*s\n", SLICE_ARG(buf_slice(&answer->body)));
	} else {
		office_desk_say(
			"Key %.*s of %.*s. It is shown this once: keep it, as ADIT_TOKEN or "
			"with adit login --token.",
			SLICE_ARG(admin_json_text(admin_json_get(key, "id"))),
			SLICE_ARG(admin_json_text(admin_json_get(key, "account"))));
		printf("%.*s\n", SLICE_ARG(admin_json_text(admin_json_get(key, "key"))));
	}
	admin_json_free(&key);
}

int office_key_create(struct office_desk *d)
{
	struct office_answer answer;
	struct buf body = {0};
	bool good;

	if (!office_key_user(d)) {
		office_desk_complain("say whose key it is: aditd key create USER");
		return 2;
	}
	admin_json_begin(&body, NULL, '{');
	admin_json_put_text(&body, "account", slice_from_str(office_key_user(d)));
	good = office_key_body(d, &body);
	if (good) {
		good = office_desk_ask(d, HTTP_POST, SLICE("/keys"), &body, &answer);
		if (good)
			office_key_tell(d, &answer);
		office_answer_deinit(&answer);
	}
	buf_release(&body);
	return good ? 0 : 1;
}

int office_key_edit(struct office_desk *d)
{
	struct buf body = {0}, target = {0};
	bool good;

	admin_json_begin(&body, NULL, '{');
	good = office_key_body(d, &body);
	if (good && buf_len(&body) == strlen("{}")) {
		office_desk_complain("say what shall change: aditd key edit --help");
		good = false;
	}
	buf_append_str(&target, "/keys/");
	office_desk_escape(&target, d->words[0]);
	if (good)
		good = office_desk_do(d, HTTP_PATCH, buf_slice(&target), &body);
	if (good)
		office_desk_say("Key %s is changed.", d->words[0]);
	buf_release(&target);
	buf_release(&body);
	return good ? 0 : 1;
}

int office_key_revoke(struct office_desk *d)
{
	int status = 0;

	for (unsigned i = 0; i < d->word_count; i++) {
		struct buf target = {0};

		buf_append_str(&target, "/keys/");
		office_desk_escape(&target, d->words[i]);
		if (office_desk_do(d, HTTP_DELETE, buf_slice(&target), NULL))
			office_desk_say("Key %s is revoked.", d->words[i]);
		else
			status = 1;
		buf_release(&target);
	}
	return status;
}
