/*
 * Makes the table from relay_options.def. Command line, environment, files, help, documentation,
 * checks and reload read it; nothing else knows an option's name.
 */
#include "relay/relay_options.h"

#include <stddef.h>

#include "relay/relay_conf.h"

enum relay_group {
	GROUP_LISTEN,
	GROUP_URLS,
	GROUP_TUNNELS,
	GROUP_SESSIONS,
	GROUP_ACCOUNTS,
	GROUP_ACCESS,
	GROUP_TIME,
	GROUP_REQUESTS,
	GROUP_LOGS,
	GROUP_FILES,
	GROUP_SEED
};

static const char *const relay_groups[] = {
	[GROUP_LISTEN] = "Listening",
	[GROUP_URLS] = "Tunnel URLs",
	[GROUP_TUNNELS] = "Tunnels",
	[GROUP_SESSIONS] = "Sessions of agents",
	[GROUP_ACCOUNTS] = "Accounts",
	[GROUP_ACCESS] = "Access",
	[GROUP_TIME] = "Time limits",
	[GROUP_REQUESTS] = "Requests",
	[GROUP_LOGS] = "Logs",
	[GROUP_FILES] = "Files",
	[GROUP_SEED] = "Without effect",
};

/* In the order of enum relay_auth, enum log_level and enum log_format. */
static const char *const relay_auth_modes[] = {"off", "optional", "required", "auto", NULL};
static const char *const relay_log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const relay_log_formats[] = {"auto", "text", "json", NULL};

#define DAYS(n) ((uint64_t)(n)*86400000u)
#define OPT(in_group, kind, field, flag_name, initial, least, most, bits, alias, words, sentence)  \
	{.name = flag_name,                                                                        \
		.env_alias = alias,                                                                \
		.fallback = initial,                                                               \
		.doc = sentence,                                                                   \
		.values = words,                                                                   \
		.min = least,                                                                      \
		.max = most,                                                                       \
		.offset = offsetof(struct relay_conf, field),                                      \
		.size = sizeof(((struct relay_conf *)NULL)->field),                                \
		.type = OPT_##kind,                                                                \
		.group = GROUP_##in_group,                                                         \
		.flags = bits},
#define OPT_VOID(in_group, kind, flag_name, initial, least, most, sentence)                        \
	{.name = flag_name,                                                                        \
		.fallback = initial,                                                               \
		.doc = sentence,                                                                   \
		.min = least,                                                                      \
		.max = most,                                                                       \
		.type = OPT_##kind,                                                                \
		.group = GROUP_##in_group,                                                         \
		.flags = OPT_NO_EFFECT},

static const struct opt relay_opts[] = {
#include "relay/relay_options.def"
};

const struct opt_table relay_options = {relay_opts, ARRAY_LEN(relay_opts), relay_groups};
