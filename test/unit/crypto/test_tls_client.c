/* Whom a client trusts, and what it says about the others. */
#include "crypto/tls_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "crypto/tls.h"
#include "crypto/tls_priv.h"
#include "crypto/tls_server.h"
#include "support/cert.h"
#include "support/tls_pair.h"

enum { LEAF, EARLY, SELF, STRANGE, EXPIRED, NAMELESS, CERTS };

static struct tls_tickets *secret;
static struct cert ca, strange_ca, certs[CERTS];

static int set_up(void **state)
{
	const struct cert_spec specs[CERTS] = {
		[LEAF] = {.name = "leaf",
			.san = "DNS:a.test,DNS:*.b.test,IP:192.0.2.7,IP:2001:db8::1",
			.issuer = &ca},
		[EARLY] = {.name = "early",
			.san = "DNS:a.test",
			.issuer = &ca,
			.from_s = 86400,
			.until_s = 864000},
		[SELF] = {.name = "self", .san = "DNS:a.test"},
		[STRANGE] = {.name = "strange", .san = "DNS:a.test", .issuer = &strange_ca},
		[EXPIRED] = {.name = "expired",
			.san = "DNS:a.test",
			.issuer = &ca,
			.from_s = -864000,
			.until_s = -86400},
		[NAMELESS] = {.name = "nameless", .issuer = &ca},
	};

	secret = tls_tickets_new();
	cert_dir_make();
	cert_make(&ca, &(struct cert_spec) {.name = "ca"});
	cert_make(&strange_ca, &(struct cert_spec) {.name = "Strange CA"});
	for (int i = 0; i < CERTS; i++)
		cert_make(&certs[i], &specs[i]);
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < CERTS; i++)
		cert_forget(&certs[i]);
	cert_forget(&ca);
	cert_forget(&strange_ca);
	cert_dir_remove();
	tls_tickets_free(&secret);
	return 0;
}

static struct tls_client *client_new(const struct tls_client_conf *conf)
{
	struct buf message = {0};
	struct tls_client *c;

	assert_int_equal(tls_client_new(conf, &c, &message), 0);
	return c;
}

/* The server's context would refuse an expired pair; what a peer has may be anything. */
static void show(struct tls_pair *p, const struct cert *cert)
{
	assert_int_equal(
		SSL_use_cert_and_key(p->server.tls->ssl, cert->cert, cert->key, NULL, 1), 1);
}

/* What the client says of the certificate; empty when it trusts it. */
static void ask(const struct tls_client_conf *conf, const char *host, const struct cert *cert,
	char out[TLS_FAILURE_MAX])
{
	struct tls_client *c = client_new(conf);
	struct buf message = {0};
	struct tls_server *s;
	struct tls_pair p;

	assert_int_equal(
		tls_server_new(certs[LEAF].cert_file, certs[LEAF].key_file, secret, &s, &message),
		0);
	tls_pair_init(&p, c, host, s);
	show(&p, cert);
	tls_pair_run(&p, 0);
	assert_int_equal(tls_is_ready(p.client.tls), p.client.result != TLS_FAILED);
	/* The server hears of it as well. */
	assert_int_equal(p.server.result, p.client.result);
	slice_to_str(slice_from_str(p.client.result == TLS_FAILED ? tls_failure(p.client.tls) : ""),
		out, TLS_FAILURE_MAX);
	tls_pair_deinit(&p);
	tls_server_unref(&s);
	tls_client_free(&c);
}

static void check(const char *host, int cert, const char *expected)
{
	struct tls_client_conf conf = {.ca_file = ca.cert_file};
	char said[TLS_FAILURE_MAX];

	ask(&conf, host, &certs[cert], said);
	assert_ptr_equal(strstr(said, expected), said);
	assert_int_equal(!*expected, !*said);
}

static void names_and_addresses_are_checked(void **state)
{
	static const char wrong[] = "the certificate is not for c.test, but for "
				    "a.test, *.b.test, 192.0.2.7, 2001:db8::1";

	check("a.test", LEAF, "");
	check("x.b.test", LEAF, "");
	check("192.0.2.7", LEAF, "");
	check("2001:db8::1", LEAF, "");
	check("2001:0DB8::0:1", LEAF, "");
	check("c.test", LEAF, wrong);
	check("x.y.b.test", LEAF, "the certificate is not for x.y.b.test, but for ");
	check("192.0.2.8", LEAF, "the certificate is not for 192.0.2.8, but for a.test");
	check("a.test", NAMELESS, "the certificate is not for a.test, but for no name at all");
}

static void each_fault_has_its_clause(void **state)
{
	check("a.test", EXPIRED, "the certificate has expired (2");
	check("a.test", EARLY, "the certificate is not valid before 2");
	check("a.test", SELF, "the certificate is signed by itself and not trusted here");
	check("a.test", STRANGE,
		"the certificate is signed by an authority that is not trusted here: Strange CA");
}

