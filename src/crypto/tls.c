/*
 * One connection: an SSL over a BIO that reads straight from the slice at hand and appends to the
 * buffer at hand, so that no byte lies in between. Both are there during a call only.
 */
#include "crypto/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls_client.h"
#include "crypto/tls_priv.h"
#include "crypto/tls_server.h"

#define TLS_RECORD 16384u /* plaintext in the largest record */

/* ---- the bytes ---- */

static int tls_on_bio_read(BIO *bio, char *out, size_t room, size_t *len_out)
{
	struct tls *t = BIO_get_data(bio);
	size_t len;

	BIO_clear_retry_flags(bio);
	if (!t->in || !t->in->len) {
		BIO_set_retry_read(bio);
		return -1;
	}
	len = t->in->len < room ? t->in->len : room;
	memcpy(out, t->in->ptr, len);
	*t->in = slice_from(*t->in, len);
	*len_out = len;
	return 1;
}

static int tls_on_bio_write(BIO *bio, const char *data, size_t len, size_t *len_out)
{
	struct tls *t = BIO_get_data(bio);

	CHECK(t->out);
	buf_append(t->out, data, len);
	*len_out = len;
	return 1;
}

static long tls_on_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH;
}

/* OpenSSL makes tables of methods at run time only: this one is made once and never changes. */
static CRYPTO_ONCE tls_bio_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *tls_bio_method;

static void tls_make_bio_method(void)
{
	tls_bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "slice and buffer");
	CHECK(tls_bio_method);
	BIO_meth_set_read_ex(tls_bio_method, tls_on_bio_read);
	BIO_meth_set_write_ex(tls_bio_method, tls_on_bio_write);
	BIO_meth_set_ctrl(tls_bio_method, tls_on_bio_ctrl);
}

/* ---- failures ---- */

static const char *tls_reason(unsigned long error)
{
	switch (ERR_GET_REASON(error)) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_BAD_RECORD_TYPE:
		return "the other side does not speak TLS";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_VERSION_TOO_LOW:
		return "the other side speaks no version of TLS from 1.2 on";
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return "there is no cipher that both sides accept";
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return "there is no protocol that both sides speak (ALPN)";
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "the other side does not trust our certificate's authority";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "our certificate has expired, says the other side";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
		return "the other side refuses our certificate";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "the other side wants a certificate of ours";
	default:
		return ERR_reason_error_string(error);
	}
}

static enum tls_result tls_fail(struct tls *t)
{
	const char *reason = tls_reason(ERR_peek_last_error());

	t->failed = true;
	if (!t->failure) {
		reason = reason ? reason : "the connection broke";
		t->failure = mem_dup_str(reason, strlen(reason));
	}
	ERR_clear_error();
	return TLS_FAILED;
}

/* ---- one connection ---- */

static struct tls *tls_new(SSL *ssl)
{
	struct tls *t = MEM_NEW(struct tls);
	BIO *bio;

	CHECK(CRYPTO_THREAD_run_once(&tls_bio_once, tls_make_bio_method) == 1);
	bio = BIO_new(tls_bio_method);
	CHECK(bio);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, t);
	t->ssl = ssl;
	return t;
}

struct tls *tls_accept(struct tls_server *server)
{
	struct tls *t = tls_new(tls_server_open(server));

	tls_server_ref(server);
	t->server = server;
	return t;
}

struct tls *tls_connect(struct tls_client *client, const char *host, const char *alpn)
{
	struct tls *t = tls_new(tls_client_open(client, host, alpn));

	t->client = client;
	t->host = mem_dup_str(host, strlen(host));
	return t;
}

void tls_free(struct tls **t_ptr)
{
	struct tls *t = *t_ptr;

	*t_ptr = NULL;
	if (!t)
		return;
	/* A session is good for another time even if the connection just broke. */
	if (!t->failed)
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	tls_server_unref(&t->server);
	mem_free(t->host);
	mem_free(t->failure);
	mem_free(t);
}

static void tls_enter(struct tls *t, struct slice *in, struct buf *out)
{
	t->in = in;
	t->out = out;
	if (ERR_peek_error()) /* clearing costs as much as sealing a small record */
		ERR_clear_error();
}

static void tls_leave(struct tls *t)
{
	t->in = NULL;
	t->out = NULL;
	if (!t->ready)
		t->ready = SSL_is_init_finished(t->ssl);
}

