/*
 * A login by a person is RFC 8628's: the relay gives a code, the person approves it on the relay's
 * page, and adit asks until that has happened. The key goes into its file and nowhere else.
 */
#include "agent/login.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/api.h"
#include "agent/api_json.h"
#include "agent/cli_key.h"
#include "agent/key_file.h"
#include "base/err.h"
#include "base/secret.h"
#include "config/env.h"
#include "config/opt_value.h"
#include "io/loop.h"

#define LOGIN_INTERVAL_S 5u /* where the relay names none */
#define LOGIN_INTERVAL_MAX_S 60u
#define LOGIN_EXPIRES_S 600u
#define LOGIN_EXPIRES_MAX_S 3600u

struct login {
	struct cli_conf *conf; /* borrowed */
	char **environ_list; /* borrowed */
	struct buf *message; /* borrowed */
	struct buf path; /* of the key's file */
	struct api *api; /* owned */
	bool shows_time; /* standard output is a terminal */
};

/* ---- what is shown ---- */

static void login_put(const struct buf *text)
{
	fwrite(buf_slice(text).ptr, 1, buf_len(text), stdout);
	fflush(stdout);
}

static void login_json_member(struct buf *out, const char *name, struct slice value)
{
	buf_printf(out, ",\"%s\":", name);
	api_append_json(out, value);
}

static void login_show_code(const struct login *l, const struct api_json *json, uint64_t expires_s)
{
	struct slice code = api_json_text(json, "user_code");
	struct slice page = api_json_text(json, "verification_uri");
	struct slice whole = api_json_text(json, "verification_uri_complete");
	struct buf out = {0};

	if (l->conf->values.json) {
		buf_append_str(&out, "{\"event\":\"login_started\"");
		login_json_member(&out, "relay", slice_from_str(l->conf->relay.text));
		login_json_member(&out, "user_code", code);
		login_json_member(&out, "verification_uri", page);
		login_json_member(&out, "verification_uri_complete", whole);
		buf_printf(&out, ",\"expires_in\":%llu}\n", (unsigned long long)expires_s);
	} else {
		bool bold = l->shows_time && !env_get(l->environ_list, "NO_COLOR");

		buf_append_str(&out, "Open this page, and enter the code there:\n\n    ");
		api_append_plain(&out, page);
		buf_append_str(&out, bold ? "\n\n    \x1b[1m" : "\n\n    ");
		api_append_plain(&out, code);
		buf_append_str(&out, bold ? "\x1b[m\n\n" : "\n\n");
		if (whole.len) {
			buf_append_str(&out, "or open this one, which has it already:\n\n    ");
			api_append_plain(&out, whole);
			buf_append_str(&out, "\n\n");
		}
		buf_printf(&out, "Waiting until it is approved (for %llu minutes at most).%s",
			(unsigned long long)(expires_s + 59) / 60, l->shows_time ? "" : "\n");
	}
	login_put(&out);
	buf_release(&out);
}

/* How long there still is, on a terminal. */
static void login_show_time(const struct login *l, uint64_t left_s)
{
	if (l->shows_time)
		printf("\r\x1b[KWaiting until it is approved: %llu:%02llu left. ",
			(unsigned long long)left_s / 60, (unsigned long long)left_s % 60);
	fflush(stdout);
}

static void login_show_done(const struct login *l, const struct api_json *json)
{
	struct slice account = api_json_text(json, "account");
	struct slice file = slice_from_str(buf_slice(&l->path).ptr);
	struct buf out = {0};

	if (l->conf->values.json) {
		buf_append_str(&out, "{\"event\":\"login_done\"");
		login_json_member(&out, "relay", slice_from_str(l->conf->relay.text));
		login_json_member(&out, "account", account);
		login_json_member(&out, "file", file);
		buf_append_str(&out, "}\n");
	} else {
		buf_printf(&out, "%sLogged in to %s as ", l->shows_time ? "\r\x1b[K" : "",
			l->conf->relay.text);
		api_append_plain(&out, account.len ? account : SLICE("(nobody in particular)"));
		buf_append_str(&out, ". The key is in ");
		api_append_plain(&out, file);
		buf_append_char(&out, '\n');
	}
	login_put(&out);
	buf_release(&out);
}

/* ---- the page ---- */

/* Only what is a URL: the text goes to another program. */
static void login_open_page(const struct login *l, const struct api_json *json)
{
	struct slice page = api_json_text(json, "verification_uri_complete");
	char *argv[] = {(char *)(uintptr_t) "xdg-open", NULL, NULL};
	struct buf url = {0};
	pid_t child;

	if (!page.len)
		page = api_json_text(json, "verification_uri");
	if (!slice_starts(page, SLICE("https://")) && !slice_starts(page, SLICE("http://")))
		return;
	buf_append_slice(&url, page);
	buf_append_char(&url, '\0');
	argv[1] = url.base + url.start;
	if (posix_spawnp(&child, argv[0], NULL, NULL, argv, l->environ_list) != 0)
		fprintf(stderr, "adit: xdg-open cannot be started; open the page by hand\n");
	buf_release(&url);
}

