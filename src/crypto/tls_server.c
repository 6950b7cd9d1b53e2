/*
 * A server's context: made once, shared by all threads, never changed. Which certificate is shown
 * is decided in tls_server_use_pair, and which protocol is spoken in tls_server_on_alpn, alone.
 */
#include "crypto/tls_server.h"

#include <openssl/err.h>
#include <stdatomic.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls_pem.h"
#include "crypto/tls_priv.h"
#include "crypto/tls_tickets.h"

struct tls_server {
	SSL_CTX *ctx; /* owned */
	uint64_t expires;
	atomic_uint refs;
};

/* What is spoken, best first, in the form of the extension. */
static const unsigned char tls_server_alpn[] = "\x08http/1.1";

static bool tls_server_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
	return false;
#endif
}

/* AES-128 in front where the processor does it, as it is the fastest there. */
static void tls_server_set_ciphers(SSL_CTX *ctx)
{
	static const char aes_first[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
					"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
					"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
	static const char chacha_first[] =
		"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
	bool aes = tls_server_has_aes();

	CHECK(SSL_CTX_set_cipher_list(ctx, aes ? aes_first : chacha_first) == 1);
	CHECK(SSL_CTX_set_ciphersuites(ctx,
		      aes ? "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
			    "TLS_CHACHA20_POLY1305_SHA256"
			  : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
			    "TLS_AES_256_GCM_SHA384") == 1);
	CHECK(SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1);
}

SSL_CTX *tls_server_context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	CHECK(ctx);
	CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	tls_server_set_ciphers(ctx);
	/*
	 * The BIO is a slice in memory, so that reading ahead would only copy once more, and keep
	 * the 16 KiB buffer of an idle link that SSL_MODE_RELEASE_BUFFERS gives back.
	 */
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	return ctx;
}

static int tls_server_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *ctx)
{
	unsigned char *chosen = NULL;

	if (SSL_select_next_proto(&chosen, out_len, tls_server_alpn, sizeof(tls_server_alpn) - 1,
		    in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301, 3.2 */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* The one certificate for every name that is asked for. */
static int tls_server_use_pair(struct tls_server *s, const struct tls_pem *pem)
{
	s->expires = tls_pem_time(X509_get0_notAfter(pem->leaf));
	return SSL_CTX_use_cert_and_key(s->ctx, pem->leaf, pem->key, pem->chain, 1) == 1
		? 0
		: ERR_SYNTAX;
}

static void tls_server_set_up(struct tls_server *s, struct tls_tickets *tickets)
{
	static const unsigned char id[] = "adit";

	/* Sessions live in tickets only: nothing is kept here for visitors that may return. */
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	CHECK(SSL_CTX_set_session_id_context(s->ctx, id, sizeof(id) - 1) == 1);
	tls_tickets_use(tickets, s->ctx);
	/* With our order, but who puts ChaCha20 first has no hardware for AES. */
	SSL_CTX_set_options(s->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_alpn_select_cb(s->ctx, tls_server_on_alpn, NULL);
}

int tls_server_new(const char *cert_file, const char *key_file, struct tls_tickets *tickets,
	struct tls_server **out, struct buf *message)
{
	struct tls_server *s;
	struct tls_pem pem;
	int err = tls_pem_load(&pem, cert_file, key_file, message);

	*out = NULL;
	if (!err) {
		s = MEM_NEW(struct tls_server);
		atomic_init(&s->refs, 1);
		s->ctx = tls_server_context(TLS_server_method());
		tls_server_set_up(s, tickets);
		err = tls_server_use_pair(s, &pem);
		*out = s;
	}
	if (err && *out) {
		buf_printf(message, "%s: the certificate cannot be used: %s", cert_file,
			ERR_reason_error_string(ERR_peek_last_error()));
		tls_server_unref(out);
	}
	ERR_clear_error();
	tls_pem_deinit(&pem);
	return err;
}

void tls_server_ref(struct tls_server *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void tls_server_unref(struct tls_server **s_ptr)
{
	struct tls_server *s = *s_ptr;

	*s_ptr = NULL;
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	SSL_CTX_free(s->ctx);
	mem_free(s);
}

uint64_t tls_server_expires(const struct tls_server *s)
{
	return s->expires;
}

SSL *tls_server_open(struct tls_server *s)
{
	SSL *ssl = SSL_new(s->ctx);

	CHECK(ssl);
	SSL_set_accept_state(ssl);
	return ssl;
}
