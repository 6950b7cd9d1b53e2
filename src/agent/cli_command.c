/* Commands as data; help is made from it and from the table of options. */
#include "agent/cli_command.h"

#include "base/num.h"
#include "config/opt_help.h"

#define CLI_BIT(group) (1u << CLI_GROUP_##group)
#define CLI_ACCOUNT (CLI_BIT(RELAY) | CLI_BIT(GENERAL))
#define CLI_COMMON (CLI_BIT(RELAY) | CLI_BIT(LIMITS) | CLI_BIT(OUTPUT) | CLI_BIT(GENERAL))

const struct cli_command cli_commands[CLI_COMMAND_COUNT] = {
	[CLI_HTTP] = {.name = "http",
		.usage = "<port | host:port | url | unix:path>",
		.summary = "give a local web service a public URL",
		.text = "  adit http 3000                          localhost:3000, IPv4 and IPv6\n"
			"  adit http 3000 --subdomain demo         ask for a name\n"
			"  adit http https://localhost:8443 --local-verify off\n"
			"  adit http https://127.0.0.1:8443 --local-name dev.local\n"
			"  adit http 5173 --host-header rewrite    for servers that check the "
			"Host\n"
			"  adit http 3000 --password-prompt        visitors need a password\n"
			"  adit http unix:/run/app.sock\n",
		.min_words = 1,
		.max_words = 1,
		.groups = CLI_COMMON | CLI_BIT(HTTP) | CLI_BIT(LOCAL_TLS) | CLI_BIT(GATE) |
			CLI_BIT(TUNNEL)},
	[CLI_TCP] = {.name = "tcp",
		.usage = "<port | host:port | unix:path>",
		.summary = "give a local TCP service a public port",
		.text = "  adit tcp 5432                           localhost:5432, IPv4 and IPv6\n"
			"  adit tcp 22 --remote-port 40022         ask for a port\n",
		.min_words = 1,
		.max_words = 1,
		.groups = CLI_COMMON | CLI_BIT(TCP) | CLI_BIT(TUNNEL)},
	[CLI_START] = {.name = "start",
		.usage = "[name...]",
		.summary = "open the tunnels of tunnels.yaml, or those named",
		.text = "  relay: https://relay.example.com\n"
			"  tunnels:\n"
			"    web: {http: 3000, subdomain: demo, host-header: rewrite}\n"
			"    db: {tcp: 5432, remote-port: 40000}\n"
			"\n"
			"  The file is read again when it changes: new tunnels open, missing ones "
			"close,\n"
			"  and those that stayed the same do not notice.\n",
		.max_words = 64,
		.groups = CLI_COMMON | CLI_BIT(START)},
	[CLI_DOCTOR] = {.name = "doctor",
		.usage = "[target]",
		.summary = "look for what keeps a tunnel from working",
		.text = "  adit doctor                             the way to the relay\n"
			"  adit doctor 3000                        and the local service\n"
			"  adit doctor https://localhost:8443 --local-verify off\n",
		.max_words = 1,
		.groups = CLI_COMMON | CLI_BIT(LOCAL_TLS)},
	[CLI_LOGIN] = {.name = "login",
		.usage = "[relay]",
		.summary = "get a key of your account for this machine",
		.text = "  adit login relay.example.com            approve it on the relay's page\n"
			"  adit login --token                      with a key that you have\n"
			"\n"
			"  The key is kept in ~/.config/adit/keys, readable for you only.\n",
		.max_words = 1,
		.groups = CLI_ACCOUNT | CLI_BIT(LOGIN)},
	[CLI_LOGOUT] = {.name = "logout",
		.usage = "[relay]",
		.summary = "revoke the key of this machine and forget it",
		.text = "",
		.max_words = 1,
		.groups = CLI_ACCOUNT},
	[CLI_STATUS] = {.name = "status",
		.usage = "",
		.summary = "show your account, its limits, names and tunnels",
		.text = "",
		.groups = CLI_ACCOUNT},
	[CLI_RESERVE] = {.name = "reserve",
		.usage = "<name>",
		.summary = "keep a name for your account",
		.text = "  adit reserve demo; adit http 3000 --subdomain demo\n",
		.min_words = 1,
		.max_words = 1,
		.groups = CLI_ACCOUNT},
	[CLI_RELEASE] = {.name = "release",
		.usage = "<name>",
		.summary = "give a reserved name back",
		.text = "",
		.min_words = 1,
		.max_words = 1,
		.groups = CLI_ACCOUNT},
	[CLI_SHARE] = {.name = "share",
		.usage = "<tunnel>",
		.summary = "print a link that gets past the password for a while",
		.text = "  adit share demo --expires 2h --views 5\n",
		.min_words = 1,
		.max_words = 1,
		.groups = CLI_ACCOUNT | CLI_BIT(SHARE)},
	[CLI_COMPLETION] = {.name = "completion",
		.usage = "<bash | zsh | fish>",
		.summary = "print completions for a shell",
		.text = "  source <(adit completion bash)\n"
			"  adit completion zsh > \"${fpath[1]}/_adit\"\n"
			"  adit completion fish > ~/.config/fish/completions/adit.fish\n",
		.min_words = 1,
		.max_words = 1},
	[CLI_VERSION] = {.name = "version",
		.usage = "",
		.summary = "print the version",
		.text = ""},
	[CLI_HELP] = {.name = "help",
		.usage = "[command]",
		.summary = "explain a command",
		.text = "",
		.max_words = 1},
};

