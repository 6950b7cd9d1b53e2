/*
 * The relay's options as values. Filled by relay_conf_load from one table (flag, environment,
 * .env files, YAML file, default); immutable afterwards. A reload makes a new one.
 */
#ifndef RELAY_RELAY_CONF_H
#define RELAY_RELAY_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/slice.h"

struct opt_origin;
struct plans;

/* Whether keys are looked at when a tunnel is opened, and whether one is needed. */
enum relay_auth { RELAY_AUTH_OFF, RELAY_AUTH_OPTIONAL, RELAY_AUTH_REQUIRED, RELAY_AUTH_AUTO };

/* Text is owned by the conf; an option that was not given is NULL, a port that was not is 0. */
struct relay_conf {
	/* where to listen */
	uint16_t port;
	char *address;
	char *tls_cert; /* NULL: no TLS here */
	char *tls_key;
	uint16_t tls_port;
	char *tls_address; /* NULL: as address */
	uint16_t admin_port;
	char *admin_address;
	uint16_t metrics_port;
	char *metrics_address;
	uint16_t port_range_start;
	uint16_t port_range_end;
	uint16_t tcp_range_start; /* of TCP tunnels */
	uint16_t tcp_range_end;
	unsigned workers; /* 0: one per core */
	/* what is said to the world */
	bool secure; /* as given; relay_conf_is_https has what a certificate implies */
	char *domain; /* lower case, without a final dot */
	char *landing;
	uint16_t http_proxy_port;
	uint16_t https_proxy_port;
	char **reserved_names; /* NULL-terminated */
	/* tunnels */
	unsigned max_sockets;
	unsigned max_tunnels;
	unsigned max_waiting; /* requests that wait for a socket, per tunnel */
	uint64_t grace_ms; /* already clamped to max_grace_ms */
	uint64_t max_grace_ms;
	char *plans_file; /* NULL: one unlimited plan; "standard": the built-in ones */
	struct plans *plans; /* owned; read from there */
	bool strict;
	bool trust_proxy;
	/* sessions */
	unsigned max_sessions;
	unsigned max_streams; /* visitors per session */
	uint32_t session_buffer; /* the tail of one session */
	uint64_t session_buffer_total; /* of all sessions; 0 has become what it stands for */
	uint64_t session_memory; /* of all that are parked, in the process */
	uint64_t hold_timeout_ms; /* a visitor waits for an agent that reconnects */
	uint32_t hold_bytes; /* what such visitors of one tunnel hold */
	uint64_t heartbeat_ms;
	/* time */
	unsigned retry_after_s;
	uint64_t request_timeout_ms;
	uint64_t websocket_timeout_ms;
	uint64_t response_timeout_ms;
	uint64_t head_timeout_ms; /* a request head must be whole by then */
	uint64_t keep_alive_timeout_ms; /* an idle visitor connection */
	uint64_t upload_timeout_ms; /* a request body of which nothing comes */
	uint64_t idle_timeout_ms; /* a body or an upgraded stream without a byte moving */
	uint64_t drain_timeout_ms;
	/* limits of a request */
	uint32_t max_target;
	uint32_t max_head;
	uint16_t max_fields;
	uint64_t max_body; /* 0: none */
	unsigned max_connections;
	/* accounts */
	char *state_dir; /* NULL: no folder for what lasts */
	char *admin_socket; /* NULL: none */
	char *database; /* NULL: it is in the folder, if there is one; wiped on free */
	enum relay_auth auth; /* never RELAY_AUTH_AUTO once it is loaded */
	/* access */
	unsigned bcrypt_cost; /* of tunnel passwords */
	uint32_t webhook_max_body;
	uint64_t gate_session_s; /* how long a password that was entered holds */
	char *hmac_secret; /* NULL: creation is open; trimmed; wiped on free */
	char *hmac_secret_file; /* where it was read from, or NULL */
	uint64_t hmac_tolerance_s;
	uint64_t hmac_nonce_threshold_s;
	uint64_t hmac_nonce_ttl_s;
	bool hmac_terse;
	/* messages */
	bool forwarded; /* set X-Forwarded-* and X-Request-Id */
	bool forwarded_field; /* and Forwarded */
	/* logs */
	enum log_level log_level;
	enum log_format log_format;
	bool access_log;
	char *debug; /* the DEBUG variable; log_level has its effect already */
	/* about the configuration itself */
	char *config_file; /* the YAML file that was read, or NULL */
	bool json; /* check-config --json */
	struct opt_origin *origins; /* owned; one for each option of the table */
};

/* What a command line asks for. */
enum relay_command { RELAY_RUN, RELAY_CHECK_CONFIG, RELAY_HELP, RELAY_VERSION };

/* What the process was started with; all borrowed. */
struct relay_arguments {
	int argc;
	char **argv;
	char **environ_list; /* the process environment */
};

/*
 * Reads everything. On 0 *conf_out is the caller's, or NULL when help or the version was asked
 * for. Otherwise message holds one clear line for a human ("--port: 70000 is out of range (1 to
 * 65535)"), without a line end, to be printed as it is. Warnings (a clamped grace period, an
 * unreadable .env) are appended to warnings, one line each.
 * .env files and relative paths are those of the working directory. A reload calls
 * it again with the same arguments.
 */
MUST_CHECK int relay_conf_load(const struct relay_arguments *arguments,
	enum relay_command *command_out, struct relay_conf **conf_out, struct buf *message,
	struct buf *warnings);
void relay_conf_free(struct relay_conf **conf);
/* The whole --help text, made from the table. Columns fit the given width. */
void relay_conf_help(struct buf *out, unsigned width, bool colour);
/* docs/configuration.md, made from the same table. */
void relay_conf_markdown(struct buf *out);
/* The effective values, each with where it came from; secrets are masked. JSON is one object. */
void relay_conf_describe(const struct relay_conf *conf, bool json, struct buf *out);
/* Whether URLs are https: asked for, or implied by a certificate (D7). */
static inline bool relay_conf_is_https(const struct relay_conf *conf)
{
	return conf->secure || conf->tls_cert;
}
/* Whether there are accounts. */
static inline bool relay_conf_has_store(const struct relay_conf *conf)
{
	return conf->state_dir || conf->database;
}
/* Whether an option may change by SIGHUP; names those that differ and may not, one a line. */
bool relay_conf_can_reload(
	const struct relay_conf *now, const struct relay_conf *next, struct buf *refused_out);

#endif
