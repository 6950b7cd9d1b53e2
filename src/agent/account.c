/* One or a few requests each; --json hands on what the relay said. */
#include "agent/account.h"

#include <stdio.h>

#include "agent/api.h"
#include "agent/api_json.h"
#include "base/err.h"

#define ACCOUNT_NAME_MAX 63u
#define ACCOUNT_LIST "?limit=100" /* what a person wants to read */

static void account_put(struct buf *text)
{
	fwrite(buf_slice(text).ptr, 1, buf_len(text), stdout);
	fflush(stdout);
	buf_release(text);
}

static enum run_exit account_open(
	struct cli_conf *conf, char **environ_list, struct api **out, struct buf *message)
{
	if (api_open(conf, environ_list, API_WITH_KEY, out, message) != 0)
		return RUN_USAGE;
	if (api_has_key(*out))
		return RUN_STOPPED;
	api_print_no_key(*out, message);
	api_close(out);
	return RUN_USAGE;
}

/* A name as it stands in a path, also when it was given as the tunnel's URL. */
static int account_name(struct slice given, struct slice *name_out, struct buf *message)
{
	struct slice name = given;

	if (slice_starts(name, SLICE("https://")))
		name = slice_from(name, 8);
	else if (slice_starts(name, SLICE("http://")))
		name = slice_from(name, 7);
	if (name.ptr != given.ptr)
		name = slice_first(name, slice_find(name, '.'));
	if (name.len && name.len <= ACCOUNT_NAME_MAX && slice_is_token(name)) {
		*name_out = name;
		return 0;
	}
	opt_quote(message, given);
	buf_append_str(message, " is not a name: it has letters, digits and hyphens");
	return ERR_SYNTAX;
}

/* ---- status ---- */

struct account_picture {
	const struct cli_conf *conf;
	struct api_answer me, tunnels, names;
};

static void account_row(struct buf *out, const char *what, struct slice value)
{
	buf_printf(out, "%-10s", what);
	api_append_plain(out, value);
	buf_append_char(out, '\n');
}

static void account_put_key(struct buf *out, const struct api_json *key)
{
	struct slice label = api_json_text(key, "label"), until = api_json_text(key, "expires_at");

	if (!key)
		return;
	buf_printf(out, "%-10s", "key");
	api_append_plain(out, api_json_text(key, "id"));
	if (label.len) {
		buf_append_str(out, "  ");
		api_append_plain(out, label);
	}
	if (until.len) {
		buf_append_str(out, "  until ");
		api_append_plain(out, until);
	}
	buf_append_char(out, '\n');
}

static void account_put_limits(struct buf *out, const struct api_json *limits)
{
	struct buf row = {0};

	if (!limits)
		return;
	if (!api_json_print_member(limits, 0, &row))
		account_row(out, "limits", SLICE("none"));
	buf_clear(&row);
	for (size_t i = 0; api_json_print_member(limits, i, &row); i++) {
		buf_printf(out, "%-10s", i ? "" : "limits");
		api_append_plain(out, buf_slice(&row));
		buf_append_char(out, '\n');
		buf_clear(&row);
	}
	buf_release(&row);
}

static void account_put_name(struct buf *out, const struct api_json *name)
{
	api_append_plain(out, api_json_text(name, "name"));
	buf_append_str(out, api_json_is_true(name, "reserved") ? "  reserved" : "");
	buf_append_str(out, api_json_is_true(name, "protected") ? "  protected\n" : "\n");
}

static void account_put_tunnel(struct buf *out, const struct api_json *tunnel)
{
	api_append_plain(out, api_json_text(tunnel, "url"));
	buf_append_str(out, api_json_is_true(tunnel, "protected") ? "  protected" : "");
	buf_append_str(out, api_json_is_true(tunnel, "online") ? "  online\n" : "  offline\n");
}

/* A line for each of a list, the first one with the word in front. */
static void account_put_list(struct buf *out, const char *what, const struct api_json *answer,
	void (*put)(struct buf *out, const struct api_json *one))
{
	const struct api_json *items = api_json_get(answer, "items"), *one;

	for (size_t i = 0; (one = api_json_at(items, i)) != NULL; i++) {
		buf_printf(out, "%-10s", i ? "" : what);
		put(out, one);
	}
	if (api_json_text(answer, "next").len)
		buf_printf(out, "%-10sand more\n", "");
}

static void account_put_picture(const struct account_picture *p)
{
	const struct api_json *me = p->me.json;
	struct slice account = api_json_text(me, "account"), plan = api_json_text(me, "plan");
	struct buf out = {0};

	account_row(&out, "relay", slice_from_str(p->conf->relay.text));
	account_row(&out, "account", account.len ? account : SLICE("none"));
	if (plan.len)
		account_row(&out, "plan", plan);
	account_put_key(&out, api_json_get(me, "key"));
	account_put_limits(&out, api_json_get(me, "limits"));
	account_put_list(&out, "names", p->names.json, account_put_name);
	account_put_list(&out, "tunnels", p->tunnels.json, account_put_tunnel);
	account_put(&out);
}

