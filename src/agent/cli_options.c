/* Makes the table from cli_options.def. */
#include "agent/cli_options.h"

#include <stddef.h>

static const char *const cli_groups[] = {
	[CLI_GROUP_HTTP] = "HTTP tunnels",
	[CLI_GROUP_LOCAL_TLS] = "A local https service",
	[CLI_GROUP_GATE] = "Who may come in",
	[CLI_GROUP_TCP] = "TCP tunnels",
	[CLI_GROUP_TUNNEL] = "The local service",
	[CLI_GROUP_START] = "Several tunnels",
	[CLI_GROUP_LOGIN] = "Logging in",
	[CLI_GROUP_SHARE] = "Links",
	[CLI_GROUP_RELAY] = "The relay",
	[CLI_GROUP_LIMITS] = "Limits",
	[CLI_GROUP_OUTPUT] = "Output",
	[CLI_GROUP_GENERAL] = "General",
};

static const char *const cli_verifies[] = {"off", "stripe", "github", "slack", NULL};
static const char *const cli_transports[] = {"auto", "websocket", NULL};

#define OPT(in_group, kind, field, flag_name, initial, least, most, bits, words, sentence)         \
	{.name = flag_name,                                                                        \
		.env_prefix = "ADIT_",                                                             \
		.fallback = initial,                                                               \
		.doc = sentence,                                                                   \
		.values = words,                                                                   \
		.min = least,                                                                      \
		.max = most,                                                                       \
		.offset = offsetof(struct cli_values, field),                                      \
		.size = sizeof(((struct cli_values *)NULL)->field),                                \
		.type = OPT_##kind,                                                                \
		.group = CLI_GROUP_##in_group,                                                     \
		.flags = bits},

static const struct opt cli_opts[] = {
#include "agent/cli_options.def"
};

const struct opt_table cli_options = {cli_opts, ARRAY_LEN(cli_opts), cli_groups};
