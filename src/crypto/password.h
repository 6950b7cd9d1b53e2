/*
 * Passwords as they are kept: bcrypt through libxcrypt. bcrypt alone stops at a NUL and reads 72
 * bytes, so what it gets is the SHA-256 of the password in base64, in which every byte counts.
 * Making and checking a hash takes tens of milliseconds: not on a loop.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define PASSWORD_MIN 4u /* bytes */
#define PASSWORD_MAX 128u
#define PASSWORD_DIGEST_LEN 44 /* of base64 */
#define PASSWORD_SALT_LEN 16
#define PASSWORD_HASH_LEN 60
#define PASSWORD_COST_MIN 4u
#define PASSWORD_COST_MAX 16u

/* As good as the password itself to whoever has it: to be wiped. */
struct password_digest {
	char text[PASSWORD_DIGEST_LEN + 1];
};

/* Whether it may be set: its length is all that is looked at. */
bool password_is_allowed(struct slice password);
/* Quick. */
void password_digest(struct slice password, struct password_digest *out);
/* ERR_SYSTEM: the library refuses, which it does not for these costs. */
MUST_CHECK int password_hash(const struct password_digest *digest, unsigned cost,
	const uint8_t salt[PASSWORD_SALT_LEN], char hash_out[PASSWORD_HASH_LEN + 1]);
/* False for what is not such a hash as well. The hash brings its own cost. */
bool password_matches(const struct password_digest *digest, const char *hash);

#endif
