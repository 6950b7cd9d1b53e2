/* What struct tls needs of a client's context; the public part is in crypto/tls.h. */
#ifndef CRYPTO_TLS_CLIENT_H
#define CRYPTO_TLS_CLIENT_H

#include <openssl/ssl.h>

struct tls_client;

/* One connection's state, without its bytes. The SSL's app data must be the struct tls by the
 * time it is driven. */
SSL *tls_client_open(struct tls_client *c, const char *host, const char *alpn);

#endif