/* ---- a login by a person ---- */

static bool login_is(const struct api_answer *answer, const char *code)
{
	return strcmp(answer->code, code) == 0;
}

static uint64_t login_number(
	const struct api_json *json, const char *name, uint64_t usual, uint64_t most)
{
	uint64_t value;

	if (!api_json_number(json, name, &value) || !value)
		return usual;
	return value < most ? value : most;
}

static enum run_exit login_keep(struct login *l, const struct api_json *json)
{
	if (key_file_write(buf_slice(&l->path).ptr, api_json_text(json, "key"), l->message) != 0)
		return RUN_FAILED;
	login_show_done(l, json);
	return RUN_STOPPED;
}

/* A second at a time, so that a person sees that it goes on. */
static void login_wait(const struct login *l, uint64_t wait_s, uint64_t until_us)
{
	const struct timespec second = {.tv_sec = 1};

	for (uint64_t i = 0; i < wait_s && loop_clock_us() < until_us; i++) {
		login_show_time(l, (until_us - loop_clock_us()) / 1000000);
		nanosleep(&second, NULL);
	}
}

/* True: it is over, with the exit code; false: ask again, after *interval_s from now on. */
static bool login_poll(
	struct login *l, const struct api_call *call, uint64_t *interval_s, enum run_exit *exit_out)
{
	struct buf why = {0};
	struct api_answer answer;
	bool is_over = true;

	*exit_out = api_ask(l->api, call, &answer, &why);
	if (*exit_out == RUN_STOPPED) {
		*exit_out = login_keep(l, answer.json);
	} else if (login_is(&answer, "authorization_pending")) {
		is_over = false;
	} else if (login_is(&answer, "slow_down")) {
		*interval_s += LOGIN_INTERVAL_S;
		is_over = false;
	} else if (*exit_out == RUN_FAILED) {
		/* The network, or a relay that restarts: it may be back in time. */
		*interval_s *= 2;
		is_over = false;
	} else {
		buf_append_slice(l->message, buf_slice(&why));
	}
	if (*interval_s > LOGIN_INTERVAL_MAX_S)
		*interval_s = LOGIN_INTERVAL_MAX_S;
	api_answer_deinit(&answer);
	buf_release(&why);
	return is_over;
}

static enum run_exit login_follow(struct login *l, const struct api_json *begun)
{
	uint64_t expires_s =
		login_number(begun, "expires_in", LOGIN_EXPIRES_S, LOGIN_EXPIRES_MAX_S);
	uint64_t interval_s =
		login_number(begun, "interval", LOGIN_INTERVAL_S, LOGIN_INTERVAL_MAX_S);
	uint64_t until_us = loop_clock_us() + expires_s * 1000000;
	struct buf body = {0};
	struct api_call call = {"POST", "/device/token", {NULL, 0}};
	enum run_exit status = RUN_FAILED;
	bool is_over = false;

	buf_append_str(&body, "{\"device_code\":");
	api_append_json(&body, api_json_text(begun, "device_code"));
	buf_append_char(&body, '}');
	call.body = buf_slice(&body);
	login_show_code(l, begun, expires_s);
	if (l->conf->values.open)
		login_open_page(l, begun);
	while (!is_over && loop_clock_us() < until_us) {
		login_wait(l, interval_s, until_us);
		is_over = login_poll(l, &call, &interval_s, &status);
	}
	if (!is_over)
		buf_append_str(
			l->message, "nobody has approved the login in time; begin a new one");
	if (status != RUN_STOPPED && l->shows_time)
		puts("");
	buf_release(&body);
	return is_over ? status : RUN_FAILED;
}

static enum run_exit login_by_page(struct login *l)
{
	struct api_call call = {"POST", "/device", {NULL, 0}};
	struct api_answer answer;
	struct buf body = {0};
	char host[65] = "";
	enum run_exit status;

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	buf_append_str(&body, "{\"host\":");
	api_append_json(&body, slice_from_str(host));
	buf_append_char(&body, '}');
	call.body = buf_slice(&body);
	status = api_ask(l->api, &call, &answer, l->message);
	if (status == RUN_STOPPED)
		status = login_follow(l, answer.json);
	api_answer_deinit(&answer);
	buf_release(&body);
	return status;
}

/* ---- with a key that is there ---- */

static enum run_exit login_with_key(struct login *l)
{
	const struct api_call call = {"GET", "/me", {NULL, 0}};
	struct api_answer answer;
	enum run_exit status = api_ask(l->api, &call, &answer, l->message);

