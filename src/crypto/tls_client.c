/*
 * A client's context: whom it trusts, and the last session, so that the next connection to the
 * same host is resumed. The session makes it an affair of one thread.
 */
#include "crypto/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls_pem.h"
#include "crypto/tls_priv.h"
#include "crypto/tls_server.h"

#define TLS_CLIENT_PIN_PREFIX "sha256/"
#define TLS_CLIENT_PIN_LEN 44u /* 32 bytes in base64 */

struct tls_client {
	SSL_CTX *ctx; /* owned */
	SSL_SESSION *session; /* ref; the last one, or NULL */
	char *session_host; /* owned; who it is with */
	char pin[TLS_CLIENT_PIN_LEN + 1]; /* empty: none */
	bool insecure;
};

/* ---- verification ---- */

/* What a certificate says, without anything that would play with a terminal. */
static void tls_client_put_text(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len && buf_len(out) < TLS_FAILURE_MAX / 2; i++)
		buf_append_char(out, text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?');
}

static void tls_client_put_name(struct buf *out, const GENERAL_NAME *name)
{
	const ASN1_STRING *value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
	const char *data = (const char *)ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	char address[INET6_ADDRSTRLEN] = "?";

	if (name->type == GEN_IPADD) {
		if (len == 4 || len == 16)
			inet_ntop(len == 4 ? AF_INET : AF_INET6, data, address, sizeof(address));
		data = address;
		len = strlen(address);
	}
	tls_client_put_text(out, data, len);
}

static void tls_client_put_names(struct buf *out, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const char *before = "";

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS && name->type != GEN_IPADD)
			continue;
		buf_append_str(out, before);
		tls_client_put_name(out, name);
		before = ", ";
	}
	if (!*before)
		buf_append_str(out, "no name at all");
	GENERAL_NAMES_free(names);
}

static void tls_client_put_issuer(struct buf *out, X509 *cert)
{
	char name[160] = "";

	X509_NAME_get_text_by_NID(
		X509_get_issuer_name(cert), NID_commonName, name, (int)sizeof(name));
	tls_client_put_text(out, name, strlen(name));
}

static void tls_client_put_day(struct buf *out, const ASN1_TIME *time)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(time, &parts) == 1)
		buf_printf(out, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1,
			parts.tm_mday);
}

void tls_client_put_peer(struct buf *out, const struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (!cert)
		return;
	buf_append_str(out, "certificate until ");
	tls_client_put_day(out, X509_get0_notAfter(cert));
	buf_append_str(out, " from ");
	tls_client_put_issuer(out, cert);
}

static void tls_client_explain(struct buf *out, X509_STORE_CTX *store, const char *host)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	int error = X509_STORE_CTX_get_error(store);

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buf_append_str(out, "the certificate has expired (");
		tls_client_put_day(out, X509_get0_notAfter(cert));
		buf_append_str(out, ")");
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buf_append_str(out, "the certificate is not valid before ");
		tls_client_put_day(out, X509_get0_notBefore(cert));
		buf_append_str(out, "; is this machine's clock right?");
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		buf_append_str(out, "the certificate is signed by itself and not trusted here");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		buf_append_str(out,
			"the certificate is signed by an authority that is not trusted "
			"here: ");
		tls_client_put_issuer(out, cert);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		buf_printf(out, "the certificate is not for %.200s, but for ", host);
		tls_client_put_names(out, X509_STORE_CTX_get0_cert(store));
		break;
	default:
		buf_printf(out, "the certificate cannot be verified: %s",
			X509_verify_cert_error_string(error));
	}
}

/* The public key's digest in base64; so many characters and a NUL. */
static void tls_client_pin_of(X509 *cert, char out[TLS_CLIENT_PIN_LEN + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	CHECK(len > 0);
	CHECK(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1);
	CHECK(EVP_EncodeBlock((unsigned char *)out, digest, 32) == TLS_CLIENT_PIN_LEN);
	OPENSSL_free(der);
}

static bool tls_client_check_pin(const struct tls_client *c, X509 *cert, struct buf *out)
{
	char seen[TLS_CLIENT_PIN_LEN + 1];

	if (!*c->pin)
		return true;
	tls_client_pin_of(cert, seen);
	if (strcmp(seen, c->pin) == 0)
		return true;
	buf_printf(out,
		"the certificate's key is not the pinned one: it is " TLS_CLIENT_PIN_PREFIX "%s",
		seen);
	return false;
}

static int tls_client_on_verify(X509_STORE_CTX *store, void *ctx)
{
	const struct tls_client *c = ctx;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);
	struct buf why;
	bool ok = true;

	buf_init(&why);
	if (!c->insecure && X509_verify_cert(store) != 1) {
		tls_client_explain(&why, store, t->host);
		ok = false;
	} else if (!tls_client_check_pin(c, X509_STORE_CTX_get0_cert(store), &why)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
		ok = false;
	} else if (c->insecure) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
	}
	if (!ok) {
		mem_free(t->failure);
		t->failure = mem_dup_str(why.base, buf_len(&why));
	}
	buf_release(&why);
	return ok;
}

