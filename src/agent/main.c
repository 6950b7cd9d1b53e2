/* adit: the commands. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/cli_conf.h"
#include "agent/run.h"
#include "base/check.h"
#include "base/mem.h"

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

static char *main_dup(const char *text)
{
	return text ? mem_dup_str(text, strlen(text)) : NULL;
}

static enum run_exit main_tunnel(
	const struct cli_conf *conf, enum tunnel_proto proto, struct buf *message)
{
	const struct cli_values *v = &conf->values;
	struct tunnel_spec spec = {.proto = proto};
	enum run_exit status = RUN_USAGE;

	if (cli_conf_need_relay(conf, message) == 0 &&
		target_parse(slice_from_str(conf->args.words[0]), proto, &spec.target, message) ==
			0) {
		spec.label = main_dup(proto == TUNNEL_HTTP ? "http" : "tcp");
		spec.subdomain = main_dup(v->subdomain);
		spec.remote_port = v->remote_port;
		spec.host_header = main_dup(v->host_header);
		spec.verify = v->local_verify ? TUNNEL_VERIFY_ON : TUNNEL_VERIFY_OFF;
		spec.ca_file = main_dup(v->local_ca);
		spec.proxy_protocol = v->proxy_protocol;
		status = run_tunnels(conf, environ, &spec, 1, message);
	}
	tunnel_spec_deinit(&spec);
	return status;
}

static enum run_exit main_command(const struct cli_conf *conf, struct buf *message)
{
	if (!conf->command || conf->args.help)
		return main_help(conf->command);
	switch ((enum cli_command_id)(conf->command - cli_commands)) {
	case CLI_HTTP:
		return main_tunnel(conf, TUNNEL_HTTP, message);
	case CLI_TCP:
		return main_tunnel(conf, TUNNEL_TCP, message);
	case CLI_START:
	case CLI_DOCTOR:
	case CLI_COMPLETION:
		return RUN_FAILED;
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

	if (cli_conf_load(&arguments, &conf, &message, &warnings) == 0) {
		main_print(stderr, &warnings);
		status = main_command(&conf, &message);
	}
	main_say(&message);
	cli_conf_deinit(&conf);
	buf_release(&message);
	buf_release(&warnings);
	return status;
}
