/*
 * A map that finds an entry by its nonce, and a binary heap that finds the one that expires
 * first, under one lock. No timer: every call removes what has expired, a bounded number at once.
 */
#include "relay/nonce_cache.h"

#include <pthread.h>

#include "base/check.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/rand.h"

/* Four times the amortised need, and a few dozen microseconds under the lock at worst. */
#define NONCE_CACHE_SWEEP 64

struct nonce_entry {
	uint64_t nonce; /* its bytes are the key in the map */
	uint64_t expires_ms;
};

struct nonce_cache {
	pthread_mutex_t lock; /* guards all below */
	struct map entries; /* owns the entries */
	struct nonce_entry **heap; /* owned array; the earliest expiry first */
	size_t count;
	size_t cap;
	size_t max;
};

static struct slice nonce_cache_key(const uint64_t *nonce)
{
	return slice_of(nonce, sizeof(*nonce));
}

static void nonce_cache_sift_up(struct nonce_cache *cache, size_t at)
{
	struct nonce_entry *entry = cache->heap[at];

	while (at) {
		size_t parent = (at - 1) / 2;

		if (cache->heap[parent]->expires_ms <= entry->expires_ms)
			break;
		cache->heap[at] = cache->heap[parent];
		at = parent;
	}
	cache->heap[at] = entry;
}

static void nonce_cache_sift_down(struct nonce_cache *cache, size_t at)
{
	struct nonce_entry *entry = cache->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= cache->count)
			break;
		if (child + 1 < cache->count &&
			cache->heap[child + 1]->expires_ms < cache->heap[child]->expires_ms)
			child++;
		if (entry->expires_ms <= cache->heap[child]->expires_ms)
			break;
		cache->heap[at] = cache->heap[child];
		at = child;
	}
	cache->heap[at] = entry;
}

static void nonce_cache_sweep(struct nonce_cache *cache, uint64_t now_ms)
{
	for (int i = 0; i < NONCE_CACHE_SWEEP && cache->count; i++) {
		struct nonce_entry *first = cache->heap[0];

		if (first->expires_ms > now_ms)
			return;
		CHECK(map_remove(&cache->entries, nonce_cache_key(&first->nonce)) == first);
		cache->heap[0] = cache->heap[--cache->count];
		if (cache->count)
			nonce_cache_sift_down(cache, 0);
		mem_free(first);
	}
}

struct nonce_cache *nonce_cache_new(size_t max_entries)
{
	struct nonce_cache *cache = MEM_NEW(struct nonce_cache);
	uint64_t seed[2];

	CHECK(max_entries);
	rand_bytes(seed, sizeof(seed));
	map_init(&cache->entries, seed);
	CHECK(pthread_mutex_init(&cache->lock, NULL) == 0);
	cache->max = max_entries;
	return cache;
}

void nonce_cache_free(struct nonce_cache **cache_ref)
{
	struct nonce_cache *cache = *cache_ref;

	if (!cache)
		return;
	*cache_ref = NULL;
	map_deinit(&cache->entries);
	for (size_t i = 0; i < cache->count; i++)
		mem_free(cache->heap[i]);
	mem_free(cache->heap);
	pthread_mutex_destroy(&cache->lock);
	mem_free(cache);
}

bool nonce_cache_has(struct nonce_cache *cache, uint64_t nonce, uint64_t now_ms)
{
	bool found;

	pthread_mutex_lock(&cache->lock);
	nonce_cache_sweep(cache, now_ms);
	found = map_get(&cache->entries, nonce_cache_key(&nonce)) != NULL;
	pthread_mutex_unlock(&cache->lock);
	return found;
}

static void nonce_cache_put(struct nonce_cache *cache, uint64_t nonce, uint64_t expires_ms)
{
	struct nonce_entry *entry = MEM_NEW(struct nonce_entry);

	entry->nonce = nonce;
	entry->expires_ms = expires_ms;
	if (cache->count == cache->cap) {
		cache->cap = cache->cap ? cache->cap * 2 : 64;
		cache->heap = mem_grow(cache->heap, cache->cap * sizeof(struct nonce_entry *));
	}
	map_put(&cache->entries, nonce_cache_key(&entry->nonce), entry);
	cache->heap[cache->count] = entry;
	nonce_cache_sift_up(cache, cache->count++);
}

int nonce_cache_add(struct nonce_cache *cache, uint64_t nonce, uint64_t now_ms, uint64_t expires_ms)
{
	int err = 0;

	pthread_mutex_lock(&cache->lock);
	nonce_cache_sweep(cache, now_ms);
	if (map_get(&cache->entries, nonce_cache_key(&nonce)))
		err = ERR_EXISTS;
	else if (cache->count >= cache->max)
		err = ERR_LIMIT;
	else
		nonce_cache_put(cache, nonce, expires_ms);
	pthread_mutex_unlock(&cache->lock);
	return err;
}

size_t nonce_cache_count(struct nonce_cache *cache)
{
	size_t count;

	pthread_mutex_lock(&cache->lock);
	count = cache->count;
	pthread_mutex_unlock(&cache->lock);
	return count;
}
