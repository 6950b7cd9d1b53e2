/*
 * Loads the HMAC secret as a localtunnel server does, down to the text of its errors, because
 * deployments look for it. Copies of the secret are wiped.
 */
#include "relay/relay_secret.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "config/opt_value.h"
#include "relay/relay_options.h"

#define RELAY_SECRET_MIN 32u /* characters */
#define RELAY_SECRET_FILE_MAX 65536u
#define RELAY_SECRET_FATAL "FATAL: Failed to initialize HMAC authenticator: "
#define RELAY_SECRET_SHORT "HMAC secret must be at least 32 characters long"

/* Characters, not bytes: those of UTF-8 that do not continue another. */
static bool relay_secret_is_long(struct slice secret)
{
	size_t count = 0;

	for (size_t i = 0; i < secret.len; i++)
		count += ((unsigned char)secret.ptr[i] & 0xc0) != 0x80;
	return count >= RELAY_SECRET_MIN;
}

static void relay_secret_put(struct relay_conf *conf, struct slice secret)
{
	char *copy = mem_dup_str(secret.ptr, secret.len);

	opt_value_wipe(&conf->hmac_secret);
	conf->hmac_secret = copy;
}

static int relay_secret_from_file(struct relay_conf *conf, struct buf *message)
{
	struct buf content, why;
	struct slice line = {NULL, 0};
	int err;

	buf_init(&content);
	buf_init(&why);
	err = conf_file_read(conf->hmac_secret_file, RELAY_SECRET_FILE_MAX, &content, &why);
	if (!err) {
		line = slice_trim_lines(buf_slice(&content));
		line = slice_trim_lines(slice_first(line, slice_find(line, '\n')));
		if (line.len && memchr(line.ptr, '\0', line.len)) {
			buf_append_str(&why, "it has a zero byte");
			err = ERR_SYNTAX;
		} else if (!relay_secret_is_long(line)) {
			buf_append_str(&why, RELAY_SECRET_SHORT);
			err = ERR_RANGE;
		}
	}
	if (err)
		buf_printf(message,
			RELAY_SECRET_FATAL "Failed to read HMAC secret from file %s: %.*s",
			conf->hmac_secret_file, SLICE_ARG(buf_slice(&why)));
	else
		relay_secret_put(conf, line);
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

static const struct opt_origin *relay_secret_origin(
	const struct relay_conf *conf, struct slice name)
{
	return &conf->origins[opt_index(&relay_options, opt_find(&relay_options, name))];
}

int relay_secret_load(struct relay_conf *conf, struct buf *message, struct buf *warnings)
{
	const struct opt_origin *file = relay_secret_origin(conf, SLICE("hmac-secret-file"));
	struct slice secret = slice_trim_lines(slice_from_str(conf->hmac_secret));

	/* The variable wins over a file, except over one that the command line names. */
	if (conf->hmac_secret_file && (!conf->hmac_secret || file->layer == OPT_LAYER_FLAG)) {
		if (conf->hmac_secret)
			buf_append_str(warnings,
				"LT_HMAC_SECRET is not used, because "
				"--hmac-secret-file is given\n");
		return relay_secret_from_file(conf, message);
	}
	if (!conf->hmac_secret)
		return 0;
	if (conf->hmac_secret_file)
		buf_printf(
			warnings, "%s is not used, because LT_HMAC_SECRET is set\n", file->where);
	if (!relay_secret_is_long(secret)) {
		buf_append_str(message, RELAY_SECRET_FATAL RELAY_SECRET_SHORT);
		return ERR_RANGE;
	}
	relay_secret_put(conf, secret);
	return 0;
}
