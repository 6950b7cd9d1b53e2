/* Made once for all tests of a program, because keys take their time under a sanitizer. */
#include "support/tls_context.h"

#include "base/check.h"
#include "support/cert.h"

struct tls_server *tls_context_server;
struct tls_client *tls_context_client;
static struct tls_tickets *tls_context_tickets;

int tls_context_open(void **state)
{
	struct tls_client_conf conf = {0};
	struct buf message = {0};
	struct cert ca, leaf;

	tls_context_tickets = tls_tickets_new();
	cert_dir_make();
	cert_make(&ca, &(struct cert_spec) {.name = "ca"});
	cert_make(&leaf, &(struct cert_spec) {.name = "leaf", .san = "DNS:a.test", .issuer = &ca});
	conf.ca_file = ca.cert_file;
	CHECK(tls_client_new(&conf, &tls_context_client, &message) == 0);
	CHECK(tls_server_new(leaf.cert_file, leaf.key_file, tls_context_tickets,
		      &tls_context_server, &message) == 0);
	cert_forget(&ca);
	cert_forget(&leaf);
	cert_dir_remove();
	return 0;
}

int tls_context_close(void **state)
{
	tls_client_free(&tls_context_client);
	tls_server_unref(&tls_context_server);
	tls_tickets_free(&tls_context_tickets);
	return 0;
}
