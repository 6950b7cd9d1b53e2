/*
 * Certificates and keys from PEM files, with errors for people: each begins with the file's name
 * and says what is wrong with it.
 */
#ifndef CRYPTO_TLS_PEM_H
#define CRYPTO_TLS_PEM_H

#include <openssl/x509.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct tls_pem {
	X509 *leaf; /* owned */
	STACK_OF(X509) * chain; /* owned; what stands behind the leaf */
	EVP_PKEY *key; /* owned */
};

/* The chain and its key, which fit together; deinit is for the caller, whatever it returns. */
MUST_CHECK int tls_pem_load(
	struct tls_pem *pem, const char *cert_file, const char *key_file, struct buf *message);
void tls_pem_deinit(struct tls_pem *pem);
/* All certificates of a file, into a store of trusted ones; at least one. */
MUST_CHECK int tls_pem_trust(X509_STORE *store, const char *file, struct buf *message);
/* Seconds since 1970; 0 for a time that cannot be told. */
uint64_t tls_pem_time(const ASN1_TIME *time);

#endif
