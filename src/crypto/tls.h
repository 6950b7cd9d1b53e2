/*
 * TLS as bytes: ciphertext in, plaintext out, and back. Contexts (certificates, trust, tickets,
 * ALPN) are shared and never change; a reload makes a new one. No socket and no loop is known
 * here: io/stream_tls.c joins this with a stream.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct tls;
struct tls_client;
struct tls_server;

/* ---- contexts: counted, on any thread ---- */

/*
 * Certificate chain and key as PEM files. Tickets are sealed with keys made from `ticket_secret`
 * (48 bytes), so that all workers, and the context after a reload, open them. On an error the
 * message is one line for a human that names the file and what is wrong with it (missing,
 * unreadable, not PEM, expired, key does not belong to the certificate).
 */
#define TLS_TICKET_SECRET_LEN 80
MUST_CHECK int tls_server_new(const char *cert_file, const char *key_file,
	const uint8_t ticket_secret[TLS_TICKET_SECRET_LEN], struct tls_server **out,
	struct buf *message);
void tls_server_ref(struct tls_server *s);
void tls_server_unref(struct tls_server **s);
/* When the certificate ends, seconds since 1970. */
uint64_t tls_server_expires(const struct tls_server *s);

struct tls_client_conf {
	const char *ca_file; /* NULL: the system's store */
	const char *pin; /* "sha256/<base64>" of the public key; NULL: none */
	const char *cert_file; /* of the client itself, or NULL (with key_file) */
	const char *key_file;
	bool insecure; /* no verification at all; with a pin the pin still holds */
};
MUST_CHECK int tls_client_new(
	const struct tls_client_conf *conf, struct tls_client **out, struct buf *message);
void tls_client_free(struct tls_client **c);

/* ---- one connection ---- */

struct tls *tls_accept(struct tls_server *server);
/* Host is what the certificate must name (a name or an address); sent as SNI if it is a name.
 * alpn: one protocol to offer, or NULL. */
struct tls *tls_connect(struct tls_client *client, const char *host, const char *alpn);
void tls_free(struct tls **t);

enum tls_result {
	TLS_OK, /* something was done; there may be more */
	TLS_MORE, /* needs more ciphertext */
	TLS_ENDED, /* the other side closed in order */
	TLS_FAILED, /* tls_failure has a sentence; `out` may hold an alert to be sent */
};

/*
 * Drives the connection: takes ciphertext off the front of *in, appends what must be sent to out,
 * and puts plaintext into the given room. The handshake happens here as well.
 */
enum tls_result tls_read(struct tls *t, struct slice *in, struct buf *out, struct slice room,
	size_t *len_out);
/* Begins or continues the handshake without plaintext. */
enum tls_result tls_handshake(struct tls *t, struct slice *in, struct buf *out);
bool tls_is_ready(const struct tls *t);
/* Appends records to out; only once it is ready. */
MUST_CHECK int tls_write(struct tls *t, const struct slice *parts, size_t count, struct buf *out);
/* The closing alert. */
void tls_shutdown(struct tls *t, struct buf *out);
/* A clause for people: "certificate has expired", "the name on the certificate is not ...". */
const char *tls_failure(const struct tls *t);
/* "TLSv1.3", "TLS_AES_128_GCM_SHA256"; for doctor and logs. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);
/* What was agreed on by ALPN, or an empty slice. */
struct slice tls_alpn(const struct tls *t);

#endif