/* What a call that brought nothing says. */
static enum tls_result tls_outcome(struct tls *t, int returned)
{
	switch (SSL_get_error(t->ssl, returned)) {
	case SSL_ERROR_NONE:
		return TLS_OK;
	case SSL_ERROR_WANT_READ:
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	default:
		return tls_fail(t);
	}
}

bool tls_has_more(const struct tls *t)
{
	return t->untold || SSL_has_pending(t->ssl) || SSL_pending(t->ssl);
}

void tls_keep_buffers(struct tls *t, bool keep)
{
	/* Not SSL_free_buffers: before OpenSSL 3.0.14 it frees the one that half a record is in as
	 * well, and a peer can have that happen (CVE-2024-4741). */
	if (keep)
		SSL_clear_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
	else
		SSL_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
}

enum tls_result tls_read(
	struct tls *t, struct slice *in, struct buf *out, struct slice room, size_t *len_out)
{
	enum tls_result result = TLS_OK;
	size_t len = 0, n;

	*len_out = 0;
	if (t->failed)
		return TLS_FAILED;
	tls_enter(t, in, out);
	while (len < room.len) {
		int ok = SSL_read_ex(t->ssl, (char *)room.ptr + len, room.len - len, &n);

		if (ok != 1) {
			result = tls_outcome(t, ok);
			break;
		}
		len += n;
		if (!in->len && !tls_has_more(t))
			break; /* asking once more costs half as much as the record did */
	}
	tls_leave(t);
	*len_out = len;
	t->untold = len && result != TLS_OK && result != TLS_MORE;
	return len ? TLS_OK : result;
}

enum tls_result tls_handshake(struct tls *t, struct slice *in, struct buf *out)
{
	enum tls_result result;

	if (t->failed)
		return TLS_FAILED;
	if (t->ready)
		return TLS_OK;
	tls_enter(t, in, out);
	result = tls_outcome(t, SSL_do_handshake(t->ssl));
	tls_leave(t);
	return result;
}

bool tls_is_ready(const struct tls *t)
{
	return t->ready;
}

static bool tls_put(struct tls *t, const char *data, size_t len)
{
	size_t written = 0;

	return !len || SSL_write_ex(t->ssl, data, len, &written) == 1;
}

/* Records being filled from parts. */
struct tls_gather {
	char bytes[TLS_RECORD];
	size_t held;
};

static bool tls_gather_flush(struct tls *t, struct tls_gather *g)
{
	size_t len = g->held;

	g->held = 0;
	return tls_put(t, g->bytes, len);
}

/* What fills records by itself is taken from where it is; the rest is gathered. */
static bool tls_gather_add(struct tls *t, struct tls_gather *g, struct slice part, bool last)
{
	while (part.len) {
		size_t n = part.len, room = TLS_RECORD - g->held;

		if (!g->held && (n >= room || last)) {
			n = last ? n : n - n % TLS_RECORD;
			if (!tls_put(t, part.ptr, n))
				return false;
		} else {
			n = n < room ? n : room;
			memcpy(g->bytes + g->held, part.ptr, n);
			g->held += n;
			if (g->held == TLS_RECORD && !tls_gather_flush(t, g))
				return false;
		}
		part = slice_from(part, n);
	}
	return true;
}

static bool tls_put_parts(struct tls *t, const struct slice *parts, size_t count)
{
	struct tls_gather g;

	g.held = 0;
	for (size_t i = 0; i < count; i++) {
		if (!tls_gather_add(t, &g, parts[i], i + 1 == count))
			return false;
	}
	return tls_gather_flush(t, &g);
}

int tls_write(struct tls *t, const struct slice *parts, size_t count, struct buf *out)
{
	bool ok;

	if (t->failed || !t->ready || t->shut)
		return ERR_ENDED;
	tls_enter(t, NULL, out);
	ok = tls_put_parts(t, parts, count);
	tls_leave(t);
	if (ok)
		return 0;
	tls_fail(t);
	return ERR_TLS;
}

void tls_shutdown(struct tls *t, struct buf *out)
{
	if (t->failed || !t->ready || t->shut)
		return;
	t->shut = true;
	tls_enter(t, NULL, out);
	SSL_shutdown(t->ssl);
	ERR_clear_error();
	tls_leave(t);
}

const char *tls_failure(const struct tls *t)
{
	return t->failure ? t->failure : "no error";
}

const char *tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *tls_cipher(const struct tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}

bool tls_is_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

struct slice tls_alpn(const struct tls *t)
{
	const unsigned char *name = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(t->ssl, &name, &len);
	return slice_of(name, len);
}
