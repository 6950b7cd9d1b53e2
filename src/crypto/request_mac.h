/*
 * The signature of a request with a shared secret, as both the relay, which checks it, and the
 * agent, which makes it, compute it. The parts are joined without separators, as existing clients
 * do; who accepts signatures must see to it that no other request has the same text.
 */
#ifndef CRYPTO_REQUEST_MAC_H
#define CRYPTO_REQUEST_MAC_H

#include <stdint.h>

#include "base/slice.h"
#include "crypto/digest.h"

/* All borrowed. */
struct request_mac {
	struct slice method;
	struct slice path;
	struct slice timestamp; /* seconds since 1970, as the field has it */
	struct slice nonce; /* milliseconds since 1970, as the field has it */
	struct slice body;
};

void request_mac_make(
	struct slice secret, const struct request_mac *r, uint8_t mac_out[DIGEST_SHA256_LEN]);

#endif
