/*
 * Values that a peer keeps for us and cannot change: an expiry and random bytes, signed together
 * with what they are about, which is not part of the text. Cookies and links carry them.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define SEAL_KEY_LEN 32
#define SEAL_NONCE_LEN 32 /* hexadecimal digits */
#define SEAL_TEXT_LEN 114 /* of [0-9a-f-]: expiry, nonce, signature */
#define SEAL_MAC_LEN 32

/* A key, ready to sign. For one thread. */
struct seal;

/* What a value is about. No two lists of parts look alike to the signature. */
struct seal_about {
	const struct slice *parts; /* borrowed; the first one says what kind of value it is */
	size_t count;
};

enum seal_verdict { SEAL_GOOD, SEAL_EXPIRED, SEAL_BAD };

struct seal *seal_new(const uint8_t key[SEAL_KEY_LEN]);
void seal_free(struct seal **s);
/* Another one each time. With a NUL. */
void seal_make(struct seal *s, struct seal_about about, uint64_t expires_s,
	char text_out[SEAL_TEXT_LEN + 1]);
/* Good until the second it expires in. The time does not tell how much of the text was right. */
enum seal_verdict seal_check(
	struct seal *s, struct seal_about about, struct slice text, uint64_t now_s);
/* When a text expires, and its nonce; only of one that was found good. */
uint64_t seal_expires(struct slice text);
struct slice seal_nonce(struct slice text);
/* The bare signature of a list of parts, which is none of a text. */
void seal_mac(struct seal *s, struct seal_about about, uint8_t mac_out[SEAL_MAC_LEN]);

#endif
