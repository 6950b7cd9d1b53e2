/*
 * Loads the relay's options from every layer, checks what one option alone cannot tell, and
 * compares two configurations for a reload. main.c calls it; the work is done by config/ with the
 * table of relay_options, and the texts are made by relay_manual and relay_describe.
 */
#include "relay/relay_conf.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/args.h"
#include "config/conf_file.h"
#include "config/env.h"
#include "config/opt_set.h"
#include "config/opt_value.h"
#include "config/yaml.h"
#include "io/machine.h"
#include "relay/office_command.h"
#include "relay/plans.h"
#include "relay/relay_accounts.h"
#include "relay/relay_describe.h"
#include "relay/relay_manual.h"
#include "relay/relay_options.h"
#include "relay/relay_secret.h"
#include "relay/relay_tls.h"

#define RELAY_FILE_MAX (1u << 20)
#define RELAY_BUFFERS_MIN (UINT64_C(256) << 20) /* unless an operator wants less */

struct relay_loader {
	struct opt_set set;
	struct args args;
	struct relay_conf *conf;
	struct buf *message;
	struct buf *warnings;
};

static const struct opt *relay_opt(const char *name)
{
	return opt_find(&relay_options, slice_from_str(name));
}

static struct opt_origin *relay_origin(struct relay_conf *conf, const char *name)
{
	return &conf->origins[opt_index(&relay_options, relay_opt(name))];
}

/* Begins a message: "--port: ", ".env:3: LT_PORT: "; a default is named by its flag. */
static void relay_put_where(struct relay_conf *conf, const char *name, struct buf *out)
{
	const struct opt_origin *origin = relay_origin(conf, name);

	buf_printf(out, "%s%s: ", origin->where ? "" : "--", origin->where ? origin->where : name);
}

/* Of the relay itself: the commands about accounts are read in another way (office.c). */
static const char *const relay_commands[] = {"run", "check-config"};

static bool relay_has_command(struct slice word)
{
	for (size_t i = 0; i < ARRAY_LEN(relay_commands); i++) {
		if (slice_eq(word, slice_from_str(relay_commands[i])))
			return true;
	}
	return false;
}

static const char *relay_near_command(struct slice word)
{
	for (size_t i = 0; i < ARRAY_LEN(relay_commands); i++) {
		if (opt_is_near(word, slice_from_str(relay_commands[i])))
			return relay_commands[i];
	}
	return office_command_near(word);
}

static int relay_refuse_command(struct relay_loader *l, struct slice word)
{
	const char *near = relay_near_command(word);

	buf_clear(l->message);
	if (l->args.command_after)
		buf_printf(l->message, "--%s takes on or off: ", l->args.command_after);
	buf_append_str(l->message, "unknown command ");
	opt_quote(l->message, word);
	if (office_command_is_noun(word))
		buf_printf(
			l->message, "; that goes in front of all: aditd %.*s ...", SLICE_ARG(word));
	else if (near)
		buf_printf(l->message, "; did you mean %s?", near);
	else
		buf_append_str(l->message, " (aditd --help lists them all)");
	return ERR_SYNTAX;
}

/* What stands behind a command that does not exist is not what is wrong with the line. */
static int relay_read_line(
	struct relay_loader *l, const struct args_line *line, enum relay_command *command_out)
{
	int err = args_read(&l->set, line, &l->args, l->message);
	struct slice word = slice_from_str(l->args.command);

	*command_out = RELAY_RUN;
	if (l->args.help || l->args.version)
		*command_out = l->args.help ? RELAY_HELP : RELAY_VERSION;
	else if (l->args.command && !relay_has_command(word))
		return relay_refuse_command(l, word);
	else if (slice_eq(word, SLICE("check-config")))
		*command_out = RELAY_CHECK_CONFIG;
	if (!err && l->args.json && *command_out == RELAY_RUN) {
		buf_append_str(l->message, "--json goes with check-config only");
		return ERR_SYNTAX;
	}
	return err;
}

