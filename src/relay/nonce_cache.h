/*
 * The nonces that were used, until they can no longer be accepted anyway. Bounded, and safe to
 * use from any thread. Only nonces whose signature verified are put in, so nobody without the
 * secret can fill it. One cache serves the whole process and survives a reload of the secret.
 */
#ifndef RELAY_NONCE_CACHE_H
#define RELAY_NONCE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define NONCE_CACHE_MAX 1000000u /* about 100 bytes each when they are really there */

struct nonce_cache;

struct nonce_cache *nonce_cache_new(size_t max_entries);
void nonce_cache_free(struct nonce_cache **cache);
/* Whether it was used. An expired one may count as used for a few calls more, never less. */
bool nonce_cache_has(struct nonce_cache *cache, uint64_t nonce, uint64_t now_ms);
/*
 * Remembers it until the given time. 0; ERR_EXISTS when it is there already (of two threads that
 * bring the same one, exactly one gets 0); ERR_LIMIT when the cache is full.
 *
 * A full cache refuses the new instead of forgetting the old: an entry that has not expired is
 * one that could be replayed, and making room would let whoever can fill the cache replay it.
 */
MUST_CHECK int nonce_cache_add(
	struct nonce_cache *cache, uint64_t nonce, uint64_t now_ms, uint64_t expires_ms);
size_t nonce_cache_count(struct nonce_cache *cache);

#endif
