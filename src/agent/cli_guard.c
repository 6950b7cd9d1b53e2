/* A secret has one source; two are a mistake, because only one of them can be meant. */
#include "agent/cli_guard.h"

#include "agent/cli_conf.h"
#include "agent/cli_key.h"
#include "agent/prompt.h"
#include "agent/tunnel_guard.h"
#include "agent/tunnel_spec.h"
#include "base/err.h"
#include "config/conf_file.h"
#include "config/env.h"

#define CLI_GUARD_SECRET_MAX 1024u /* bytes that are read; bounds are checked later */

static const char *const cli_guard_schemes[] = {[CLI_VERIFY_STRIPE] = "stripe",
	[CLI_VERIFY_GITHUB] = "github",
	[CLI_VERIFY_SLACK] = "slack"};

/* Where one secret may be. */
struct cli_guard_places {
	const char *option;
	const char *literal; /* each may be NULL */
	const char *file;
	const char *variable;
	bool is_asked;
};

static int cli_guard_read_file(
	const struct cli_guard_places *places, struct buf *out, struct buf *message)
{
	struct buf content = {0}, why = {0};
	int err = conf_file_read(places->file, CLI_GUARD_SECRET_MAX, &content, &why);
	struct slice line = slice_first(buf_slice(&content), slice_find(buf_slice(&content), '\n'));

	if (err)
		buf_printf(message, "%s-file: %.*s", places->option, SLICE_ARG(buf_slice(&why)));
	else if (slice_ends(line, SLICE("\r")))
		line.len--;
	if (!err)
		buf_append_slice(out, line);
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

static int cli_guard_read_variable(const struct cli_guard_places *places, char **environ_list,
	struct buf *out, struct buf *message)
{
	const char *value = env_get(environ_list, places->variable);

	if (value && *value) {
		buf_append_str(out, value);
		return 0;
	}
	buf_printf(message, "%s-env: the variable %s is not set", places->option, places->variable);
	return ERR_NOT_FOUND;
}

static int cli_guard_ask_once(const char *words, struct buf *out, struct buf *message)
{
	int err = prompt_secret(words, CLI_GUARD_SECRET_MAX, out);

	if (err == ERR_NOT_FOUND)
		buf_append_str(message,
			"--password-prompt needs a terminal; --password - reads standard input");
	else if (err)
		buf_append_str(message, "no password was given");
	return err;
}

/* Nobody sees what was typed, so it is typed twice. */
static int cli_guard_ask(struct buf *out, struct buf *message)
{
	struct buf again = {0};
	int err = cli_guard_ask_once("Password for visitors: ", out, message);

	if (!err)
		err = cli_guard_ask_once("The same again: ", &again, message);
	if (!err && !slice_eq(buf_slice(out), buf_slice(&again))) {
		buf_append_str(message, "the two passwords are not the same");
		err = ERR_SYNTAX;
	}
	conf_file_forget(&again);
	return err;
}

static int cli_guard_check_places(const struct cli_guard_places *places,
	const struct cli_guard_source *source, struct buf *message)
{
	unsigned count = (places->literal != NULL) + (places->file != NULL) +
		(places->variable != NULL) + places->is_asked;

	if (places->is_asked && !source->may_ask) {
		buf_printf(message, "%s-prompt is not for a file", places->option);
		return ERR_SYNTAX;
	}
	if (count < 2)
		return 0;
	buf_printf(message, "%s has %u sources; give one of them", places->option, count);
	return ERR_EXISTS;
}

/* ERR_NOT_FOUND without a message: there is none. */
static int cli_guard_fetch(const struct cli_guard_places *places,
	const struct cli_guard_source *source, struct buf *out, struct buf *message)
{
	int err = cli_guard_check_places(places, source, message);

	if (err)
		return err;
	buf_reserve(out, CLI_GUARD_SECRET_MAX + 1);
	if (places->is_asked)
		return cli_guard_ask(out, message);
	if (places->file)
		return cli_guard_read_file(places, out, message);
	if (places->variable)
		return cli_guard_read_variable(places, source->environ_list, out, message);
	if (!places->literal)
		return ERR_NOT_FOUND;
	if (source->may_ask && strcmp(places->literal, "-") == 0)
		return cli_key_read_input(CLI_GUARD_SECRET_MAX, out, message);
	buf_append_str(out, places->literal);
	return 0;
}

static int cli_guard_password(struct tunnel_guard *guard, const struct cli_values *v,
	const struct cli_guard_source *source, struct buf *message)
{
	const struct cli_guard_places places = {
		"password", v->password, v->password_file, v->password_env, v->password_prompt};
	struct buf secret = {0};
	int err = cli_guard_fetch(&places, source, &secret, message);

	if (!err)
		err = tunnel_guard_set_password(guard, buf_slice(&secret), message);
	else if (err == ERR_NOT_FOUND && !buf_len(message))
		err = 0;
	conf_file_forget(&secret);
	return err;
}

static int cli_guard_verify(struct tunnel_guard *guard, const struct cli_values *v,
	const struct cli_guard_source *source, struct buf *message)
{
	const struct cli_guard_places places = {"verify-secret", v->verify_secret,
		v->verify_secret_file, v->verify_secret_env, false};
	struct buf secret = {0};
	int err;

	if (v->verify_webhook == CLI_VERIFY_OFF)
		return 0;
	err = cli_guard_fetch(&places, source, &secret, message);
	if (err == ERR_NOT_FOUND && !buf_len(message))
		buf_append_str(message,
			"verify-webhook needs the secret of the webhooks: verify-secret-file, "
			"verify-secret-env or ADIT_VERIFY_SECRET");
	if (!err)
		err = tunnel_guard_set_verify(
			guard, cli_guard_schemes[v->verify_webhook], buf_slice(&secret), message);
	conf_file_forget(&secret);
	return err;
}

int cli_guard_fill(struct tunnel_guard *guard, const struct cli_values *v,
	const struct cli_guard_source *source, struct buf *message)
{
	int err = tunnel_guard_print_networks(v->allow, &guard->allow, message);

	if (!err)
		err = tunnel_guard_print_networks(v->deny, &guard->deny, message);
	if (!err)
		err = cli_guard_verify(guard, v, source, message);
	if (!err)
		err = cli_guard_password(guard, v, source, message);
	if (err)
		tunnel_guard_deinit(guard);
	return err;
}

int cli_guard_check_way(const struct cli_conf *conf, const struct tunnel_spec *specs, size_t count,
	struct buf *message)
{
	for (size_t i = 0; i < count; i++) {
		if (!tunnel_guard_has_secret(&specs[i].guard) || cli_key_is_safe(conf))
			continue;
		buf_printf(message,
			"the password or secret of tunnel \"%s\" would go to %s without TLS, for "
			"everybody on the way to read. Use https://, or say that this is fine with "
			"--insecure",
			specs[i].label, conf->relay.text);
		return ERR_DENIED;
	}
	return 0;
}
