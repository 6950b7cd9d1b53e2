/* Comparing secrets without telling by the time it takes how much of them was right. */
#ifndef CRYPTO_CT_H
#define CRYPTO_CT_H

#include <stdbool.h>
#include <stddef.h>

/* The time depends on len only. */
bool ct_equal(const void *a, const void *b, size_t len);

#endif
