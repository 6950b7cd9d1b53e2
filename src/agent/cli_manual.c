/*
 * What stands around the option tables. The prose is here and not in a file, so that text and
 * program change in one commit and a test can tell when docs/agent-configuration.md was forgotten.
 */
#include "agent/cli_manual.h"

#include "agent/cli_command.h"
#include "agent/cli_options.h"
#include "config/opt_markdown.h"

/* clang-format off: lines as they will stand in the page */
static const char *const cli_manual_intro =
	"# Configuration of adit\n"
	"\n"
	"<!-- Made from src/agent/cli_options.def and src/agent/cli_manual.c by agent_docs:\n"
	"     do not edit; run `./build/release/tools/agent_docs > docs/agent-configuration.md`. "
	"-->\n"
	"\n"
	"`adit` needs to know one thing, where the relay is. How the commands are used is in\n"
	"[agent.md](agent.md); `adit help <command>` lists the options that a command takes.\n"
	"\n";

static const char *const cli_manual_middle =
	"\n"
	"## Precedence\n"
	"\n"
	"From strongest to weakest:\n"
	"\n"
	"1. flags: `--relay relay.example.com` or `--relay=relay.example.com`; switches also "
	"alone:\n"
	"   `--quiet`\n"
	"2. the environment: `ADIT_RELAY=relay.example.com`\n"
	"3. the configuration file: `$XDG_CONFIG_HOME/adit/config.yaml`, which is\n"
	"   `~/.config/adit/config.yaml` as a rule, or the one that `--config` or `ADIT_CONFIG` "
	"names\n"
	"4. the default\n"
	"\n"
	"For `adit start`, `relay` in `tunnels.yaml` counts when none of these names a relay.\n"
	"\n"
	"An environment variable that is empty counts as not set; an unknown one that begins with "
	"`ADIT_` is\n"
	"warned about. What cannot be read or is out of bounds stops the start with one line and "
	"exit code 2.\n"
	"Flags that the command does not take are refused; in the environment and the file they do "
	"no harm.\n"
	"\n"
	"## Values\n"
	"\n"
	"* **Times** are milliseconds (`5000`), or have a unit: `500ms`, `30s`, `5m`.\n"
	"* **Sizes** are bytes, or `64k`, `16m`, `1g` (powers of 1024).\n"
	"* **Switches** are `true` or `false` (also `on`, `off`, `yes`, `no`).\n"
	"* **The relay** is `https://host`, `http://host:port`, or a host alone, which means "
	"https.\n"
	"\n"
	"## The configuration file\n"
	"\n"
	"One flat mapping; the keys are the flags without their dashes. What belongs to a single "
	"tunnel does\n"
	"not stand there.\n"
	"\n"
	"```yaml\n"
	"relay: https://relay.example.com\n"
	"hmac-secret-file: /home/me/.config/adit/hmac.key\n"
	"local-connect-timeout: 2s\n"
	"```\n"
	"\n"
	"`tunnels.yaml`, which `adit start` reads, is in [agent.md](agent.md#tunnelsyaml). A "
	"tunnel there has\n"
	"`http` or `tcp` with its target, and may have the options below from \"The local "
	"service\", and from\n"
	"\"HTTP tunnels\", \"A local https service\" and \"Who may come in\", or \"TCP "
	"tunnels\".\n"
	"\n"
	"## Secrets\n"
	"\n"
	"These secrets are no flags, because every user of a machine can read its process list, "
	"and none stands\n"
	"in a file with other options. What came from the environment is wiped there, so that "
	"`/proc/PID/environ`\n"
	"does not have it.\n"
	"\n"
	"The key of an account comes from `ADIT_TOKEN`, from the first line of the file that "
	"`--token-file`\n"
	"names (`-` is standard input), or from `$XDG_CONFIG_HOME/adit/keys/RELAY`, where `adit "
	"login` puts it: a\n"
	"file that others can read is not used. Key and passwords go to a relay over TLS or on the "
	"same machine;\n"
	"anywhere else `--insecure` must say that this is fine.\n"
	"\n"
	"The HMAC secret comes from `ADIT_HMAC_SECRET`, or from the "
	"first line\n"
	"of the file that `--hmac-secret-file` names; it has at least 32 characters. The client "
	"token comes\n"
	"from `ADIT_CLIENT_TOKEN`, or from `$XDG_STATE_HOME/adit/client-id`\n"
	"(`~/.local/state/adit/client-id`), which is made at the first start and readable for its "
	"user only.\n"
	"Whoever has a token may take its names over.\n"
	"\n"
	"`--password` is the exception, because it is wanted: adit wipes it from its command line "
	"as soon as it has\n"
	"read it, and warns that the shell's history keeps it. The other sources leave no trace; "
	"one of them is\n"
	"given at a time. `--password-env` and `--verify-secret-env` name any variable but those "
	"of "
	"adit itself.\n"
	"\n"
	"## What else counts\n"
	"\n"
	"| Variable | What for |\n"
	"| --- | --- |\n"
	"| `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy` | the HTTP proxy on the way to the "
	"relay |\n"
	"| `NO_COLOR` | no colours, as `--no-color` |\n"
	"| `XDG_CONFIG_HOME`, `XDG_STATE_HOME`, `HOME` | where the files are |\n"
	"\n"
	"## Options\n";
/* clang-format on */

static void cli_manual_escape(const char *text, struct buf *out)
{
	for (const char *c = text; *c; c++) {
		if (*c == '|')
			buf_append_char(out, '\\');
		buf_append_char(out, *c);
	}
}

static void cli_manual_commands(struct buf *out)
{
	buf_append_str(out,
		"## Commands\n\n| Command | What it does | Its options |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
		const struct cli_command *c = &cli_commands[i];
		const char *comma = "";

		buf_printf(out, "| `adit %s%s", c->name, c->usage[0] ? " " : "");
		cli_manual_escape(c->usage, out);
		buf_printf(out, "` | %s | ", c->summary);
		for (unsigned group = 0; group < CLI_GROUP_COUNT; group++) {
			if (!(c->groups & (1u << group)))
				continue;
			buf_printf(out, "%s%s", comma, cli_options.groups[group]);
			comma = ", ";
		}
		buf_append_str(out, c->groups ? " |\n" : "- |\n");
	}
}

void cli_manual_markdown(struct buf *out)
{
	const struct opt_markdown_style style = {false, "Not in `config.yaml`."};

	buf_append_str(out, cli_manual_intro);
	cli_manual_commands(out);
	buf_append_str(out, cli_manual_middle);
	opt_markdown_print(&cli_options, &style, out);
}
