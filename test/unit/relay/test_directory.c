/* Who has which name, and the ports that names had. */
#include "relay/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/check.h"

#define REMEMBERED 16384 /* ports of names that are gone */
#define ROUNDS 2000

static struct directory *directory;

static int set_up(void **state)
{
	directory = directory_new(3);
	return 0;
}

static int tear_down(void **state)
{
	directory_free(&directory);
	directory_free(&directory);
	return directory != NULL;
}

static enum directory_claim claim(const char *name, unsigned home)
{
	unsigned at = 99;
	enum directory_claim result = directory_claim(directory, slice_from_str(name), home, &at);

	assert_int_equal(at == 99, result != DIRECTORY_HELD);
	return result;
}

static unsigned home_of(const char *name)
{
	unsigned home = 99;

	bool found = directory_find(directory, slice_from_str(name), &home);

	assert_int_equal(found, home != 99);
	return home;
}

static void release(const char *name, uint16_t port)
{
	directory_release(directory, slice_from_str(name), port);
}

static uint16_t last_port(const char *name)
{
	return directory_last_port(directory, slice_from_str(name));
}

static void a_name_is_claimed_once_and_found_by_all(void **state)
{
	unsigned home = 99;

	assert_int_equal(home_of("abcd"), 99);
	assert_int_equal(claim("abcd", 2), DIRECTORY_CLAIMED);
	assert_int_equal(home_of("abcd"), 2);
	assert_int_equal(directory_claim(directory, SLICE("abcd"), 1, &home), DIRECTORY_HELD);
	assert_int_equal(home, 2);
	assert_int_equal(claim("abcd", 2), DIRECTORY_HELD);
	assert_int_equal(claim("abce", 1), DIRECTORY_CLAIMED);
	assert_int_equal(home_of("abc"), 99);
	assert_int_equal(directory_count(directory), 2);
}

static void a_released_name_may_be_had_by_another(void **state)
{
	assert_int_equal(claim("abcd", 0), DIRECTORY_CLAIMED);
	release("abcd", 0);
	assert_int_equal(home_of("abcd"), 99);
	assert_int_equal(directory_count(directory), 0);
	assert_int_equal(claim("abcd", 1), DIRECTORY_CLAIMED);
	assert_int_equal(home_of("abcd"), 1);
}

static void a_name_is_idle_while_nobody_serves_it(void **state)
{
	struct slice name = SLICE("abcd");

	assert_true(directory_is_idle(directory, name));
	assert_int_equal(claim("abcd", 0), DIRECTORY_CLAIMED);
	assert_false(directory_is_idle(directory, name));
	directory_set_idle(directory, name, true);
	assert_true(directory_is_idle(directory, name));
	directory_set_idle(directory, name, false);
	assert_false(directory_is_idle(directory, name));
	release("abcd", 0);
	assert_true(directory_is_idle(directory, name));
	directory_remember(directory, name, 4001);
	assert_int_equal(last_port("abcd"), 4001);
}

static void the_name_is_copied(void **state)
{
	char text[] = "abcd";

	assert_int_equal(claim(text, 1), DIRECTORY_CLAIMED);
	text[0] = 'x';
	assert_int_equal(home_of("abcd"), 1);
	assert_int_equal(home_of("xbcd"), 99);
}

static void no_more_names_than_may_be_are_given_out(void **state)
{
	assert_int_equal(claim("aaaa", 0), DIRECTORY_CLAIMED);
	assert_int_equal(claim("bbbb", 0), DIRECTORY_CLAIMED);
	assert_int_equal(claim("cccc", 0), DIRECTORY_CLAIMED);
	assert_int_equal(claim("dddd", 0), DIRECTORY_FULL);
	assert_int_equal(claim("aaaa", 0), DIRECTORY_HELD);
	assert_int_equal(home_of("dddd"), 99);
	release("bbbb", 0);
	assert_int_equal(claim("dddd", 0), DIRECTORY_CLAIMED);
	assert_int_equal(claim("bbbb", 0), DIRECTORY_FULL);
}

static void the_last_port_of_a_name_outlives_it(void **state)
{
	assert_int_equal(last_port("abcd"), 0);
	assert_int_equal(claim("abcd", 0), DIRECTORY_CLAIMED);
	assert_int_equal(last_port("abcd"), 0);
	release("abcd", 4001);
	assert_int_equal(last_port("abcd"), 4001);
	assert_int_equal(claim("abcd", 1), DIRECTORY_CLAIMED);
	assert_int_equal(last_port("abcd"), 4001);
	release("abcd", 0);
	assert_int_equal(last_port("abcd"), 4001);
	assert_int_equal(claim("abcd", 1), DIRECTORY_CLAIMED);
	release("abcd", 65535);
	assert_int_equal(last_port("abcd"), 65535);
}

/* Remembers the number's port for a name made of it. */
static void come_and_go(unsigned number)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "name-%u", number);
	assert_int_equal(claim(name, 0), DIRECTORY_CLAIMED);
	release(name, (uint16_t)(number + 1));
}

