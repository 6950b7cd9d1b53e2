/* What struct tls needs of a server's context; the public part is in crypto/tls.h. */
#ifndef CRYPTO_TLS_SERVER_H
#define CRYPTO_TLS_SERVER_H

#include <openssl/ssl.h>

struct tls_server;

/* What both sides have in common: versions, ciphers, memory. NULL-safe to free with SSL_CTX_free.
 */
SSL_CTX *tls_server_context(const SSL_METHOD *method);
/* One connection's state, without its bytes. */
SSL *tls_server_open(struct tls_server *s);

#endif