	if (status == RUN_STOPPED &&
		key_file_write(
			buf_slice(&l->path).ptr, slice_from_str(api_key(l->api)), l->message) != 0)
		status = RUN_FAILED;
	if (status == RUN_STOPPED)
		login_show_done(l, answer.json);
	api_answer_deinit(&answer);
	return status;
}

/* ---- commands ---- */

static int login_prepare(struct login *l)
{
	struct cli_conf *conf = l->conf;
	int err = 0;

	if (conf->args.word_count) {
		relay_url_deinit(&conf->relay);
		err = cli_conf_set_relay(conf, slice_from_str(conf->args.words[0]), l->message);
	}
	if (!err)
		err = cli_conf_need_relay(conf, l->message);
	if (!err && !cli_key_path(conf, l->environ_list, &l->path)) {
		buf_append_str(l->message,
			"there is no folder of the user (HOME) to keep a key in; use ADIT_TOKEN");
		err = ERR_NOT_FOUND;
	}
	return err;
}

enum run_exit login_run(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	struct login l = {.conf = conf,
		.environ_list = environ_list,
		.message = message,
		.shows_time = !conf->values.json && isatty(STDOUT_FILENO)};
	bool is_asked = conf->values.token && strcmp(conf->values.token, "-") == 0;
	bool has_key = is_asked || conf->values.token_file;
	enum run_exit status = RUN_USAGE;

	if (!has_key && conf->values.token)
		fputs("adit: ADIT_TOKEN is set, and is used instead of what is kept here\n",
			stderr);
	if (login_prepare(&l) == 0 &&
		api_open(conf, environ_list, has_key ? API_WITH_KEY : API_FOR_LOGIN, &l.api,
			message) == 0)
		status = has_key ? login_with_key(&l) : login_by_page(&l);
	api_close(&l.api);
	buf_release(&l.path);
	return status;
}

/* The part of a key that may be shown: adit_<id>_<secret>. */
static struct slice login_key_id(const char *key)
{
	struct slice rest = slice_from(slice_from_str(key), strlen("adit_"));

	return slice_first(rest, slice_find(rest, '_'));
}

static enum run_exit login_revoke(struct login *l)
{
	struct slice id = login_key_id(api_key(l->api));
	struct api_answer answer;
	struct buf target = {0}, why = {0};
	struct api_call call = {.method = "DELETE"};
	enum run_exit status;

	buf_printf(&target, "/keys/%.*s%c", SLICE_ARG(id), '\0');
	call.target = buf_slice(&target).ptr;
	status = api_ask(l->api, &call, &answer, &why);
	/* One that is no good any more is what was wanted. */
	if (answer.status == 401 || answer.status == 404)
		status = RUN_STOPPED;
	if (status != RUN_STOPPED)
		buf_printf(l->message,
			"the key was removed from this machine, but could not be revoked: %.*s. "
			"Revoke %.*s on the relay",
			SLICE_ARG(buf_slice(&why)), SLICE_ARG(id));
	api_answer_deinit(&answer);
	buf_release(&target);
	buf_release(&why);
	return status;
}

static void login_show_end(const struct login *l, bool had_key)
{
	struct buf out = {0};

	if (l->conf->values.json) {
		buf_append_str(&out, "{\"event\":\"logout_done\"");
		login_json_member(&out, "relay", slice_from_str(l->conf->relay.text));
		buf_printf(&out, ",\"had_key\":%s}\n", had_key ? "true" : "false");
	} else {
		buf_printf(&out, had_key ? "Logged out of %s\n" : "There is no key for %s here\n",
			l->conf->relay.text);
	}
	login_put(&out);
	buf_release(&out);
}

enum run_exit login_end(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	struct login l = {.conf = conf, .environ_list = environ_list, .message = message};
	enum run_exit status = RUN_USAGE;
	const char *path;
	int err;

	/* It is about the key that is kept here, and no other. */
	opt_value_wipe(&conf->values.token);
	opt_value_wipe(&conf->values.token_file);
	if (login_prepare(&l) != 0)
		goto out;
	path = buf_slice(&l.path).ptr;
	/* One that others could read must be revoked all the more. */
	if (access(path, F_OK) == 0 && chmod(path, 0600) != 0)
		fprintf(stderr, "adit: %s is not ours\n", path);
	if (api_open(conf, environ_list, API_WITH_KEY, &l.api, message) != 0)
		goto out;
	err = key_file_remove(path, message);
	status = err && err != ERR_NOT_FOUND ? RUN_FAILED : RUN_STOPPED;
	if (status == RUN_STOPPED && api_has_key(l.api))
		status = login_revoke(&l);
	if (status == RUN_STOPPED)
		login_show_end(&l, api_has_key(l.api));
out:
	api_close(&l.api);
	buf_release(&l.path);
	return status;
}
