/* The layouts that the files of TLS share; nobody else includes this. */
#ifndef CRYPTO_TLS_PRIV_H
#define CRYPTO_TLS_PRIV_H

#include <openssl/ssl.h>

#include "crypto/tls.h"

#define TLS_FAILURE_MAX 512u

struct tls {
	SSL *ssl; /* owned */
	struct tls_server *server; /* ref; NULL for a client's */
	struct tls_client *client; /* borrowed; NULL for a server's */
	struct slice *in; /* borrowed during a call: what the library may read */
	struct buf *out; /* borrowed during a call: where the library writes to */
	char *host; /* owned; of a client's: what the certificate must name */
	char *failure; /* owned; NULL while all is well */
	bool ready;
	bool failed;
	bool untold; /* an end was found behind plaintext; the library says it again */
	bool shut; /* the closing alert was sent */
};

/* ALPN names in the form that goes over the wire, each behind its length. */
#define TLS_ALPN_MAX 255u

#endif
