/* The keys of tickets: the one before still opens, older ones do not, whoever shares them. */
#include "crypto/tls_tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/tls.h"
#include "crypto/tls_priv.h"
#include "support/cert.h"
#include "support/tls_pair.h"

static struct cert ca, leaf;
static struct tls_client *client;
static struct tls_tickets *tickets;

static int set_up(void **state)
{
	struct tls_client_conf conf = {0};
	struct buf message = {0};

	tickets = tls_tickets_new();
	cert_dir_make();
	cert_make(&ca, &(struct cert_spec) {.name = "ca"});
	cert_make(&leaf, &(struct cert_spec) {.name = "leaf", .san = "DNS:a.test", .issuer = &ca});
	conf.ca_file = ca.cert_file;
	assert_int_equal(tls_client_new(&conf, &client, &message), 0);
	return 0;
}

static int tear_down(void **state)
{
	tls_client_free(&client);
	tls_tickets_free(&tickets);
	cert_forget(&ca);
	cert_forget(&leaf);
	cert_dir_remove();
	return 0;
}

static struct tls_server *server_new(void)
{
	struct buf message = {0};
	struct tls_server *s;

	assert_int_equal(tls_server_new(leaf.cert_file, leaf.key_file, tickets, &s, &message), 0);
	return s;
}

/* Whether the connection was resumed with the ticket of the last one. */
static bool connect_to(struct tls_server *s, int version)
{
	struct tls_pair p;
	bool resumed;

	tls_pair_init(&p, client, "a.test", s);
	SSL_set_max_proto_version(p.client.tls->ssl, version);
	tls_pair_run(&p, 0);
	assert_true(tls_is_ready(p.client.tls) && tls_is_ready(p.server.tls));
	resumed = tls_is_resumed(p.client.tls);
	tls_pair_deinit(&p);
	return resumed;
}

static void the_key_before_still_opens_and_renews(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *s = server_new();

	for (int i = 0; i < 2; i++) {
		tls_tickets_rotate(tickets);
		tls_tickets_rotate(tickets);
		assert_false(connect_to(s, versions[i]));
		assert_true(connect_to(s, versions[i]));
		tls_tickets_rotate(tickets);
		assert_true(connect_to(s, versions[i]));
	}
	/* It has brought a ticket of the current key. */
	tls_tickets_rotate(tickets);
	assert_true(connect_to(s, TLS1_3_VERSION));
	tls_server_unref(&s);
}

static void an_older_key_does_not_open(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *s = server_new();

	for (int i = 0; i < 2; i++) {
		connect_to(s, versions[i]);
		assert_true(connect_to(s, versions[i]));
		tls_tickets_rotate(tickets);
		tls_tickets_rotate(tickets);
		assert_false(connect_to(s, versions[i]));
	}
	tls_server_unref(&s);
}

static void all_contexts_change_together(void **state)
{
	struct tls_server *a = server_new(), *b = server_new();

	connect_to(a, TLS1_3_VERSION);
	tls_tickets_rotate(tickets);
	assert_true(connect_to(b, TLS1_3_VERSION));
	assert_true(connect_to(a, TLS1_3_VERSION));
	tls_server_unref(&a);
	tls_server_unref(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_before_still_opens_and_renews),
		cmocka_unit_test(an_older_key_does_not_open),
		cmocka_unit_test(all_contexts_change_together),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
