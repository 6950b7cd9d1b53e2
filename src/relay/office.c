/* Reads the line, finds out where the accounts are, runs the command. */
#include "relay/office.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/args.h"
#include "config/opt_set.h"
#include "config/opt_value.h"
#include "relay/office_command.h"
#include "relay/office_desk.h"
#include "relay/office_key.h"
#include "relay/office_rest.h"
#include "relay/office_user.h"
#include "relay/relay_conf.h"

#define OFFICE_USAGE_STATUS 2

static const office_run_fn office_runs[OFFICE_COMMAND_COUNT] = {
	[OFFICE_USER_ADD] = office_user_add,
	[OFFICE_USER_LIST] = office_user_list,
	[OFFICE_USER_DISABLE] = office_user_disable,
	[OFFICE_USER_ENABLE] = office_user_enable,
	[OFFICE_USER_PASSWD] = office_user_passwd,
	[OFFICE_USER_PLAN] = office_user_plan,
	[OFFICE_KEY_CREATE] = office_key_create,
	[OFFICE_KEY_LIST] = office_key_list,
	[OFFICE_KEY_EDIT] = office_key_edit,
	[OFFICE_KEY_REVOKE] = office_key_revoke,
	[OFFICE_NAME_ADD] = office_rest_name_add,
	[OFFICE_NAME_LIST] = office_rest_name_list,
	[OFFICE_NAME_REMOVE] = office_rest_name_remove,
	[OFFICE_TUNNEL_LIST] = office_rest_tunnel_list,
	[OFFICE_TUNNEL_KILL] = office_rest_tunnel_kill,
	[OFFICE_AUDIT] = office_rest_audit,
	[OFFICE_USAGE] = office_rest_usage,
};

/* A command line as read. */
struct office_line {
	struct opt_set set;
	struct args args;
	struct opt_origin *origins; /* owned */
	struct office_desk desk;
};

bool office_is_asked(const struct relay_arguments *arguments)
{
	return arguments->argc > 1 && office_command_is_noun(slice_from_str(arguments->argv[1]));
}

/* ---- the line ---- */

/* The verb is the first word behind the noun, where the noun takes verbs. */
static int office_read_command(struct office_line *l, struct buf *message)
{
	struct slice noun = slice_from_str(l->args.command), verb = {NULL, 0};

	if (l->args.word_count)
		verb = slice_from_str(l->args.words[0]);
	l->desk.command = office_command_find(noun, verb, message);
	if (!l->desk.command)
		return ERR_SYNTAX;
	l->desk.words = l->args.words + (*l->desk.command->verb ? 1 : 0);
	l->desk.word_count = l->args.word_count - (*l->desk.command->verb ? 1 : 0);
	return 0;
}

static int office_check_words(const struct office_desk *d, struct buf *message)
{
	const struct office_command *c = d->command;

	if (d->word_count >= c->min_words && d->word_count <= c->max_words)
		return 0;
	buf_printf(message, "%s; it is used as: aditd %s%s%s%s%s",
		d->word_count < c->min_words ? "something is missing" : "these are too many words",
		c->noun, *c->verb ? " " : "", c->verb, *c->usage ? " " : "", c->usage);
	return ERR_SYNTAX;
}

static int office_check_options(const struct office_line *l, struct buf *message)
{
	const struct office_command *c = l->desk.command;

	for (size_t i = 0; i < office_options.count; i++) {
		const struct opt *o = &office_options.opts[i];

		if (!opt_set_has(&l->set, o, OPT_LAYER_FLAG) || (c->groups & (1u << o->group)))
			continue;
		buf_printf(message, "aditd %s%s%s takes no --%s", c->noun, *c->verb ? " " : "",
			c->verb, o->name);
		return ERR_SYNTAX;
	}
	return 0;
}

