/* From where visitors may come: lists, both together, and addresses that are none. */
#include "relay/gate_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

struct rules_case {
	const char *allow;
	const char *deny;
	const char *address;
	bool let;
};

static const struct rules_case cases[] = {
	{"192.0.2.0/24", NULL, "192.0.2.1", true},
	{"192.0.2.0/24", NULL, "192.0.3.1", false},
	{"192.0.2.0/24", NULL, "::ffff:192.0.2.1", true},
	{"192.0.2.0/24 2001:db8::/32", NULL, "2001:db8::1", true},
	{"192.0.2.0/24 2001:db8::/32", NULL, "2001:db9::1", false},
	{NULL, "192.0.2.0/24", "192.0.2.1", false},
	{NULL, "192.0.2.0/24", "192.0.3.1", true},
	{NULL, "192.0.2.0/24", "2001:db8::1", true},
	{"192.0.2.0/24", "192.0.2.7", "192.0.2.6", true},
	{"192.0.2.0/24", "192.0.2.7", "192.0.2.7", false},
	{"192.0.2.7", "192.0.2.0/24", "192.0.2.7", false},
	{"0.0.0.0/0", NULL, "::1", false},
	{NULL, "10.0.0.0/8", "unknown", false},
	{NULL, "10.0.0.0/8", "", false},
	{NULL, "10.0.0.0/8", "192.0.2.1:443", false},
	{"fe80::/10", NULL, "fe80::1%eth0", true},
	{"  127.0.0.1  ", NULL, "127.0.0.1", true},
};

static void visitors_come_from_where_they_may(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rules_case *c = &cases[i];
		struct buf why = {0};
		struct gate_rules *r;

		assert_int_equal(gate_rules_new(c->allow, c->deny, &r, &why), 0);
		assert_int_equal(gate_rules_let(r, slice_from_str(c->address)), c->let);
		gate_rules_free(&r);
	}
}

static void empty_lists_are_no_rules(void **state)
{
	struct buf why = {0};
	struct gate_rules *r;

	assert_int_equal(gate_rules_new(NULL, NULL, &r, &why), 0);
	assert_null(r);
	assert_int_equal(gate_rules_new("", "  ", &r, &why), 0);
	assert_null(r);
}

static void what_is_no_network_is_quoted(void **state)
{
	struct buf why = {0};
	struct gate_rules *r;

	assert_int_equal(gate_rules_new("10.0.0.0/8 10.0.0.0/33", NULL, &r, &why), ERR_SYNTAX);
	assert_null(r);
	assert_true(slice_starts(buf_slice(&why), SLICE("\"10.0.0.0/33\" is not a network")));
	buf_clear(&why);
	assert_int_equal(gate_rules_new(NULL, "localhost", &r, &why), ERR_SYNTAX);
	buf_release(&why);
}

static void a_list_has_so_many_and_no_more(void **state)
{
	struct buf text = {0}, why = {0};
	struct gate_rules *r;

	for (unsigned i = 0; i < GATE_RULES_MAX; i++)
		buf_printf(&text, "10.0.0.%u ", i);
	buf_append_char(&text, '\0');
	assert_int_equal(gate_rules_new(text.base, text.base, &r, &why), 0);
	assert_false(gate_rules_let(r, SLICE("10.0.0.63")));
	gate_rules_free(&r);
	text.base[buf_len(&text) - 1] = ' ';
	buf_append_str(&text, "10.0.0.64");
	buf_append_char(&text, '\0');
	assert_int_equal(gate_rules_new(text.base, NULL, &r, &why), ERR_LIMIT);
	buf_release(&text);
	buf_release(&why);
}

static void rules_are_compared_and_printed(void **state)
{
	struct buf why = {0}, out = {0};
	struct gate_rules *a, *b, *c;

	assert_int_equal(gate_rules_new("10.1.2.3/8 ::1", "192.0.2.1", &a, &why), 0);
	assert_int_equal(gate_rules_new("10.0.0.0/8  ::1/128", "192.0.2.1/32", &b, &why), 0);
	assert_int_equal(gate_rules_new("10.0.0.0/8", "192.0.2.1", &c, &why), 0);
	assert_true(gate_rules_eq(a, b) && gate_rules_eq(NULL, NULL));
	assert_false(gate_rules_eq(a, c) || gate_rules_eq(a, NULL) || gate_rules_eq(NULL, a));
	gate_rules_print_allow(a, &out);
	assert_true(slice_eq(buf_slice(&out), SLICE("10.0.0.0/8 ::1")));
	buf_clear(&out);
	gate_rules_print_deny(a, &out);
	assert_true(slice_eq(buf_slice(&out), SLICE("192.0.2.1")));
	buf_release(&out);
	gate_rules_free(&a);
	gate_rules_free(&b);
	gate_rules_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(visitors_come_from_where_they_may),
		cmocka_unit_test(empty_lists_are_no_rules),
		cmocka_unit_test(what_is_no_network_is_quoted),
		cmocka_unit_test(a_list_has_so_many_and_no_more),
		cmocka_unit_test(rules_are_compared_and_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
