/* Bytes as base64 (RFC 4648, 4). */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include "base/slice.h"

struct buf;

/* With padding, without line ends. */
void base64_append(struct buf *out, struct slice bytes);

#endif