/* A .env file that is not there is no news; one that cannot be read is. */
static int relay_read_dotenv(struct relay_loader *l, enum opt_layer layer, const char *path)
{
	const struct opt_report report = {l->message, l->warnings};
	struct buf content, why;
	int err;

	buf_init(&content);
	buf_init(&why);
	err = conf_file_read(path, RELAY_FILE_MAX, &content, &why);
	if (!err) {
		err = env_read_dotenv(&l->set, layer, path, buf_slice(&content), &report);
	} else {
		if (err != ERR_NOT_FOUND)
			buf_printf(l->warnings, "%s is not used: %.*s\n", path,
				SLICE_ARG(buf_slice(&why)));
		err = 0;
	}
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

static int relay_read_environment(struct relay_loader *l, char **environ_list)
{
	const char *node_env = env_get(environ_list, "NODE_ENV");
	int err = 0;

	env_read(&l->set, environ_list, l->warnings);
	if (node_env && strcmp(node_env, "production") == 0)
		return 0;
	err = relay_read_dotenv(l, OPT_LAYER_DOTENV_LOCAL, ".env.local");
	if (!err)
		err = relay_read_dotenv(l, OPT_LAYER_DOTENV, ".env");
	return err;
}

static int relay_read_yaml(struct relay_loader *l)
{
	enum opt_layer layer;
	const char *path = opt_set_get(&l->set, relay_opt("config"), &layer);
	struct buf content, why;
	int err;

	if (!path)
		return 0;
	buf_init(&content);
	buf_init(&why);
	err = conf_file_read(path, RELAY_FILE_MAX, &content, &why);
	if (err)
		buf_printf(
			l->message, "%s: cannot be read: %.*s", path, SLICE_ARG(buf_slice(&why)));
	else
		err = yaml_read_options(&l->set, path, buf_slice(&content), l->message);
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

/* Whether a DEBUG value, patterns parted by commas or blanks, asks for any of our lines. */
static bool relay_wants_debug(struct slice patterns)
{
	size_t at = 0;

	while (at < patterns.len) {
		struct slice rest = slice_from(patterns, at);
		size_t len = 0;

		while (len < rest.len && !strchr(", ", rest.ptr[len]))
			len++;
		rest = slice_first(rest, len);
		if (slice_eq(rest, SLICE("*")) || slice_starts(rest, SLICE("localtunnel")))
			return true;
		at += len + 1;
	}
	return false;
}

static void relay_apply_debug(struct relay_conf *conf)
{
	const struct opt_origin *debug = relay_origin(conf, "debug");
	struct opt_origin *level = relay_origin(conf, "log-level");

	if (!relay_wants_debug(slice_from_str(conf->debug)) || level->layer >= debug->layer)
		return;
	conf->log_level = LOG_DEBUG;
	level->layer = debug->layer;
	mem_free(level->where);
	level->where = mem_dup_str(debug->where, strlen(debug->where));
}

static void relay_clamp_grace(struct relay_conf *conf, struct buf *warnings)
{
	if (conf->grace_ms <= conf->max_grace_ms)
		return;
	if (relay_origin(conf, "grace-period")->where) {
		relay_put_where(conf, "grace-period", warnings);
		opt_value_print(relay_opt("grace-period"), conf, warnings);
		buf_append_str(warnings, " is above the maximum and was cut to ");
		opt_value_print(relay_opt("max-grace-period"), conf, warnings);
		buf_append_str(warnings, " (--max-grace-period)\n");
	}
	conf->grace_ms = conf->max_grace_ms;
}

static void relay_share_memory(struct relay_conf *conf)
{
	if (conf->session_buffer_total)
		return;
	conf->session_buffer_total = machine_memory() / 4;
	if (conf->session_buffer_total < RELAY_BUFFERS_MIN)
		conf->session_buffer_total = RELAY_BUFFERS_MIN;
}

/* The two ends of a range of ports, whose options begin with the prefix. */
static int relay_check_range(struct relay_conf *conf, const char *prefix, uint16_t start,
	uint16_t end, struct buf *message)
{
	char first[32], last[32];

	snprintf(first, sizeof(first), "%sport-range-start", prefix);
	snprintf(last, sizeof(last), "%sport-range-end", prefix);
	if (!start != !end) {
		relay_put_where(conf, start ? first : last, message);
		buf_printf(message, "--%s and --%s go together", first, last);
		return ERR_RANGE;
	}
	if (start > end) {
		relay_put_where(conf, first, message);
		buf_printf(message, "%u is above the end of the port range, %u", start, end);
		return ERR_RANGE;
	}
	return 0;
}

/* Workers share their ports, so the kernel would let two purposes share one as well. */
static int relay_check_doors(struct relay_conf *conf, struct buf *message)
{
	const struct relay_door {
		const char *option, *purpose, *address;
		uint16_t port;
	} doors[] = {
		{"port", "public", conf->address, conf->port},
		{"tls-port", "TLS", relay_tls_address(conf), conf->tls_cert ? conf->tls_port : 0},
		{"admin-port", "admin", conf->admin_address, conf->admin_port},
		{"metrics-port", "metrics", conf->metrics_address, conf->metrics_port},
	};

	for (size_t i = 1; i < ARRAY_LEN(doors); i++) {
		for (size_t j = 0; j < i; j++) {
			if (!doors[i].port || doors[i].port != doors[j].port ||
				strcmp(doors[i].address, doors[j].address) != 0)
				continue;
			relay_put_where(conf, doors[i].option, message);
			buf_printf(message, "%u is the %s port as well", doors[i].port,
				doors[j].purpose);
			return ERR_RANGE;
		}
	}
	return 0;
}

static int relay_check_ports(struct relay_conf *conf, struct buf *message)
{
	uint16_t tcp_start = conf->tcp_range_start, tcp_end = conf->tcp_range_end;
	uint16_t start = conf->port_range_start, end = conf->port_range_end;
	int err = relay_check_range(conf, "", start, end, message);

	if (!err)
		err = relay_check_range(conf, "tcp-", tcp_start, tcp_end, message);
	if (err)
		return err;
	if (start && tcp_start && start <= tcp_end && tcp_start <= end) {
		relay_put_where(conf, "tcp-port-range-start", message);
		buf_printf(message, "%u to %u overlaps with --port-range-start, %u to %u",
			tcp_start, tcp_end, start, end);
		return ERR_RANGE;
	}
	return relay_check_doors(conf, message);
}

/* The target is part of the head; a default gives way to what was asked for. */
static int relay_check_head(struct relay_conf *conf, struct buf *message)
{
	if (conf->max_target <= conf->max_head)
		return 0;
	if (!relay_origin(conf, "max-target")->where) {
		conf->max_target = conf->max_head;
		return 0;
	}
	relay_put_where(conf, "max-target", message);
	opt_value_print(relay_opt("max-target"), conf, message);
	buf_append_str(message, " is above --max-head, ");
	opt_value_print(relay_opt("max-head"), conf, message);
	return ERR_RANGE;
}

static int relay_check(struct relay_loader *l)
{
	struct relay_conf *conf = l->conf;
	int err = relay_check_ports(conf, l->message);

	if (!err)
		err = relay_tls_check(conf, relay_origin(conf, "tls-port")->where, l->message);
	if (!err)
		err = relay_check_head(conf, l->message);
	if (!err)
		err = plans_load(conf->plans_file, &conf->plans, l->message);
	if (!err)
		err = relay_secret_load(conf, l->message, l->warnings);
	if (!err)
		err = relay_accounts_check(conf, l->message);
	if (err)
		return err;
	relay_apply_debug(conf);
	relay_clamp_grace(conf, l->warnings);
	relay_share_memory(conf);
	if (conf->hmac_secret && conf->hmac_nonce_ttl_s < conf->hmac_nonce_threshold_s) {
		relay_put_where(conf, "hmac-nonce-cache-ttl", l->warnings);
		buf_append_str(l->warnings,
			"below --hmac-nonce-threshold, so that a nonce is "
			"forgotten while it could still be used again\n");
	}
	return 0;
}

static int relay_load(struct relay_loader *l, char **environ_list)
{
	const struct opt_report report = {l->message, l->warnings};
	int err = relay_read_environment(l, environ_list);

	if (!err)
		err = relay_read_yaml(l);
	if (err)
		return err;
	l->conf = MEM_NEW(struct relay_conf);
	l->conf->json = l->args.json;
	l->conf->origins = mem_zero(relay_options.count * sizeof(*l->conf->origins));
	err = opt_set_apply(&l->set, l->conf, l->conf->origins, &report);
	return err ? err : relay_check(l);
}

int relay_conf_load(const struct relay_arguments *arguments, enum relay_command *command_out,
	struct relay_conf **conf_out, struct buf *message, struct buf *warnings)
{
	struct relay_loader loader = {.message = message, .warnings = warnings};
	const struct args_line line = {.argc = arguments->argc, .argv = arguments->argv};
	int err;

	*conf_out = NULL;
	opt_set_init(&loader.set, &relay_options);
	err = relay_read_line(&loader, &line, command_out);
	if (!err && !loader.args.help && !loader.args.version)
		err = relay_load(&loader, arguments->environ_list);
	if (err)
		relay_conf_free(&loader.conf);
	*conf_out = loader.conf;
	opt_set_deinit(&loader.set);
	return err;
}

void relay_conf_free(struct relay_conf **conf)
{
	if (!*conf)
		return;
	opt_set_free_values(&relay_options, *conf);
	plans_free(&(*conf)->plans);
	opt_origins_free(&(*conf)->origins, relay_options.count);
	mem_free(*conf);
	*conf = NULL;
}

bool relay_conf_can_reload(
	const struct relay_conf *now, const struct relay_conf *next, struct buf *refused_out)
{
	bool can = true;

	for (size_t i = 0; i < relay_options.count; i++) {
		const struct opt *o = &relay_options.opts[i];

		if (!opt_has(o, OPT_RESTART) || opt_value_is_equal(o, now, next))
			continue;
		buf_printf(refused_out, "--%s changes with a restart only\n", o->name);
		can = false;
	}
	/* The files may change and move, but the port opens and closes with the process. */
	if (!now->tls_cert != !next->tls_cert) {
		buf_append_str(refused_out, "--tls-cert comes and goes with a restart only\n");
		can = false;
	}
	return can;
}

void relay_conf_help(struct buf *out, unsigned width, bool colour)
{
	relay_manual_help(out, width, colour);
}

void relay_conf_markdown(struct buf *out)
{
	relay_manual_markdown(out);
}

void relay_conf_describe(const struct relay_conf *conf, bool json, struct buf *out)
{
	if (json)
		relay_describe_json(conf, out);
	else
		relay_describe_text(conf, out);
}