const struct cli_command *cli_command_find(struct slice name, struct buf *why_out)
{
	uint64_t port;

	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
		if (slice_eq(slice_from_str(cli_commands[i].name), name))
			return &cli_commands[i];
	}
	buf_append_str(why_out, "unknown command ");
	opt_quote(why_out, name);
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
		if (opt_is_near(name, slice_from_str(cli_commands[i].name))) {
			buf_printf(why_out, "; did you mean adit %s?", cli_commands[i].name);
			return NULL;
		}
	}
	if (num_parse_u64(name, &port) == 0)
		buf_printf(why_out, "; did you mean adit http %llu?", (unsigned long long)port);
	else
		buf_append_str(why_out, " (adit --help lists them)");
	return NULL;
}

static void cli_command_help_program(bool colour, struct buf *out)
{
	buf_append_str(
		out, "adit " ADIT_VERSION ": gives a service on this machine a public address\n\n");
	opt_help_print_heading("Usage", colour, out);
	buf_append_str(out, "  adit <command> [OPTION...]\n\n");
	opt_help_print_heading("Commands", colour, out);
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++)
		buf_printf(out, "  %-12s%s\n", cli_commands[i].name, cli_commands[i].summary);
	buf_append_char(out, '\n');
	opt_help_print_heading("Examples", colour, out);
	buf_append_str(out,
		"  adit http 3000 --relay https://relay.example.com\n"
		"  export ADIT_RELAY=https://relay.example.com; adit tcp 5432\n"
		"\n"
		"  adit help <command> lists the options of a command. Stopping with Ctrl-C lets\n"
		"  running requests finish; a second one does not.\n\n");
	opt_help_print_heading("Exit codes", colour, out);
	buf_append_str(out,
		"  0 stopped on purpose   1 failed   2 usage or configuration\n"
		"  3 refused by the relay for good   4 doctor found a fault\n");
}

/* Only the groups that the command takes. */
static void cli_command_help_options(
	const struct cli_command *command, unsigned width, bool colour, struct buf *out)
{
	for (size_t from = 0; from < cli_options.count;) {
		unsigned group = cli_options.opts[from].group;
		size_t to = from;

		while (to < cli_options.count && cli_options.opts[to].group == group)
			to++;
		if (command->groups & (1u << group)) {
			const struct opt_table part = {
				cli_options.opts + from, to - from, cli_options.groups};

			opt_help_print(&part, width, colour, out);
		}
		from = to;
	}
}

void cli_command_help(
	const struct cli_command *command, unsigned width, bool colour, struct buf *out)
{
	if (!command) {
		cli_command_help_program(colour, out);
		return;
	}
	buf_printf(out, "adit %s: %s\n\n", command->name, command->summary);
	opt_help_print_heading("Usage", colour, out);
	buf_printf(out, "  adit %s%s%s%s\n", command->name, command->usage[0] ? " " : "",
		command->usage, command->groups ? " [OPTION...]" : "");
	if (command->text[0]) {
		buf_append_char(out, '\n');
		opt_help_print_heading("Examples", colour, out);
		buf_append_str(out, command->text);
	}
	if (!command->groups)
		return;
	cli_command_help_options(command, width, colour, out);
	buf_append_str(out, "\n");
	opt_help_print_heading("Where values come from, strongest first", colour, out);
	buf_append_str(out,
		"  flags, environment, the configuration file, defaults. MS also takes 500ms, "
		"30s,\n"
		"  5m; SECONDS takes 30s, 2h, 7d; SIZE takes 64k, 10m.\n");
}
