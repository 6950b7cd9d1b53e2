/* The library's generator, which is seeded by the kernel and separate for each thread. */
#include "crypto/rand.h"

#include <limits.h>
#include <openssl/rand.h>

#include "base/check.h"

void rand_bytes(void *out, size_t len)
{
	CHECK(len <= INT_MAX);
	CHECK(RAND_bytes(out, (int)len) == 1);
}

uint32_t rand_below(uint32_t bound)
{
	uint32_t skew, value;

	CHECK(bound);
	/* 2^32 modulo bound: that many of the lowest values would come up once too often. */
	skew = -bound % bound;
	do {
		rand_bytes(&value, sizeof(value));
	} while (value < skew);
	return value % bound;
}
