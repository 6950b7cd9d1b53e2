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
struct tls_tickets;

/* ---- contexts: a server's is counted, and shared by all threads ---- */

/*
 * The keys that session tickets are sealed with, shared by all threads, and by the context after a
 * reload; random at first. Outlives the contexts.
 */
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets **tickets);
/* The next key. Tickets of the one before it are still opened, until the next change. Any thread.
 */
void tls_tickets_rotate(struct tls_tickets *t);

/*
 * Certificate chain and key as PEM files. On an error the
 * message is one line for a human that names the file and what is wrong with it (missing,
 * unreadable, not PEM, cut off, expired, key does not belong to the certificate).
 */
MUST_CHECK int tls_server_new(const char *cert_file, const char *key_file,
	struct tls_tickets *tickets, struct tls_server **out, struct buf *message);
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
/*
 * It keeps the last session to resume it, and is for one thread because of that. It must outlive
 * its connections. On an error the message is one line for a human.
 */
MUST_CHECK int tls_client_new(
	const struct tls_client_conf *conf, struct tls_client **out, struct buf *message);
void tls_client_free(struct tls_client **c);

/* ---- one connection ---- */

/* Used by one thread at a time; a server's may change threads between two calls. */
struct tls *tls_accept(struct tls_server *server);
/* Host is what the certificate must name (a name or an address, without brackets or a final dot);
 * sent as SNI if it is a name. alpn: one protocol to offer, or NULL. */
struct tls *tls_connect(struct tls_client *client, const char *host, const char *alpn);
void tls_free(struct tls **t);

enum tls_result {
	TLS_OK, /* there is plaintext (tls_read), or it is ready (tls_handshake); call again */
	TLS_MORE, /* *in is used up, and nothing more comes of it */
	TLS_ENDED, /* the other side closed in order */
	TLS_FAILED, /* tls_failure has a sentence; `out` may hold an alert to be sent */
};

/*
 * Drives the connection: takes ciphertext off the front of *in, appends what must be sent to out,
 * and puts plaintext of as many records as fit into the given room, which should hold one of 16
 * KiB. The handshake happens here as well. *len_out is above 0 with TLS_OK and only then. What
 * belongs to a record that is not whole yet is taken and kept.
 */
enum tls_result tls_read(
	struct tls *t, struct slice *in, struct buf *out, struct slice room, size_t *len_out);
/* Whether tls_read has something to do without more ciphertext, or part of a record waits. */
bool tls_has_more(const struct tls *t);
/* Between records, for a connection that is busy: 34 KiB. Otherwise, and at first, they are given
 * back behind each record, so the next one in each direction gives back what was kept. */
void tls_keep_buffers(struct tls *t, bool keep);
/* Begins or continues the handshake, and leaves what stands behind it in *in. */
enum tls_result tls_handshake(struct tls *t, struct slice *in, struct buf *out);
bool tls_is_ready(const struct tls *t);
/* Appends records to out; only once it is ready, and not after the closing alert. */
MUST_CHECK int tls_write(struct tls *t, const struct slice *parts, size_t count, struct buf *out);
/* The closing alert. */
void tls_shutdown(struct tls *t, struct buf *out);
/*
 * A clause for people after TLS_FAILED: "the certificate has expired (2026-01-31)", "the
 * certificate is not for a.test, but for b.test, c.test". Never NULL.
 */
const char *tls_failure(const struct tls *t);
/* "TLSv1.3", "TLS_AES_128_GCM_SHA256"; for doctor and logs. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);
/* Appends "certificate until 2027-01-31 from Example CA" of a client's other side, once it is
 * ready. */
void tls_client_put_peer(struct buf *out, const struct tls *t);
/* Whether it goes on with the session of an earlier connection. */
bool tls_is_resumed(const struct tls *t);
/* What was agreed on by ALPN, or an empty slice. */
struct slice tls_alpn(const struct tls *t);

#endif
