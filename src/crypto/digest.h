/* SHA-256, HMAC-SHA256 over a message in parts, and hexadecimal text of the result. */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define DIGEST_SHA256_LEN 32

void digest_sha256(struct slice data, uint8_t digest_out[DIGEST_SHA256_LEN]);
/* The parts are hashed one after the other, without anything in between. */
void digest_hmac_sha256(struct slice key, const struct slice *parts, size_t count,
	uint8_t mac_out[DIGEST_SHA256_LEN]);

/* A key that is used again and again: it is prepared once. For one thread. */
struct digest_hmac;
struct digest_hmac *digest_hmac_new(struct slice key);
void digest_hmac_free(struct digest_hmac **h);
void digest_hmac_make(struct digest_hmac *h, const struct slice *parts, size_t count,
	uint8_t mac_out[DIGEST_SHA256_LEN]);

/* Lower-case digits and a NUL: room for 2 * len + 1. */
void digest_hex(const uint8_t *data, size_t len, char *out);
/* The other way, either case: false unless text is exactly 2 * len hexadecimal digits. */
bool digest_unhex(struct slice text, uint8_t *out, size_t len);

#endif