static void a_certificate_is_described(void **state)
{
	struct tls_client *c = client_new(&(struct tls_client_conf) {.ca_file = ca.cert_file});
	struct buf text = {0};
	struct tls_server *server;
	struct tls_pair p;

	assert_int_equal(
		tls_server_new(certs[LEAF].cert_file, certs[LEAF].key_file, secret, &server, &text),
		0);
	tls_pair_init(&p, c, "a.test", server);
	tls_client_put_peer(&text, p.client.tls);
	assert_int_equal(buf_len(&text), 0);
	tls_pair_run(&p, 0);
	tls_client_put_peer(&text, p.client.tls);
	buf_append_char(&text, '\0');
	assert_memory_equal(buf_slice(&text).ptr, "certificate until 20", 20);
	assert_string_equal(
		buf_slice(&text).ptr + strlen("certificate until 2000-00-00"), " from ca");
	buf_release(&text);
	tls_pair_deinit(&p);
	tls_server_unref(&server);
	tls_client_free(&c);
}

static void without_verification_anything_goes(void **state)
{
	struct tls_client_conf conf = {.insecure = true};
	char said[TLS_FAILURE_MAX];

	for (int i = 0; i < CERTS; i++) {
		ask(&conf, "elsewhere.test", &certs[i], said);
		assert_string_equal(said, "");
	}
}

static void a_pin_holds_with_and_without_verification(void **state)
{
	struct tls_client_conf conf = {.ca_file = ca.cert_file,
		.pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	static const char before[] = "the certificate's key is not the pinned one: it is ";
	char said[TLS_FAILURE_MAX], pin[TLS_FAILURE_MAX];

	for (int i = 0; i < 2; i++) {
		conf.insecure = i;
		conf.pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
		ask(&conf, "a.test", &certs[LEAF], said);
		assert_ptr_equal(strstr(said, before), said);
		slice_to_str(slice_from_str(said + sizeof(before) - 1), pin, sizeof(pin));
		conf.pin = pin;
		ask(&conf, "a.test", &certs[LEAF], said);
		assert_string_equal(said, "");
		ask(&conf, "a.test", &certs[EXPIRED], said);
		assert_string_not_equal(said, "");
	}
	/* Verification comes first. */
	conf = (struct tls_client_conf) {.ca_file = ca.cert_file, .pin = pin};
	ask(&conf, "c.test", &certs[LEAF], said);
	assert_ptr_equal(strstr(said, "the certificate is not for c.test"), said);
}

static void a_bad_setting_is_named(void **state)
{
	const struct {
		struct tls_client_conf conf;
		int err;
		const char *words;
	} cases[] = {
		{{.ca_file = "/nowhere/ca.pem"}, ERR_NOT_FOUND, "/nowhere/ca.pem: cannot be read"},
		{{.ca_file = certs[LEAF].key_file}, ERR_SYNTAX, "no certificate"},
		{{.pin = "sha256/short"}, ERR_SYNTAX, "sha256/short is not a pin"},
		{{.pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!="}, ERR_SYNTAX,
			"is not a pin"},
		{{.pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, ERR_SYNTAX,
			"is not a pin"},
		{{.cert_file = certs[LEAF].cert_file, .key_file = ca.key_file}, ERR_SYNTAX,
			"does not belong"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf message = {0};
		struct tls_client *c;

		assert_int_equal(tls_client_new(&cases[i].conf, &c, &message), cases[i].err);
		assert_null(c);
		buf_append_char(&message, '\0');
		assert_non_null(strstr(message.base, cases[i].words));
		buf_release(&message);
	}
}

static void only_names_are_sent_as_server_names(void **state)
{
	struct tls_client_conf conf = {.ca_file = ca.cert_file};
	struct tls_client *c = client_new(&conf);
	struct tls *t = tls_connect(c, "a.test", NULL);

	assert_string_equal(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name), "a.test");
	tls_free(&t);
	t = tls_connect(c, "192.0.2.7", NULL);
	assert_null(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
	tls_free(&t);
	t = tls_connect(c, "::1", NULL);
	assert_null(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
	tls_free(&t);
	tls_client_free(&c);
}

static void a_session_is_for_its_host_only(void **state)
{
	struct tls_client_conf conf = {.ca_file = ca.cert_file};
	struct tls_client *c = client_new(&conf);
	static const char *const hosts[] = {"a.test", "a.test", "x.b.test", "x.b.test"};
	struct buf message = {0};
	struct tls_server *s;

	assert_int_equal(
		tls_server_new(certs[LEAF].cert_file, certs[LEAF].key_file, secret, &s, &message),
		0);
	for (int i = 0; i < 4; i++) {
		struct tls_pair p;

		tls_pair_init(&p, c, hosts[i], s);
		tls_pair_run(&p, 0);
		assert_true(tls_is_ready(p.client.tls));
		assert_int_equal(tls_is_resumed(p.client.tls), i & 1);
		tls_pair_deinit(&p);
	}
	tls_server_unref(&s);
	tls_client_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses_are_checked),
		cmocka_unit_test(each_fault_has_its_clause),
		cmocka_unit_test(a_certificate_is_described),
		cmocka_unit_test(without_verification_anything_goes),
		cmocka_unit_test(a_pin_holds_with_and_without_verification),
		cmocka_unit_test(a_bad_setting_is_named),
		cmocka_unit_test(only_names_are_sent_as_server_names),
		cmocka_unit_test(a_session_is_for_its_host_only),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
