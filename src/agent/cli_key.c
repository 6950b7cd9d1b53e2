/* The first place that names a key decides: a bad one is refused, not passed over. */
#include "agent/cli_key.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli_conf.h"
#include "agent/key_file.h"
#include "agent/prompt.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "config/conf_file.h"
#include "config/opt_value.h"

#define CLI_KEY_FILE_MAX 4096u

bool cli_key_path(const struct cli_conf *conf, char **environ_list, struct buf *out)
{
	const char *host = strstr(conf->relay.text, "://") + 3;
	struct buf name = {0};
	bool found;

	buf_printf(&name, "keys/%s%c", host, '\0');
	found = cli_conf_path(environ_list, "CONFIG", buf_slice(&name).ptr, out);
	buf_release(&name);
	return found;
}

bool cli_key_is_safe(const struct cli_conf *conf)
{
	return conf->relay.tls || conf->values.insecure || relay_url_is_loopback(&conf->relay);
}

int cli_key_check_way(const struct cli_conf *conf, struct buf *message)
{
	if (cli_key_is_safe(conf))
		return 0;
	buf_printf(message,
		"the key would go over the network to %s without TLS, for everybody on the way to "
		"read. Use https://, or say that this is fine with --insecure",
		conf->relay.text);
	return ERR_DENIED;
}

int cli_key_read_input(size_t max, struct buf *out, struct buf *message)
{
	char *to = buf_reserve(out, max + 2);
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < max + 2 && !memchr(to, '\n', len)) {
		n = read(STDIN_FILENO, to + len, max + 2 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	len = slice_find(slice_of(to, len), '\n');
	if (len && to[len - 1] == '\r')
		len--;
	buf_commit(out, len);
	if (n >= 0 && len <= max)
		return 0;
	buf_append_str(message,
		n < 0 ? "standard input cannot be read"
		      : "the first line of standard input is too long");
	return n < 0 ? ERR_SYSTEM : ERR_LIMIT;
}

static int cli_key_take(struct slice text, const char *where, char **key_out, struct buf *message)
{
	struct slice key = slice_trim_lines(text);

	if (!key_file_is_key(key)) {
		buf_printf(message, "%s holds no key of adit: it would begin with adit_", where);
		return ERR_SYNTAX;
	}
	*key_out = secret_dup(key);
	return 0;
}

static int cli_key_named_file(const struct cli_conf *conf, char **key_out, struct buf *message)
{
	const char *file = conf->values.token_file;
	struct buf content = {0}, why = {0};
	bool is_input = strcmp(file, "-") == 0;
	int err;

	if (is_input)
		err = cli_key_read_input(CLI_KEY_FILE_MAX, &content, message);
	else
		err = conf_file_read(file, CLI_KEY_FILE_MAX, &content, &why);
	if (buf_len(&why))
		buf_printf(message, "--token-file: %.*s", SLICE_ARG(buf_slice(&why)));
	if (!err)
		err = cli_key_take(
			buf_slice(&content), is_input ? "standard input" : file, key_out, message);
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

static int cli_key_ask(char **key_out, struct buf *message)
{
	struct buf text = {0};
	int err;

	if (isatty(STDIN_FILENO)) {
		err = prompt_secret("Key: ", CLI_KEY_FILE_MAX, &text);
		if (err)
			buf_append_str(message, "no key was given");
	} else {
		err = cli_key_read_input(CLI_KEY_FILE_MAX, &text, message);
	}
	if (!err)
		err = cli_key_take(buf_slice(&text), "what was given", key_out, message);
	conf_file_forget(&text);
	return err;
}

static int cli_key_kept(
	const struct cli_conf *conf, char **environ_list, char **key_out, struct buf *message)
{
	struct buf path = {0}, key = {0};
	int err = 0;

	if (cli_key_path(conf, environ_list, &path)) {
		err = key_file_read(buf_slice(&path).ptr, &key, message);
		if (!err)
			*key_out = secret_dup(buf_slice(&key));
		if (err == ERR_NOT_FOUND)
			err = 0;
	}
	conf_file_forget(&key);
	buf_release(&path);
	return err;
}

int cli_key_find(struct cli_conf *conf, char **environ_list, char **key_out, struct buf *message)
{
	int err;

	*key_out = NULL;
	if (conf->values.token && strcmp(conf->values.token, "-") == 0)
		err = cli_key_ask(key_out, message);
	else if (conf->values.token)
		err = cli_key_take(
			slice_from_str(conf->values.token), "ADIT_TOKEN", key_out, message);
	else if (conf->values.token_file)
		err = cli_key_named_file(conf, key_out, message);
	else
		err = cli_key_kept(conf, environ_list, key_out, message);
	opt_value_wipe(&conf->values.token);
	if (!err && *key_out)
		err = cli_key_check_way(conf, message);
	if (err)
		secret_free(key_out);
	return err;
}
