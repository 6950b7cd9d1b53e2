/* The range of TCP ports: first in, first out. */
#include "relay/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/check.h"

#define ROUNDS 5000

static void ports_are_given_out_in_turn_until_none_is_left(void **state)
{
	struct ports *p = ports_new(4000, 4003);

	assert_int_equal(ports_free_count(p), 4);
	for (uint16_t port = 4000; port <= 4003; port++)
		assert_int_equal(ports_take(p, 0), port);
	assert_int_equal(ports_free_count(p), 0);
	assert_int_equal(ports_take(p, 0), 0);
	assert_int_equal(ports_take(p, 4001), 0);
	ports_put(p, 4002);
	ports_put(p, 4000);
	assert_int_equal(ports_take(p, 0), 4002);
	assert_int_equal(ports_take(p, 0), 4000);
	assert_int_equal(ports_take(p, 0), 0);
	ports_free(&p);
	assert_null(p);
	ports_free(&p);
}

static void a_port_given_back_is_the_last_to_be_used_again(void **state)
{
	static const uint16_t order[] = {4001, 4002, 4000, 4001, 4002, 4000, 4001};
	struct ports *p = ports_new(4000, 4002);

	ports_put(p, ports_take(p, 0));
	/* The ring goes round more than once. */
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint16_t port = ports_take(p, 0);

		assert_int_equal(port, order[i]);
		ports_put(p, port);
	}
	ports_free(&p);
}

static void a_preferred_port_is_taken_out_of_turn(void **state)
{
	struct ports *p = ports_new(4000, 4004);

	assert_int_equal(ports_take(p, 4002), 4002);
	assert_int_equal(ports_take(p, 4004), 4004);
	/* It is taken, or none of ours: then any will do. */
	assert_int_equal(ports_take(p, 4002), 4000);
	assert_int_equal(ports_take(p, 80), 4001);
	ports_put(p, 4002);
	ports_put(p, 4000);
	assert_int_equal(ports_take(p, 4000), 4000);
	assert_int_equal(ports_take(p, 0), 4003);
	assert_int_equal(ports_take(p, 0), 4002);
	assert_int_equal(ports_take(p, 0), 0);
	ports_free(&p);
}

/* Every way to take and give back, against the same queue as a plain array. */
static void the_ring_is_a_queue(void **state)
{
	struct ports *p = ports_new(1000, 1006);
	uint16_t queue[8], taken[8];
	unsigned count = 7, out = 0, seed = 1;

	for (uint16_t i = 0; i < 7; i++)
		queue[i] = (uint16_t)(1000 + i);
	for (int round = 0; round < 10000; round++) {
		seed = seed * 1103515245u + 12345u;
		if (seed >> 16 & 1) {
			uint16_t wanted = (uint16_t)(999 + (seed >> 20) % 9), at = 0;

			for (uint16_t i = 0; i < count; i++)
				at = queue[i] == wanted ? i : at;
			assert_int_equal(ports_take(p, wanted), count ? queue[at] : 0);
			if (!count)
				continue;
			taken[out++] = queue[at];
			count--;
			for (uint16_t i = at; i < count; i++)
				queue[i] = queue[i + 1];
		} else if (out) {
			uint16_t port = taken[--out];

			ports_put(p, port);
			queue[count++] = port;
		}
		assert_int_equal(ports_free_count(p), count);
	}
	ports_free(&p);
}

static void a_range_may_be_one_port_or_all(void **state)
{
	struct ports *one = ports_new(65535, 65535), *all = ports_new(1, 65535);

	assert_int_equal(ports_take(one, 1), 65535);
	assert_int_equal(ports_take(one, 65535), 0);
	ports_put(one, 65535);
	assert_int_equal(ports_take(one, 65535), 65535);
	assert_int_equal(ports_free_count(all), 65535);
	assert_int_equal(ports_take(all, 65535), 65535);
	assert_int_equal(ports_take(all, 0), 1);
	ports_free(&one);
	ports_free(&all);
}

static void the_turn_begins_where_it_is_told_to(void **state)
{
	struct ports *p = ports_new(4000, 4003);

	ports_skip(p, 2);
	assert_int_equal(ports_free_count(p), 4);
	assert_int_equal(ports_take(p, 0), 4002);
	ports_skip(p, 2);
	assert_int_equal(ports_take(p, 0), 4001);
	assert_int_equal(ports_take(p, 0), 4003);
	ports_put(p, 4001);
	assert_int_equal(ports_take(p, 0), 4000);
	ports_skip(p, 1);
	assert_int_equal(ports_take(p, 0), 4001);
	ports_skip(p, 1);
	assert_int_equal(ports_take(p, 0), 0);
	ports_free(&p);
}

/* ---- threads ---- */

struct taker {
	pthread_t thread;
	struct ports *ports;
	atomic_bool *held; /* by port */
};

static void *take_and_put(void *ctx)
{
	struct taker *t = ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint16_t port = ports_take(t->ports, (uint16_t)(i % 4));

		if (!port)
			continue;
		CHECK(port <= 3 && !atomic_exchange(&t->held[port], true));
		atomic_store(&t->held[port], false);
		ports_put(t->ports, port);
	}
	return NULL;
}

static void two_threads_never_get_the_same_port(void **state)
{
	struct ports *p = ports_new(1, 3);
	atomic_bool held[4] = {false};
	struct taker takers[2];

	for (int i = 0; i < 2; i++) {
		takers[i] = (struct taker) {.ports = p, .held = held};
		assert_int_equal(
			pthread_create(&takers[i].thread, NULL, take_and_put, &takers[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(takers[i].thread, NULL);
	assert_int_equal(ports_free_count(p), 3);
	ports_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_given_out_in_turn_until_none_is_left),
		cmocka_unit_test(a_port_given_back_is_the_last_to_be_used_again),
		cmocka_unit_test(a_preferred_port_is_taken_out_of_turn),
		cmocka_unit_test(the_ring_is_a_queue),
		cmocka_unit_test(a_range_may_be_one_port_or_all),
		cmocka_unit_test(the_turn_begins_where_it_is_told_to),
		cmocka_unit_test(two_threads_never_get_the_same_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