static void account_put_json(const struct account_picture *p)
{
	struct buf out = {0};

	buf_append_str(&out, "{\"event\":\"status\",\"relay\":");
	api_append_json(&out, slice_from_str(p->conf->relay.text));
	buf_append_str(&out, ",\"me\":");
	api_json_print(p->me.json, &out);
	buf_append_str(&out, ",\"names\":");
	api_json_print(api_json_get(p->names.json, "items"), &out);
	buf_append_str(&out, ",\"tunnels\":");
	api_json_print(api_json_get(p->tunnels.json, "items"), &out);
	buf_append_str(&out, "}\n");
	account_put(&out);
}

enum run_exit account_status(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	const struct api_call me = {"GET", "/me", {NULL, 0}};
	const struct api_call names = {"GET", "/names" ACCOUNT_LIST, {NULL, 0}};
	const struct api_call tunnels = {"GET", "/tunnels" ACCOUNT_LIST, {NULL, 0}};
	struct account_picture p = {.conf = conf};
	struct api *api;
	enum run_exit status = account_open(conf, environ_list, &api, message);

	if (status != RUN_STOPPED)
		return status;
	status = api_ask(api, &me, &p.me, message);
	if (status == RUN_STOPPED)
		status = api_ask(api, &names, &p.names, message);
	if (status == RUN_STOPPED)
		status = api_ask(api, &tunnels, &p.tunnels, message);
	if (status == RUN_STOPPED && conf->values.json)
		account_put_json(&p);
	else if (status == RUN_STOPPED)
		account_put_picture(&p);
	api_answer_deinit(&p.me);
	api_answer_deinit(&p.names);
	api_answer_deinit(&p.tunnels);
	api_close(&api);
	return status;
}

/* ---- names and links ---- */

/* What is said when a request has gone well. */
struct account_words {
	const char *event;
	const char *sentence; /* behind the name; NULL: the answer's URL alone */
};

static void account_tell(const struct cli_conf *conf, const struct account_words *words,
	struct slice name, const struct api_json *answer)
{
	struct slice url = api_json_text(answer, "url");
	struct buf out = {0};

	if (conf->values.json) {
		buf_printf(&out, "{\"event\":\"%s\",\"name\":", words->event);
		api_append_json(&out, name);
		if (url.len) {
			buf_append_str(&out, ",\"url\":");
			api_append_json(&out, url);
		}
		buf_append_str(&out, "}\n");
	} else if (words->sentence) {
		buf_printf(&out, "%.*s %s\n", SLICE_ARG(name), words->sentence);
	} else {
		api_append_plain(&out, url);
		buf_append_char(&out, '\n');
	}
	account_put(&out);
}

/* One request about a name. */
struct account_errand {
	const char *method;
	const char *path;
	const char *behind; /* the name, in the path; NULL: the name is not in it */
	const struct buf *body; /* NULL: none */
	struct account_words words;
};

static enum run_exit account_do(struct cli_conf *conf, char **environ_list,
	const struct account_errand *errand, struct buf *message)
{
	struct api_call call = {.method = errand->method};
	struct buf target = {0};
	struct api_answer answer;
	struct slice name;
	struct api *api;
	enum run_exit status;

	if (account_name(slice_from_str(conf->args.words[0]), &name, message) != 0)
		return RUN_USAGE;
	status = account_open(conf, environ_list, &api, message);
	if (status != RUN_STOPPED)
		return status;
	buf_append_str(&target, errand->path);
	if (errand->behind)
		buf_printf(&target, "/%.*s%s", SLICE_ARG(name), errand->behind);
	buf_append_char(&target, '\0');
	call.target = buf_slice(&target).ptr;
	if (errand->body)
		call.body = buf_slice(errand->body);
	status = api_ask(api, &call, &answer, message);
	if (status == RUN_STOPPED)
		account_tell(conf, &errand->words, name, answer.json);
	api_answer_deinit(&answer);
	api_close(&api);
	buf_release(&target);
	return status;
}

enum run_exit account_reserve(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	struct buf body = {0};
	const struct account_errand errand = {.method = "POST",
		.path = "/names",
		.body = &body,
		.words = {"name_reserved", "is reserved"}};
	enum run_exit status;

	buf_append_str(&body, "{\"name\":");
	api_append_json(&body, slice_from_str(conf->args.words[0]));
	buf_append_char(&body, '}');
	status = account_do(conf, environ_list, &errand, message);
	buf_release(&body);
	return status;
}

enum run_exit account_release(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	const struct account_errand errand = {.method = "DELETE",
		.path = "/names",
		.behind = "",
		.words = {"name_released", "is not reserved any more"}};

	return account_do(conf, environ_list, &errand, message);
}

enum run_exit account_share(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	struct buf body = {0};
	const struct account_errand errand = {.method = "POST",
		.path = "/tunnels",
		.behind = "/share",
		.body = &body,
		.words = {"share", NULL}};
	enum run_exit status;

	buf_printf(&body, "{\"expires_in\":%llu", (unsigned long long)conf->values.expires_s);
	if (conf->values.views)
		buf_printf(&body, ",\"views\":%u", conf->values.views);
	buf_append_char(&body, '}');
	status = account_do(conf, environ_list, &errand, message);
	buf_release(&body);
	return status;
}
