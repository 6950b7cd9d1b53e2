/*
 * The keys that a server's session tickets are sealed with, shared by all contexts and threads of
 * a process. They change now and then, and an old key cannot be computed from a newer one: what was
 * recorded stays closed when a machine is taken over later.
 */
#ifndef CRYPTO_TLS_TICKETS_H
#define CRYPTO_TLS_TICKETS_H

#include <openssl/ssl.h>

struct tls_tickets;

/* Seals tickets of the context with the current key from now on, and opens those of the previous
 * one as well. */
void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx);

#endif
