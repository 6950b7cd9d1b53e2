/*
 * A hash table from text to pointers, with a keyed hash so that peers who choose the keys cannot
 * choose the collisions. Keys are borrowed: they must live in the value, or as long as the entry.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct map_entry {
	struct slice key; /* borrowed */
	void *value;
	uint64_t hash;
};

struct map {
	struct map_entry *slots; /* owned */
	size_t count;
	size_t mask;
	uint64_t seed[2];
};

/* The seed must be random where keys come from peers. */
void map_init(struct map *m, const uint64_t seed[2]);
void map_deinit(struct map *m);
void *map_get(const struct map *m, struct slice key);
/* The key may not be there yet, the value may not be NULL. */
void map_put(struct map *m, struct slice key, void *value);
/* Returns the value that was taken out, or NULL. */
void *map_remove(struct map *m, struct slice key);
/* Walks all values; *at starts as 0. NULL ends the walk. The map may not change meanwhile. */
void *map_next(const struct map *m, size_t *at);
/* SipHash-1-3 of the bytes. */
uint64_t map_hash(const uint64_t seed[2], struct slice key);

#endif