/* ---- sessions ---- */

static int tls_client_on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls *t = SSL_get_app_data(ssl);
	struct tls_client *c = t->client;

	SSL_SESSION_free(c->session);
	mem_free(c->session_host);
	c->session = session;
	c->session_host = mem_dup_str(t->host, strlen(t->host));
	return 1; /* the reference is ours */
}

/* ---- the context ---- */

static int tls_client_set_pin(struct tls_client *c, const char *pin, struct buf *message)
{
	struct slice text = slice_from_str(pin);
	unsigned char digest[TLS_CLIENT_PIN_LEN];

	if (!pin)
		return 0;
	if (slice_starts(text, SLICE(TLS_CLIENT_PIN_PREFIX)))
		text = slice_from(text, sizeof(TLS_CLIENT_PIN_PREFIX) - 1);
	if (text.len != TLS_CLIENT_PIN_LEN ||
		EVP_DecodeBlock(digest, (const unsigned char *)text.ptr, (int)text.len) != 33 ||
		text.ptr[text.len - 1] != '=') {
		buf_printf(message,
			"%.100s is not a pin: it is sha256/ and 44 characters of base64", pin);
		return ERR_SYNTAX;
	}
	slice_to_str(text, c->pin, sizeof(c->pin));
	return 0;
}

static int tls_client_set_own(
	struct tls_client *c, const struct tls_client_conf *conf, struct buf *message)
{
	struct tls_pem pem;
	int err;

	if (!conf->cert_file)
		return 0;
	err = tls_pem_load(
		&pem, conf->cert_file, conf->key_file ? conf->key_file : conf->cert_file, message);
	if (!err && SSL_CTX_use_cert_and_key(c->ctx, pem.leaf, pem.key, pem.chain, 1) != 1) {
		buf_printf(message, "%s: the certificate cannot be used: %s", conf->cert_file,
			ERR_reason_error_string(ERR_peek_last_error()));
		err = ERR_SYNTAX;
	}
	ERR_clear_error();
	tls_pem_deinit(&pem);
	return err;
}

static int tls_client_set_trust(
	struct tls_client *c, const struct tls_client_conf *conf, struct buf *message)
{
	if (conf->ca_file)
		return tls_pem_trust(SSL_CTX_get_cert_store(c->ctx), conf->ca_file, message);
	if (!conf->insecure && SSL_CTX_set_default_verify_paths(c->ctx) != 1) {
		buf_append_str(message, "the system's store of certificates cannot be used");
		return ERR_NOT_FOUND;
	}
	return 0;
}

int tls_client_new(const struct tls_client_conf *conf, struct tls_client **out, struct buf *message)
{
	struct tls_client *c = MEM_NEW(struct tls_client);
	int err;

	c->ctx = tls_server_context(TLS_client_method());
	c->insecure = conf->insecure;
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(c->ctx, tls_client_on_verify, c);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, tls_client_on_session);
	err = tls_client_set_pin(c, conf->pin, message);
	if (!err)
		err = tls_client_set_trust(c, conf, message);
	if (!err)
		err = tls_client_set_own(c, conf, message);
	ERR_clear_error();
	if (err)
		tls_client_free(&c);
	*out = c;
	return err;
}

void tls_client_free(struct tls_client **c_ptr)
{
	struct tls_client *c = *c_ptr;

	*c_ptr = NULL;
	if (!c)
		return;
	SSL_SESSION_free(c->session);
	mem_free(c->session_host);
	SSL_CTX_free(c->ctx);
	mem_free(c);
}

static void tls_client_expect(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1)
		return;
	CHECK(X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1);
	/* Too long for a name: the server sees none, and what it shows will not fit. */
	SSL_set_tlsext_host_name(ssl, host);
}

SSL *tls_client_open(struct tls_client *c, const char *host, const char *alpn)
{
	unsigned char wire[TLS_ALPN_MAX + 1];
	size_t len = alpn ? strlen(alpn) : 0;
	SSL *ssl = SSL_new(c->ctx);

	CHECK(ssl && len < sizeof(wire));
	SSL_set_connect_state(ssl);
	tls_client_expect(ssl, host);
	if (len) {
		wire[0] = (unsigned char)len;
		memcpy(wire + 1, alpn, len);
		CHECK(SSL_set_alpn_protos(ssl, wire, (unsigned)len + 1) == 0);
	}
	if (c->session && strcmp(c->session_host, host) == 0)
		SSL_set_session(ssl, c->session);
	ERR_clear_error();
	return ssl;
}
