/* Constant-time comparison, by the library that keeps it so under every compiler. */
#include "crypto/ct.h"

#include <openssl/crypto.h>

bool ct_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
