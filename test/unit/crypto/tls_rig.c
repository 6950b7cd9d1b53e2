/* A client keeps the ticket of its last connection for the next one. */
#include "tls_rig.h"

struct cert ca, leaf;
struct tls_client *client;

void tls_rig_open(void)
{
	struct tls_client_conf conf = {0};
	struct buf message = {0};

	cert_dir_make();
	cert_make(&ca, &(struct cert_spec) {.name = "ca"});
	cert_make(&leaf, &(struct cert_spec) {.name = "leaf", .san = "DNS:a.test", .issuer = &ca});
	conf.ca_file = ca.cert_file;
	assert_int_equal(tls_client_new(&conf, &client, &message), 0);
}

void tls_rig_close(void)
{
	tls_client_free(&client);
	cert_forget(&ca);
	cert_forget(&leaf);
	cert_dir_remove();
}

struct tls_server *server_new(struct tls_tickets *tickets)
{
	struct buf message = {0};
	struct tls_server *s;

	assert_int_equal(tls_server_new(leaf.cert_file, leaf.key_file, tickets, &s, &message), 0);
	return s;
}

bool connect_to(struct tls_server *s, int version)
{
	struct tls_pair p;
	bool resumed;

	tls_pair_init(&p, client, "a.test", s);
	SSL_set_max_proto_version(p.client.tls->ssl, version);
	tls_pair_run(&p, 0);
	assert_true(tls_is_ready(p.client.tls) && tls_is_ready(p.server.tls));
	assert_string_equal(
		tls_version(p.server.tls), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
	resumed = tls_is_resumed(p.client.tls);
	assert_int_equal(resumed, tls_is_resumed(p.server.tls));
	tls_pair_deinit(&p);
	return resumed;
}
