/*
 * Loads and watches over the certificate. Called at the start and at a reload, on the main thread,
 * which serves nobody while it reads files.
 */
#include "relay/relay_tls.h"

#include "base/err.h"
#include "base/log.h"
#include "crypto/tls.h"
#include "relay/relay_conf.h"

#define RELAY_TLS_WARN_DAYS 14u
#define RELAY_TLS_DAY_S 86400u

const char *relay_tls_address(const struct relay_conf *conf)
{
	return conf->tls_address ? conf->tls_address : conf->address;
}

int relay_tls_load(const struct relay_conf *conf, struct tls_tickets *tickets,
	struct tls_server **out, struct buf *message)
{
	*out = NULL;
	if (!conf->tls_cert)
		return 0;
	return tls_server_new(conf->tls_cert, conf->tls_key, tickets, out, message);
}

/* A pair that is not good is found by check-config as well. */
static int relay_tls_try(const struct relay_conf *conf, struct buf *message)
{
	struct tls_tickets *tickets = tls_tickets_new();
	struct tls_server *server;
	int err = relay_tls_load(conf, tickets, &server, message);

	tls_server_unref(&server);
	tls_tickets_free(&tickets);
	return err;
}

int relay_tls_check(const struct relay_conf *conf, bool port_given, struct buf *message)
{
	if (!conf->tls_cert != !conf->tls_key) {
		buf_printf(message, "--tls-%s: --tls-cert and --tls-key go together",
			conf->tls_cert ? "cert" : "key");
		return ERR_RANGE;
	}
	if (!conf->tls_cert) {
		if (port_given)
			buf_append_str(message,
				"--tls-port needs a certificate: --tls-cert and --tls-key");
		return port_given ? ERR_RANGE : 0;
	}
	return relay_tls_try(conf, message);
}

void relay_tls_warn(const struct tls_server *server, uint64_t now_ms, struct log *log)
{
	uint64_t ends = server ? tls_server_expires(server) : UINT64_MAX, now = now_ms / 1000;

	if (ends > now && ends - now > RELAY_TLS_WARN_DAYS * RELAY_TLS_DAY_S)
		return;
	log_warn(log, "the certificate expires soon, visitors will be refused then",
		LOG_INT("days", ends > now ? (ends - now) / RELAY_TLS_DAY_S : 0));
}
