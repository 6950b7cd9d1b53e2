/*
 * The text of a key: "adit_", 12 of [a-z0-9] that name it, "_", and 43 of base64url that prove it
 * (256 random bits). The name may be shown and logged, the whole text never; what is stored is its
 * SHA-256, which needs no salt, because nobody can guess 256 bits.
 */
#ifndef CRYPTO_API_KEY_H
#define CRYPTO_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define API_KEY_PREFIX "adit_"
#define API_KEY_ID_LEN 12
#define API_KEY_SECRET_LEN 43
#define API_KEY_TEXT_LEN (5 + API_KEY_ID_LEN + 1 + API_KEY_SECRET_LEN)
#define API_KEY_HASH_LEN 32

/* A key that nobody had before. The caller wipes it. */
void api_key_make(char text_out[API_KEY_TEXT_LEN + 1]);
/* Whether it has the form of a key; *id_out is borrowed from the text. */
bool api_key_parse(struct slice text, struct slice *id_out);
void api_key_hash(struct slice text, uint8_t hash_out[API_KEY_HASH_LEN]);

#endif
