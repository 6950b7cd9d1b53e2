/* The key and its answer in a WebSocket handshake (RFC 6455, 4). */
#ifndef CRYPTO_WS_ACCEPT_H
#define CRYPTO_WS_ACCEPT_H

#include <stdbool.h>

#include "base/slice.h"

#define WS_ACCEPT_KEY_LEN 24 /* 16 bytes as base64 */
#define WS_ACCEPT_LEN 28 /* 20 bytes as base64 */

/* A random key and its NUL, for Sec-WebSocket-Key. */
void ws_accept_make_key(char out[WS_ACCEPT_KEY_LEN + 1]);
/* Whether the text is a key: the base64 of exactly 16 bytes. */
bool ws_accept_is_key(struct slice text);
/* What Sec-WebSocket-Accept says for a key, and a NUL. */
void ws_accept_of_key(struct slice key, char out[WS_ACCEPT_LEN + 1]);

#endif
