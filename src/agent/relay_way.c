/* From the conf and the environment; nothing is sent. */
#include "agent/relay_way.h"

#include "agent/cli_conf.h"
#include "agent/cli_key.h"
#include "base/secret.h"
#include "crypto/tls.h"

static int relay_way_prepare(const struct cli_conf *conf, char **environ_list,
	struct relay_way *out, struct buf *message)
{
	const struct proxy_env_target target = {
		conf->relay.host, conf->relay.port, conf->relay.tls};
	const struct tls_client_conf tls = {
		.ca_file = conf->values.ca,
		.pin = conf->values.pin,
		.insecure = conf->values.insecure,
	};
	int err;

	*out = (struct relay_way) {0};
	err = proxy_env_find(environ_list, &target, &out->proxy, message);
	if (!err && conf->relay.tls)
		err = tls_client_new(&tls, &out->tls, message);
	return err;
}

int relay_way_find(
	struct cli_conf *conf, char **environ_list, struct relay_way *out, struct buf *message)
{
	int err = relay_way_prepare(conf, environ_list, out, message);

	if (!err)
		err = cli_key_find(conf, environ_list, &out->key, message);
	out->who = (struct handshake_who) {conf->values.hmac_secret, out->key};
	if (err)
		relay_way_deinit(out);
	return err;
}

int relay_way_find_bare(const struct cli_conf *conf, char **environ_list, struct relay_way *out,
	struct buf *message)
{
	int err = cli_key_check_way(conf, message);

	*out = (struct relay_way) {0};
	if (!err)
		err = relay_way_prepare(conf, environ_list, out, message);
	if (err)
		relay_way_deinit(out);
	return err;
}

void relay_way_deinit(struct relay_way *w)
{
	tls_client_free(&w->tls);
	proxy_env_deinit(&w->proxy);
	secret_free(&w->key);
	*w = (struct relay_way) {0};
}
