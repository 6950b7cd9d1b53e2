/* The map: its hash against published values, and long random runs against a naive model. */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

#define KEYS 600

static const uint64_t no_seed[2] = {0, 0};
static char names[KEYS][32];

static int setup(void **state)
{
	for (int i = 0; i < KEYS; i++)
		snprintf(names[i], sizeof(names[i]), "tunnel-%d", i);
	return 0;
}

/* CPython 3.11 hashes bytes with the same function; these are its values for a key of zeroes. */
static void the_hash_is_siphash_1_3(void **state)
{
	static const struct {
		struct slice key;
		uint64_t hash;
	} cases[] = {
		{SLICE("a"), 0x407448d2b89b1813u},
		{SLICE("1234567"), 0xa33d651594fdae81u},
		{SLICE("12345678"), 0x3489982430560a87u},
		{SLICE("123456789"), 0x0fbc0f0007965fcfu},
		{SLICE("clever-wombat-42.example.com"), 0x7f631495e81369c9u},
		{SLICE("\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"),
			0x8972188433a5c5b7u},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(map_hash(no_seed, cases[i].key) == cases[i].hash);
}

static void the_hash_depends_on_both_halves_of_the_seed(void **state)
{
	static const uint64_t first[2] = {1, 0}, second[2] = {0, 1};

	assert_true(map_hash(no_seed, SLICE("a")) != map_hash(first, SLICE("a")));
	assert_true(map_hash(no_seed, SLICE("a")) != map_hash(second, SLICE("a")));
	assert_true(map_hash(first, SLICE("a")) != map_hash(second, SLICE("a")));
}

static void an_empty_map_has_nothing(void **state)
{
	struct map m;
	size_t at = 0;

	map_init(&m, no_seed);
	assert_null(map_get(&m, SLICE("a")));
	assert_null(map_remove(&m, SLICE("a")));
	assert_null(map_next(&m, &at));
	map_deinit(&m);
	map_deinit(&m);
}

static void keys_are_compared_by_all_their_bytes(void **state)
{
	struct map m;

	map_init(&m, no_seed);
	map_put(&m, SLICE(""), names[0]);
	map_put(&m, SLICE("a"), names[1]);
	map_put(&m, SLICE("a\0"), names[2]);
	map_put(&m, SLICE("a\0b"), names[3]);
	map_put(&m, SLICE("A"), names[4]);
	assert_ptr_equal(map_get(&m, SLICE("")), names[0]);
	assert_ptr_equal(map_get(&m, slice_of(NULL, 0)), names[0]);
	assert_ptr_equal(map_get(&m, SLICE("a")), names[1]);
	assert_ptr_equal(map_get(&m, SLICE("a\0")), names[2]);
	assert_ptr_equal(map_get(&m, SLICE("a\0b")), names[3]);
	assert_ptr_equal(map_get(&m, SLICE("A")), names[4]);
	assert_null(map_get(&m, SLICE("a\0c")));
	map_deinit(&m);
}

/* Keys whose home is one of the last two of sixteen slots, so that runs wrap around the end. */
static size_t colliding_keys(struct slice *keys_out, size_t max)
{
	size_t count = 0;

	for (int i = 0; i < KEYS && count < max; i++) {
		struct slice key = slice_from_str(names[i]);

		if ((map_hash(no_seed, key) & 15) >= 14)
			keys_out[count++] = key;
	}
	return count;
}

static void colliding_keys_survive_the_removal_of_any_other(void **state)
{
	struct slice keys[10];

	assert_int_equal(colliding_keys(keys, 10), 10);
	for (size_t victim = 0; victim < 10; victim++) {
		struct map m;

		map_init(&m, no_seed);
		for (size_t i = 0; i < 10; i++)
			map_put(&m, keys[i], (void *)(uintptr_t)keys[i].ptr);
		assert_int_equal(m.mask, 15);
		assert_ptr_equal(map_remove(&m, keys[victim]), keys[victim].ptr);
		assert_null(map_remove(&m, keys[victim]));
		for (size_t i = 0; i < 10; i++)
			assert_ptr_equal(map_get(&m, keys[i]), i == victim ? NULL : keys[i].ptr);
		map_deinit(&m);
	}
}

static void colliding_keys_come_and_go_in_any_order(void **state)
{
	struct slice keys[10];
	bool present[10] = {false};
	struct map m;

	srandom(3);
	colliding_keys(keys, 10);
	map_init(&m, no_seed);
	for (int round = 0; round < 20000; round++) {
		size_t k = (size_t)random() % 10;

		if (present[k])
			assert_ptr_equal(map_remove(&m, keys[k]), keys[k].ptr);
		else
			map_put(&m, keys[k], (void *)(uintptr_t)keys[k].ptr);
		present[k] = !present[k];
		for (size_t i = 0; i < 10; i++)
			assert_ptr_equal(map_get(&m, keys[i]), present[i] ? keys[i].ptr : NULL);
	}
	map_deinit(&m);
}

static void check_walk(const struct map *m, const bool *present, size_t count)
{
	bool seen[KEYS] = {false};
	size_t at = 0, walked = 0;
	char(*name)[32];

	while ((name = map_next(m, &at))) {
		size_t i = (size_t)(name - names);

		assert_true(i < KEYS && present[i] && !seen[i]);
		seen[i] = true;
		walked++;
	}
	assert_int_equal(walked, count);
	assert_null(map_next(m, &at));
}

static void random_use_matches_a_naive_model(void **state)
{
	static const uint64_t seed[2] = {0x0123456789abcdefu, 0xfedcba9876543210u};
	bool present[KEYS] = {false};
	size_t count = 0;
	struct map m;

	srandom(11);
	map_init(&m, seed);
	for (int round = 0; round < 200000; round++) {
		size_t i = (size_t)random() % KEYS;
		struct slice key = slice_from_str(names[i]);
		/* Tides, so that the table grows and shrinks several times. */
		bool flood = (round / 20000) % 2 == 0;

		assert_ptr_equal(map_get(&m, key), present[i] ? names[i] : NULL);
		if (!present[i] && (flood || random() % 8 == 0)) {
			map_put(&m, key, names[i]);
			present[i] = true;
			count++;
		} else if (!flood || random() % 8 == 0) {
			assert_ptr_equal(map_remove(&m, key), present[i] ? names[i] : NULL);
			count -= present[i];
			present[i] = false;
		}
		assert_int_equal(m.count, count);
		if (round % 1000 == 0)
			check_walk(&m, present, count);
	}
	map_deinit(&m);
}

static void the_table_is_never_more_than_three_quarters_full(void **state)
{
	struct map m;

	map_init(&m, no_seed);
	for (size_t i = 0; i < KEYS; i++) {
		map_put(&m, slice_from_str(names[i]), names[i]);
		assert_true(m.count * 4 <= (m.mask + 1) * 3);
	}
	for (size_t i = 0; i < KEYS; i++)
		assert_ptr_equal(map_remove(&m, slice_from_str(names[i])), names[i]);
	assert_int_equal(m.count, 0);
	assert_true(m.mask < 64);
	map_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_siphash_1_3),
		cmocka_unit_test(the_hash_depends_on_both_halves_of_the_seed),
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(keys_are_compared_by_all_their_bytes),
		cmocka_unit_test(colliding_keys_survive_the_removal_of_any_other),
		cmocka_unit_test(colliding_keys_come_and_go_in_any_order),
		cmocka_unit_test(random_use_matches_a_naive_model),
		cmocka_unit_test(the_table_is_never_more_than_three_quarters_full),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
