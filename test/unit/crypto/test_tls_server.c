/* A server's context: versions, ciphers, ALPN, and tickets that outlive it. */
#include "crypto/tls_server.h"

#include <string.h>

#include "base/err.h"
#include "tls_rig.h"

static struct tls_tickets *secret, *other_secret;

static int set_up(void **state)
{
	secret = tls_tickets_new();
	other_secret = tls_tickets_new();
	tls_rig_open();
	return 0;
}

static int tear_down(void **state)
{
	tls_rig_close();
	tls_tickets_free(&secret);
	tls_tickets_free(&other_secret);
	return 0;
}

static void tickets_open_on_every_context_with_the_secret(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *a = server_new(secret), *b = server_new(secret);
	struct tls_server *c = server_new(other_secret);

	for (int i = 0; i < 2; i++) {
		assert_false(connect_to(c, versions[i]));
		assert_false(connect_to(a, versions[i]));
		assert_true(connect_to(a, versions[i]));
		assert_true(connect_to(b, versions[i]));
		assert_false(connect_to(c, versions[i]));
	}
	tls_server_unref(&a);
	tls_server_unref(&b);
	tls_server_unref(&c);
}

static void a_connection_keeps_the_context(void **state)
{
	struct tls_server *s = server_new(secret);
	struct tls_pair p;

	tls_pair_init(&p, client, "a.test", s);
	tls_server_ref(s);
	tls_server_unref(&s);
	assert_null(s);
	s = NULL;
	tls_pair_run(&p, 0);
	assert_true(tls_is_ready(p.server.tls));
	assert_true(slice_eq(tls_alpn(p.server.tls), SLICE("http/1.1")));
	/* The reference of above. */
	s = p.server.tls->server;
	tls_pair_deinit(&p);
	tls_server_unref(&s);
}

static void the_end_of_the_certificate_is_known(void **state)
{
	struct tls_server *s = server_new(secret);
	uint64_t in = tls_server_expires(s) - (uint64_t)time(NULL);

	assert_in_range(in, 86400 - 60, 86400 + 60);
	tls_server_unref(&s);
}

static void other_protocols_and_old_versions_are_refused(void **state)
{
	struct tls_server *s = server_new(secret);
	struct tls_pair p;

	tls_pair_init(&p, client, "a.test", s);
	assert_int_equal(
		SSL_set_alpn_protos(p.client.tls->ssl, (const unsigned char *)"\x02h2", 3), 0);
	tls_pair_run(&p, 0);
	assert_int_equal(p.server.result, TLS_FAILED);
	assert_string_equal(
		tls_failure(p.server.tls), "there is no protocol that both sides speak (ALPN)");
	assert_string_equal(tls_failure(p.client.tls), tls_failure(p.server.tls));
	tls_pair_deinit(&p);

	tls_pair_init(&p, client, "a.test", s);
	SSL_set_security_level(p.client.tls->ssl, 0);
	SSL_set_min_proto_version(p.client.tls->ssl, TLS1_VERSION);
	SSL_set_max_proto_version(p.client.tls->ssl, TLS1_1_VERSION);
	SSL_set_cipher_list(p.client.tls->ssl, "ALL");
	tls_pair_run(&p, 0);
	assert_int_equal(p.server.result, TLS_FAILED);
	assert_string_equal(
		tls_failure(p.server.tls), "the other side speaks no version of TLS from 1.2 on");
	tls_pair_deinit(&p);
	tls_server_unref(&s);
}

static void only_aead_ciphers_are_offered(void **state)
{
	struct tls_server *s = server_new(secret);
	struct tls *t = tls_accept(s);
	STACK_OF(SSL_CIPHER) *ciphers = SSL_get_ciphers(t->ssl);

	assert_in_range(sk_SSL_CIPHER_num(ciphers), 9, 9);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
		assert_int_equal(SSL_CIPHER_is_aead(sk_SSL_CIPHER_value(ciphers, i)), 1);
	tls_free(&t);
	tls_server_unref(&s);
}

static void a_bad_pair_makes_no_context(void **state)
{
	struct buf message = {0};
	struct tls_server *s;

	assert_int_equal(
		tls_server_new(leaf.cert_file, ca.key_file, secret, &s, &message), ERR_SYNTAX);
	assert_null(s);
	assert_true(buf_len(&message) > 0);
	buf_release(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tickets_open_on_every_context_with_the_secret),
		cmocka_unit_test(a_connection_keeps_the_context),
		cmocka_unit_test(the_end_of_the_certificate_is_known),
		cmocka_unit_test(other_protocols_and_old_versions_are_refused),
		cmocka_unit_test(only_aead_ciphers_are_offered),
		cmocka_unit_test(a_bad_pair_makes_no_context),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
