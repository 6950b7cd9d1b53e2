/* Commands that are a list, or one request for each word. */
#include "relay/office_rest.h"

#include <stdio.h>

#include "relay/admin_json.h"
#include "relay/office_desk.h"
#include "relay/office_table.h"

#define OFFICE_AUDIT_ROWS 50u

static const struct office_column office_name_columns[] = {
	{"NAME", "name", OFFICE_COLUMN_TEXT, NULL},
	{"ACCOUNT", "account", OFFICE_COLUMN_TEXT, NULL},
	{"RESERVED", "reserved", OFFICE_COLUMN_YES, "-"},
	{"GIVEN TO KEY", "key", OFFICE_COLUMN_TEXT, "-"},
	{"PASSWORD", "protected", OFFICE_COLUMN_YES, "-"},
	{"SINCE", "created_at", OFFICE_COLUMN_TIME, NULL},
};

static const struct office_column office_tunnel_columns[] = {
	{"NAME", "name", OFFICE_COLUMN_TEXT, NULL},
	{"KIND", "kind", OFFICE_COLUMN_TEXT, NULL},
	{"ACCOUNT", "account", OFFICE_COLUMN_TEXT, "-"},
	{"ADDRESS", "address", OFFICE_COLUMN_TEXT, "-"},
	{"ONLINE", "online", OFFICE_COLUMN_YES, "no"},
	{"PASSWORD", "protected", OFFICE_COLUMN_YES, "-"},
	{"CONNECTIONS", "connections", OFFICE_COLUMN_NUMBER, NULL},
	{"SINCE", "created_at", OFFICE_COLUMN_TIME, NULL},
	{"URL", "url", OFFICE_COLUMN_TEXT, NULL},
};

static const struct office_column office_audit_columns[] = {
	{"TIME", "at", OFFICE_COLUMN_TIME, NULL},
	{"WHO", "actor", OFFICE_COLUMN_TEXT, NULL},
	{"FROM", "address", OFFICE_COLUMN_TEXT, "-"},
	{"WHAT", "event", OFFICE_COLUMN_TEXT, NULL},
	{"OF", "subject", OFFICE_COLUMN_TEXT, "-"},
	{"DETAIL", "detail", OFFICE_COLUMN_OBJECT, NULL},
};

static const struct office_column office_usage_columns[] = {
	{"MONTH", "month", OFFICE_COLUMN_TEXT, NULL},
	{"ACCOUNT", "account", OFFICE_COLUMN_TEXT, "-"},
	{"REQUESTS", "requests", OFFICE_COLUMN_NUMBER, NULL},
	{"IN", "bytes_in", OFFICE_COLUMN_BYTES, NULL},
	{"OUT", "bytes_out", OFFICE_COLUMN_BYTES, NULL},
};

#define OFFICE_REST_TABLE(name)                                                                    \
	static const struct office_table office_##name##_table = {                                 \
		office_##name##_columns, ARRAY_LEN(office_##name##_columns)}
OFFICE_REST_TABLE(name);
OFFICE_REST_TABLE(tunnel);
OFFICE_REST_TABLE(audit);
OFFICE_REST_TABLE(usage);

/* One request below the path for each word; says what happened in the words of the format. */
static int office_rest_each(
	struct office_desk *d, enum http_method method, const char *path, const char *done)
{
	int status = 0;

	for (unsigned i = 0; i < d->word_count; i++) {
		struct buf target = {0};

		buf_append_str(&target, path);
		office_desk_escape(&target, d->words[i]);
		if (office_desk_do(d, method, buf_slice(&target), NULL))
			office_desk_say("%s %s", d->words[i], done);
		else
			status = 1;
		buf_release(&target);
	}
	return status;
}

int office_rest_name_list(struct office_desk *d)
{
	const struct office_listing listing = {.path = "/names",
		.user = d->word_count ? d->words[0] : d->values.user,
		.table = &office_name_table,
		.nothing = "No name belongs to an account; aditd name add NAME USER reserves one."};

	return office_desk_list(d, &listing);
}

int office_rest_name_add(struct office_desk *d)
{
	const char *user = d->word_count > 1 ? d->words[1] : d->values.user;
	struct buf body = {0};
	bool good;

	if (!user) {
		office_desk_complain("say for whom: aditd name add %s USER", d->words[0]);
		return 2;
	}
	admin_json_begin(&body, NULL, '{');
	admin_json_put_text(&body, "name", slice_from_str(d->words[0]));
	admin_json_put_text(&body, "account", slice_from_str(user));
	admin_json_end(&body, '}');
	good = office_desk_do(d, HTTP_POST, SLICE("/names"), &body);
	if (good)
		office_desk_say("%s is reserved for %s.", d->words[0], user);
	buf_release(&body);
	return good ? 0 : 1;
}

int office_rest_name_remove(struct office_desk *d)
{
	return office_rest_each(d, HTTP_DELETE, "/names/", "may be taken by anybody now.");
}

int office_rest_tunnel_list(struct office_desk *d)
{
	const struct office_listing listing = {
		.path = "/tunnels", .table = &office_tunnel_table, .nothing = "No tunnel is open."};

	return office_desk_list(d, &listing);
}

int office_rest_tunnel_kill(struct office_desk *d)
{
	return office_rest_each(d, HTTP_DELETE, "/tunnels/", "was ended.");
}

int office_rest_audit(struct office_desk *d)
{
	const struct office_listing listing = {.path = "/audit",
		.table = &office_audit_table,
		.nothing = "Nothing was changed yet.",
		.limit = d->values.limit ? d->values.limit : OFFICE_AUDIT_ROWS};

	return office_desk_list(d, &listing);
}

int office_rest_usage(struct office_desk *d)
{
	const struct office_listing listing = {.path = "/usage",
		.user = d->word_count ? d->words[0] : d->values.user,
		.table = &office_usage_table,
		.nothing = "Nothing was counted yet."};

	return office_desk_list(d, &listing);
}
