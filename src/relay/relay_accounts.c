/* A password in a URL is kept off the command line, where every user of the machine reads it. */
#include "relay/relay_accounts.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/opt_set.h"
#include "proto/http_host.h"
#include "relay/admin_socket.h"
#include "relay/relay_options.h"

static const struct opt_origin *relay_accounts_origin(
	const struct relay_conf *conf, struct slice name)
{
	return &conf->origins[opt_index(&relay_options, opt_find(&relay_options, name))];
}

/* systemd names all folders of a unit, with colons between them: the first one is ours. */
static void relay_accounts_cut_state_dir(struct relay_conf *conf)
{
	struct slice where = slice_from_str(relay_accounts_origin(conf, SLICE("state-dir"))->where);

	if (conf->state_dir && slice_starts(where, SLICE("STATE_DIRECTORY")))
		conf->state_dir[slice_find(slice_from_str(conf->state_dir), ':')] = '\0';
}

/* "postgresql://user:password@host/": between the scheme and the @ stands another colon. Or it is
 * one of the parameters. */
static bool relay_accounts_has_password(struct slice url)
{
	struct slice rest = slice_from(url, slice_find(url, ':') + 3);
	struct slice login = slice_first(rest, slice_find(rest, '@'));

	return (login.len < rest.len && slice_find(login, ':') < login.len) ||
		http_query_has(http_target_query(url), SLICE("password")) ||
		http_query_has(http_target_query(url), SLICE("sslpassword"));
}

static int relay_accounts_check_database(const struct relay_conf *conf, struct buf *message)
{
	const struct opt_origin *origin = relay_accounts_origin(conf, SLICE("database"));
	struct slice url = slice_from_str(conf->database);

	if (!conf->database)
		return 0;
	if (!slice_starts(url, SLICE("postgresql://")) &&
		!slice_starts(url, SLICE("postgres://"))) {
		buf_printf(message,
			"%s: not a URL of the form postgresql://user@host/database (for SQLite "
			"give "
			"--state-dir alone)",
			origin->where);
		return ERR_SYNTAX;
	}
	if (origin->layer == OPT_LAYER_FLAG && relay_accounts_has_password(url)) {
		buf_append_str(message,
			"--database: every user of the machine could read this password; give the "
			"URL as LT_DATABASE, or the password by PGPASSFILE");
		return ERR_DENIED;
	}
	return 0;
}

/* In the state folder unless it is told where. */
static int relay_accounts_check_socket(struct relay_conf *conf, struct buf *message)
{
	if (conf->admin_socket && !relay_conf_has_store(conf)) {
		buf_printf(message,
			"%s: there are no accounts behind it; give --state-dir or --database as "
			"well",
			relay_accounts_origin(conf, SLICE("admin-socket"))->where);
		return ERR_RANGE;
	}
	if (!conf->admin_socket && conf->state_dir)
		conf->admin_socket = admin_socket_path(conf->state_dir);
	return 0;
}

int relay_accounts_check(struct relay_conf *conf, struct buf *message)
{
	const char *where = relay_accounts_origin(conf, SLICE("auth"))->where;
	int err;

	relay_accounts_cut_state_dir(conf);
	err = relay_accounts_check_database(conf, message);
	if (!err)
		err = relay_accounts_check_socket(conf, message);
	if (err)
		return err;
	if (conf->auth == RELAY_AUTH_AUTO)
		conf->auth = relay_conf_has_store(conf) ? RELAY_AUTH_OPTIONAL : RELAY_AUTH_OFF;
	if (conf->auth == RELAY_AUTH_OFF || relay_conf_has_store(conf))
		return 0;
	buf_printf(message, "%s: keys are kept in a store; give --state-dir or --database as well",
		where);
	return ERR_RANGE;
}

static bool relay_accounts_is_loopback(const char *address)
{
	struct slice text = slice_from_str(address);

	return slice_starts(text, SLICE("127.")) || slice_eq(text, SLICE("::1"));
}

bool relay_accounts_are_open(const struct relay_conf *conf)
{
	if (conf->hmac_secret || conf->auth == RELAY_AUTH_REQUIRED)
		return false;
	if (conf->admin_port)
		return !relay_accounts_is_loopback(conf->admin_address);
	return !relay_accounts_is_loopback(conf->address) ||
		(conf->tls_cert && conf->tls_address &&
			!relay_accounts_is_loopback(conf->tls_address));
}

void relay_accounts_warn(const struct relay_conf *conf, struct log *log)
{
	if (relay_accounts_are_open(conf))
		log_warn(log, "anybody who reaches this relay may open tunnels",
			LOG_STR("advice",
				SLICE("give --auth required with --state-dir, or an HMAC secret, "
				      "or a loopback address")));
}
