/* Who has guessed wrong, in a window that slides. */
#include "relay/gate_sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"

#define WINDOW GATE_SOURCE_WINDOW_MS

static struct gate_source source(const char *address)
{
	return gate_source_of(slice_from_str(address));
}

static bool is_same(const char *a, const char *b)
{
	struct gate_source one = source(a), two = source(b);

	return slice_eq(gate_source_slice(&one), gate_source_slice(&two));
}

static void a_source_is_an_address_or_a_network_of_64_bits(void **state)
{
	assert_true(is_same("192.0.2.1", "::ffff:192.0.2.1"));
	assert_false(is_same("192.0.2.1", "192.0.2.2"));
	assert_true(is_same("2001:db8:1:2::1", "2001:DB8:1:2:3:4:5:6"));
	assert_true(is_same("fe80::1%eth0", "fe80::2%eth1"));
	assert_false(is_same("2001:db8:1:2::1", "2001:db8:1:3::1"));
	assert_false(is_same("2001:db8:1:2::1", "192.0.2.1"));
	assert_true(is_same("unknown", "unknown"));
	assert_false(is_same("unknown", "_hidden"));
	assert_false(is_same("192.0.2.1:80", "192.0.2.1"));
	assert_true(is_same("", ""));
	assert_int_equal(source("0123456789012345678901234567890123456789012345678901234567890123"
				"456789")
				 .len,
		GATE_SOURCE_TEXT_MAX);
}

static void five_failures_block_until_the_first_leaves_the_window(void **state)
{
	struct gate_sources *s = gate_sources_new();
	struct gate_source a = source("192.0.2.1"), b = source("192.0.2.2");

	for (unsigned i = 0; i < GATE_SOURCE_FAILURES; i++) {
		assert_int_equal(gate_sources_blocked_ms(s, &a, 1000 + i), 0);
		assert_int_equal(gate_sources_failures(s, &a, 1000 + i), i);
		gate_sources_fail(s, &a, 1000 + 10 * i);
	}
	assert_int_equal(gate_sources_blocked_ms(s, &a, 1040), WINDOW - 40);
	assert_int_equal(gate_sources_blocked_ms(s, &b, 1040), 0);
	assert_int_equal(gate_sources_blocked_ms(s, &a, 1000 + WINDOW - 1), 1);
	assert_int_equal(gate_sources_blocked_ms(s, &a, 1000 + WINDOW), 0);
	assert_int_equal(gate_sources_failures(s, &a, 1000 + WINDOW), 4);
	gate_sources_fail(s, &a, 1000 + WINDOW);
	assert_int_equal(gate_sources_blocked_ms(s, &a, 1000 + WINDOW), 10);
	assert_int_equal(gate_sources_failures(s, &a, 10000 + 2 * WINDOW), 0);
	assert_int_equal(gate_sources_count(s), 0);
	gate_sources_free(&s);
}

static void success_forgets(void **state)
{
	struct gate_sources *s = gate_sources_new();
	struct gate_source a = source("192.0.2.1");

	for (unsigned i = 0; i < 20; i++)
		gate_sources_fail(s, &a, 1000 + i);
	assert_int_equal(gate_sources_failures(s, &a, 1020), GATE_SOURCE_FAILURES);
	assert_int_equal(gate_sources_blocked_ms(s, &a, 1020), 1015 + WINDOW - 1020);
	gate_sources_forget(s, &a);
	gate_sources_forget(s, &a);
	assert_int_equal(gate_sources_failures(s, &a, 1020), 0);
	gate_sources_free(&s);
}

static void with_too_many_the_quietest_is_forgotten(void **state)
{
	struct gate_sources *s = gate_sources_new();
	char text[32];

	for (unsigned i = 0; i <= GATE_SOURCES_MAX; i++) {
		struct gate_source a;

		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		a = source(text);
		gate_sources_fail(s, &a, 1000 + i);
		if (i == 0)
			continue;
		a = source("10.0.0.0"); /* stays lively until the last but one */
		if (i < GATE_SOURCES_MAX)
			gate_sources_fail(s, &a, 1000 + i);
	}
	assert_int_equal(gate_sources_count(s), GATE_SOURCES_MAX);
	assert_int_equal(gate_sources_failures(s, &(struct gate_source) {0}, 3000), 0);
	{
		struct gate_source lively = source("10.0.0.0"), quiet = source("10.0.0.1");

		assert_int_equal(gate_sources_failures(s, &lively, 3000), GATE_SOURCE_FAILURES);
		assert_int_equal(gate_sources_failures(s, &quiet, 3000), 0);
	}
	gate_sources_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_an_address_or_a_network_of_64_bits),
		cmocka_unit_test(five_failures_block_until_the_first_leaves_the_window),
		cmocka_unit_test(success_forgets),
		cmocka_unit_test(with_too_many_the_quietest_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
