/* Randomness that cannot be guessed. Any thread may ask. */
#ifndef CRYPTO_RAND_H
#define CRYPTO_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t len);
/* Every value from 0 to bound - 1 is equally likely; bound is at least 1. */
uint32_t rand_below(uint32_t bound);

#endif
