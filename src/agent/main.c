/* adit: the commands. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/account.h"
#include "agent/cli_conf.h"
#include "agent/cli_guard.h"
#include "agent/cli_spec.h"
#include "agent/completion.h"
#include "agent/doctor.h"
#include "agent/login.h"
#include "agent/run.h"
#include "agent/start.h"
#include "base/check.h"
#include "base/descriptors.h"
#include "config/opt_value.h"

#define MAIN_WIDTH_DEFAULT 100

extern char **environ;

static void main_print(FILE *to, const struct buf *text)
{
	if (buf_len(text))
		fwrite(buf_slice(text).ptr, 1, buf_len(text), to);
}

static void main_say(const struct buf *message)
{
	if (buf_len(message))
		fprintf(stderr, "adit: %.*s\n", SLICE_ARG(buf_slice(message)));
}

/* What a program waits for and did not get must not look like success. */
static enum run_exit main_flush(enum run_exit status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fputs("adit: standard output takes nothing\n", stderr);
	return status == RUN_STOPPED ? RUN_FAILED : status;
}

static enum run_exit main_help(const struct cli_command *command)
{
	bool terminal = isatty(STDOUT_FILENO);
	unsigned width = MAIN_WIDTH_DEFAULT;
	struct winsize size;
	struct buf text = {0};

	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	cli_command_help(command, width, terminal && !getenv("NO_COLOR"), &text);
	main_print(stdout, &text);
	buf_release(&text);
	return RUN_STOPPED;
}

static enum run_exit main_help_command(const struct cli_conf *conf, struct buf *message)
{
	const struct cli_command *command;

	if (!conf->args.word_count)
		return main_help(NULL);
	command = cli_command_find(slice_from_str(conf->args.words[0]), message);
	return command ? main_help(command) : RUN_USAGE;
}

static enum run_exit main_tunnel(
	struct cli_conf *conf, enum tunnel_proto proto, struct buf *message)
{
	struct tunnel_spec spec = {.proto = proto};
	const struct run_job job = {.specs = &spec, .count = 1};
	const struct cli_guard_source source = {environ, .may_ask = true};
	enum run_exit status = RUN_USAGE;

	int err = cli_conf_need_relay(conf, message);

	if (!err)
		err = target_parse(
			slice_from_str(conf->args.words[0]), proto, &spec.target, message);
	if (!err && proto == TUNNEL_HTTP)
		err = cli_guard_fill(&spec.guard, &conf->values, &source, message);
	opt_value_wipe(&conf->values.password);
	opt_value_wipe(&conf->values.verify_secret);
	if (!err)
		err = cli_spec_fill(
			&spec, &conf->values, proto == TUNNEL_HTTP ? "http" : "tcp", message);
	if (!err)
		status = run_tunnels(conf, environ, &job, message);
	tunnel_spec_deinit(&spec);
	return status;
}

static enum run_exit main_completion(const struct cli_conf *conf, struct buf *message)
{
	struct buf text = {0};
	int err = completion_print(slice_from_str(conf->args.words[0]), &text, message);

	main_print(stdout, &text);
	buf_release(&text);
	return err ? RUN_USAGE : RUN_STOPPED;
}

static enum run_exit main_command(struct cli_conf *conf, struct buf *message)
{
	if (!conf->command || conf->args.help)
		return main_help(conf->command);
	switch ((enum cli_command_id)(conf->command - cli_commands)) {
	case CLI_HTTP:
		return main_tunnel(conf, TUNNEL_HTTP, message);
	case CLI_TCP:
		return main_tunnel(conf, TUNNEL_TCP, message);
	case CLI_START:
		return start_tunnels(conf, environ, message);
	case CLI_DOCTOR:
		return doctor_run(conf, environ, message);
	case CLI_LOGIN:
		return login_run(conf, environ, message);
	case CLI_LOGOUT:
		return login_end(conf, environ, message);
	case CLI_STATUS:
		return account_status(conf, environ, message);
	case CLI_RESERVE:
		return account_reserve(conf, environ, message);
	case CLI_RELEASE:
		return account_release(conf, environ, message);
	case CLI_SHARE:
		return account_share(conf, environ, message);
	case CLI_COMPLETION:
		return main_completion(conf, message);
	case CLI_VERSION:
		printf("adit %s\n", ADIT_VERSION);
		return RUN_STOPPED;
	case CLI_HELP:
		return main_help_command(conf, message);
	case CLI_COMMAND_COUNT:
		break;
	}
	UNREACHABLE();
}

int main(int argc, char **argv)
{
	const struct cli_arguments arguments = {argc, argv, environ};
	struct buf message = {0}, warnings = {0};
	struct cli_conf conf;
	enum run_exit status = RUN_USAGE;
	bool is_asking;

	descriptors_hold_standard();
	if (cli_conf_load(&arguments, &conf, &message, &warnings) == 0) {
		main_print(stderr, &warnings);
		status = main_command(&conf, &message);
	}
	main_say(&message);
	status = main_flush(status);
	is_asking = conf.is_asking;
	cli_conf_deinit(&conf);
	buf_release(&message);
	buf_release(&warnings);
	/* The end of the process would wait for the resolver's thread. */
	if (is_asking)
		_exit((int)status);
	return status;
}
