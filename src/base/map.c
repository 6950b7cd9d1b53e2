/* Open addressing with linear probing and backward-shift deletion, at most 3/4 full. */
#include "base/map.h"

#include "base/check.h"
#include "base/mem.h"

#define MAP_MIN 16u

static inline uint64_t map_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void map_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = map_rotate(v[1], 13) ^ v[0];
	v[3] = map_rotate(v[3], 16) ^ v[2];
	v[0] = map_rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = map_rotate(v[1], 17) ^ v[2];
	v[3] = map_rotate(v[3], 21) ^ v[0];
	v[2] = map_rotate(v[2], 32);
}

uint64_t map_hash(const uint64_t seed[2], struct slice key)
{
	uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
		seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
	uint64_t word;
	size_t at = 0;

	for (; key.len - at >= 8; at += 8) {
		memcpy(&word, key.ptr + at, 8);
		v[3] ^= word;
		map_sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)key.len << 56;
	for (size_t i = 0; at + i < key.len; i++)
		word |= (uint64_t)(unsigned char)key.ptr[at + i] << (8 * i);
	v[3] ^= word;
	map_sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		map_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m, const uint64_t seed[2])
{
	*m = (struct map) {.seed = {seed[0], seed[1]}};
}

void map_deinit(struct map *m)
{
	mem_free(m->slots);
	*m = (struct map) {0};
}

static size_t map_find(const struct map *m, uint64_t hash, struct slice key)
{
	size_t i = hash & m->mask;

	while (m->slots[i].value) {
		if (m->slots[i].hash == hash && slice_eq(m->slots[i].key, key))
			break;
		i = (i + 1) & m->mask;
	}
	return i;
}

void *map_get(const struct map *m, struct slice key)
{
	if (!m->count)
		return NULL;
	return m->slots[map_find(m, map_hash(m->seed, key), key)].value;
}

static void map_resize(struct map *m, size_t size)
{
	struct map_entry *old = m->slots;
	size_t old_size = old ? m->mask + 1 : 0;

	m->slots = mem_zero(size * sizeof(*m->slots));
	m->mask = size - 1;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].value)
			m->slots[map_find(m, old[i].hash, old[i].key)] = old[i];
	}
	mem_free(old);
}

void map_put(struct map *m, struct slice key, void *value)
{
	uint64_t hash = map_hash(m->seed, key);
	size_t i;

	CHECK(value);
	if (!m->slots)
		map_resize(m, MAP_MIN);
	else if ((m->count + 1) * 4 > (m->mask + 1) * 3)
		map_resize(m, (m->mask + 1) * 2);
	i = map_find(m, hash, key);
	CHECK(!m->slots[i].value);
	m->slots[i] = (struct map_entry) {key, value, hash};
	m->count++;
}

void *map_remove(struct map *m, struct slice key)
{
	size_t hole, i;
	void *value;

	if (!m->count)
		return NULL;
	hole = map_find(m, map_hash(m->seed, key), key);
	value = m->slots[hole].value;
	if (!value)
		return NULL;
	for (i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
		size_t home = m->slots[i].hash & m->mask;

		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_entry) {0};
	m->count--;
	if (m->count * 8 < m->mask + 1 && m->mask + 1 > MAP_MIN)
		map_resize(m, (m->mask + 1) / 2);
	return value;
}

void *map_next(const struct map *m, size_t *at)
{
	if (!m->slots)
		return NULL;
	while (*at <= m->mask) {
		void *value = m->slots[(*at)++].value;

		if (value)
			return value;
	}
	return NULL;
}