static int office_read_line(
	struct office_line *l, const struct relay_arguments *arguments, struct buf *message)
{
	const struct args_line line = {
		.argc = arguments->argc, .argv = arguments->argv, .max_words = ARGS_WORDS_MAX};
	struct buf warnings = {0};
	const struct opt_report report = {message, &warnings};
	int err = args_read(&l->set, &line, &l->args, message);

	if (err || l->args.help)
		return err;
	l->desk.json = l->args.json;
	err = office_read_command(l, message);
	if (!err)
		err = office_check_words(&l->desk, message);
	if (!err)
		err = office_check_options(l, message);
	if (!err)
		err = opt_set_apply(&l->set, &l->desk.values, l->origins, &report);
	buf_release(&warnings);
	return err;
}

/* ---- where the accounts are ---- */

/* Asks as a relay would be asked, which knows about files and environment. */
static int office_load_conf(const struct office_line *l, const struct relay_arguments *arguments,
	struct relay_conf **conf_out, struct buf *message)
{
	const struct office_values *v = &l->desk.values;
	const char *argv[10] = {"aditd"};
	struct relay_arguments relay = {1, (char **)(void *)argv, arguments->environ_list};
	struct buf warnings = {0};
	enum relay_command command;
	int err;

	if (v->state_dir) {
		argv[relay.argc++] = "--state-dir";
		argv[relay.argc++] = v->state_dir;
	}
	if (v->database) {
		argv[relay.argc++] = "--database";
		argv[relay.argc++] = v->database;
	}
	if (v->admin_socket) {
		argv[relay.argc++] = "--admin-socket";
		argv[relay.argc++] = v->admin_socket;
	}
	if (v->config_file) {
		argv[relay.argc++] = "--config";
		argv[relay.argc++] = v->config_file;
	}
	err = relay_conf_load(&relay, &command, conf_out, message, &warnings);
	if (!err && !relay_conf_has_store(*conf_out)) {
		buf_append_str(message,
			"where are the accounts? Give the relay's --state-dir DIR, set "
			"LT_STATE_DIR, or "
			"name its file with --config");
		err = ERR_NOT_FOUND;
	}
	buf_release(&warnings);
	return err;
}

static int office_do(
	struct office_line *l, const struct relay_arguments *arguments, struct buf *message)
{
	struct relay_conf *conf = NULL;
	int status = OFFICE_USAGE_STATUS;

	if (office_load_conf(l, arguments, &conf, message) == 0) {
		status = 1;
		if (office_reach_open(conf, &l->desk.reach, message) == 0)
			status = office_runs[l->desk.command - office_commands](&l->desk);
		office_reach_close(&l->desk.reach);
	}
	relay_conf_free(&conf);
	return status;
}

/* ---- the whole ---- */

static int office_help(const struct office_line *l, unsigned width, bool colour)
{
	struct slice noun = slice_from_str(l->args.command), verb = {NULL, 0};
	struct buf text = {0}, why = {0};

	if (l->args.word_count)
		verb = slice_from_str(l->args.words[0]);
	office_command_help(office_command_find(noun, verb, &why), noun, width, colour, &text);
	fwrite(buf_slice(&text).ptr, 1, buf_len(&text), stdout);
	buf_release(&text);
	buf_release(&why);
	return 0;
}

int office_run(const struct relay_arguments *arguments, unsigned width, bool colour)
{
	struct office_line line = {.desk = {.colour = colour}};
	struct buf message = {0};
	int status;

	opt_set_init(&line.set, &office_options);
	line.origins = mem_zero(office_options.count * sizeof(*line.origins));
	if (office_read_line(&line, arguments, &message) != 0)
		status = OFFICE_USAGE_STATUS;
	else if (line.args.help)
		status = office_help(&line, width, colour);
	else
		status = office_do(&line, arguments, &message);
	if (buf_len(&message))
		office_desk_complain("%.*s", SLICE_ARG(buf_slice(&message)));
	opt_set_free_values(&office_options, &line.desk.values);
	opt_origins_free(&line.origins, office_options.count);
	opt_set_deinit(&line.set);
	buf_release(&message);
	return status;
}