static void the_longest_unused_port_is_forgotten_first(void **state)
{
	for (unsigned i = 0; i < REMEMBERED; i++)
		come_and_go(i);
	assert_int_equal(last_port("name-0"), 1);
	come_and_go(0);
	come_and_go(REMEMBERED);
	assert_int_equal(last_port("name-0"), 1);
	assert_int_equal(last_port("name-1"), 0);
	assert_int_equal(last_port("name-2"), 3);
	for (unsigned i = 0; i < REMEMBERED; i++)
		come_and_go(REMEMBERED + 1 + i);
	assert_int_equal(last_port("name-0"), 0);
	assert_int_equal(last_port("name-16384"), 0);
	assert_int_equal(last_port("name-16385"), 16386);
}

/* ---- threads ---- */

struct claimer {
	pthread_t thread;
	unsigned home;
	unsigned claimed;
};

/* Both want the same few names all the time; who has one finds itself there. */
static void *claim_and_release(void *ctx)
{
	struct claimer *c = ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct slice name = slice_of(&"aaaabbbbcccc"[i % 3 * 4], 4);
		unsigned home = 99;

		if (directory_claim(directory, name, c->home, &home) != DIRECTORY_CLAIMED) {
			CHECK(home == 1 - c->home);
			continue;
		}
		c->claimed++;
		CHECK(directory_find(directory, name, &home) && home == c->home);
		CHECK(directory_count(directory) <= 2);
		(void)directory_last_port(directory, name);
		directory_release(directory, name, (uint16_t)(1 + i % 100));
	}
	return NULL;
}

static void two_threads_never_have_the_same_name(void **state)
{
	struct claimer claimers[2] = {{.home = 0}, {.home = 1}};

	for (int i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&claimers[i].thread, NULL, claim_and_release, &claimers[i]),
			0);
	for (int i = 0; i < 2; i++) {
		pthread_join(claimers[i].thread, NULL);
		assert_true(claimers[i].claimed > 0);
	}
	assert_int_equal(directory_count(directory), 0);
}

static void a_name_that_was_passed_on_is_its_heirs_alone(void **state)
{
	struct slice name = SLICE("demo");

	assert_int_equal(claim("demo", 0), DIRECTORY_CLAIMED);
	directory_pass(directory, name, 1, 4321);
	assert_int_equal(home_of("demo"), 1);
	assert_int_equal(claim("demo", 0), DIRECTORY_HELD);
	assert_int_equal(last_port("demo"), 4321);
	/* Somebody else asks there before it has arrived. */
	assert_false(directory_is_idle(directory, name));
	assert_int_equal(claim("demo", 1), DIRECTORY_HELD);
	directory_arrive(directory, name, 0); /* not there */
	assert_int_equal(claim("demo", 0), DIRECTORY_HELD);
	directory_arrive(directory, name, 1);
	assert_int_equal(claim("demo", 0), DIRECTORY_HELD);
	assert_true(directory_is_idle(directory, name));
	directory_set_max(directory, 1); /* it has its place already */
	assert_int_equal(claim("demo", 1), DIRECTORY_CLAIMED);
	assert_false(directory_is_idle(directory, name));
	assert_int_equal(claim("demo", 1), DIRECTORY_HELD);
	directory_arrive(directory, name, 1); /* it was claimed */
	assert_int_equal(claim("demo", 1), DIRECTORY_HELD);
	directory_give_up(directory, name, 1);
	assert_int_equal(home_of("demo"), 1);
	release("demo", 0);
}

static void a_name_that_its_heir_does_not_want_is_free(void **state)
{
	struct slice name = SLICE("demo");

	directory_give_up(directory, name, 1);
	assert_int_equal(claim("demo", 0), DIRECTORY_CLAIMED);
	directory_pass(directory, name, 1, 0);
	directory_give_up(directory, name, 0);
	assert_int_equal(home_of("demo"), 1);
	directory_arrive(directory, name, 1);
	directory_give_up(directory, name, 1);
	assert_int_equal(claim("demo", 0), DIRECTORY_CLAIMED);
	release("demo", 0);
}

int main(void)
{
#define DIRECTORY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(a_name_is_claimed_once_and_found_by_all),
		DIRECTORY_TEST(a_released_name_may_be_had_by_another),
		DIRECTORY_TEST(a_name_is_idle_while_nobody_serves_it),
		DIRECTORY_TEST(the_name_is_copied),
		DIRECTORY_TEST(no_more_names_than_may_be_are_given_out),
		DIRECTORY_TEST(the_last_port_of_a_name_outlives_it),
		DIRECTORY_TEST(the_longest_unused_port_is_forgotten_first),
		DIRECTORY_TEST(two_threads_never_have_the_same_name),
		DIRECTORY_TEST(a_name_that_was_passed_on_is_its_heirs_alone),
		DIRECTORY_TEST(a_name_that_its_heir_does_not_want_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
