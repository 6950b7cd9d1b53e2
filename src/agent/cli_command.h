/* The table of commands: what each takes, and how it is explained. */
#ifndef AGENT_CLI_COMMAND_H
#define AGENT_CLI_COMMAND_H

#include "agent/cli_options.h"
#include "base/buf.h"

enum cli_command_id {
	CLI_HTTP,
	CLI_TCP,
	CLI_START,
	CLI_DOCTOR,
	CLI_LOGIN,
	CLI_LOGOUT,
	CLI_STATUS,
	CLI_RESERVE,
	CLI_RELEASE,
	CLI_SHARE,
	CLI_COMPLETION,
	CLI_VERSION,
	CLI_HELP,
	CLI_COMMAND_COUNT
};

struct cli_command {
	const char *name;
	const char *usage; /* the words behind the name */
	const char *summary; /* one line without a full stop */
	const char *text; /* more, with examples */
	unsigned min_words;
	unsigned max_words;
	unsigned groups; /* bits of enum cli_group: the options it takes */
};

extern const struct cli_command cli_commands[CLI_COMMAND_COUNT];

/* NULL when there is none of that name; then why_out has a sentence. */
const struct cli_command *cli_command_find(struct slice name, struct buf *why_out);
/* The help of one command, or of the program for NULL. */
void cli_command_help(
	const struct cli_command *command, unsigned width, bool colour, struct buf *out);

#endif
