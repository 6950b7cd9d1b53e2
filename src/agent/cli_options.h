/* The table of the agent's options; see cli_options.def. */
#ifndef AGENT_CLI_OPTIONS_H
#define AGENT_CLI_OPTIONS_H

#include "config/opt.h"

enum cli_group {
	CLI_GROUP_HTTP,
	CLI_GROUP_LOCAL_TLS,
	CLI_GROUP_GATE,
	CLI_GROUP_TCP,
	CLI_GROUP_TUNNEL,
	CLI_GROUP_START,
	CLI_GROUP_LOGIN,
	CLI_GROUP_SHARE,
	CLI_GROUP_RELAY,
	CLI_GROUP_LIMITS,
	CLI_GROUP_OUTPUT,
	CLI_GROUP_GENERAL,
	CLI_GROUP_COUNT
};

enum cli_verify { CLI_VERIFY_OFF, CLI_VERIFY_STRIPE, CLI_VERIFY_GITHUB, CLI_VERIFY_SLACK };

enum cli_transport { CLI_TRANSPORT_AUTO, CLI_TRANSPORT_WEBSOCKET };

/* The values, filled in by cli_conf.c; texts are owned. */
struct cli_values {
	char *subdomain;
	char *host_header;
	bool local_verify;
	char *local_ca;
	char *local_name;
	char *password;
	bool password_prompt;
	char *password_file;
	char *password_env;
	char **allow;
	char **deny;
	enum cli_verify verify_webhook;
	char *verify_secret;
	char *verify_secret_file;
	char *verify_secret_env;
	uint16_t remote_port;
	unsigned proxy_protocol;
	char *tunnels_file;
	bool open;
	uint64_t expires_s;
	unsigned views;
	char *relay;
	unsigned connections;
	char *ca;
	char *pin;
	bool insecure;
	enum cli_transport transport;
	char *hmac_secret;
	char *hmac_secret_file;
	char *token;
	char *token_file;
	char *client_token;
	uint32_t buffer;
	unsigned max_streams;
	uint64_t local_connect_ms;
	bool quiet;
	bool no_color;
	bool json;
	char *config_file;
};

extern const struct opt_table cli_options;

#endif
