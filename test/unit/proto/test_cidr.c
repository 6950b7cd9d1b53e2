/* Ranges of addresses: what is one, what is in it, and how it is written. */
#include "proto/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"

struct parse_case {
	const char *text;
	int err;
	const char *canonical;
};

static const struct parse_case parse_cases[] = {
	{"10.0.0.0/8", 0, "10.0.0.0/8"},
	{"10.1.2.3/8", 0, "10.0.0.0/8"},
	{"192.0.2.7", 0, "192.0.2.7"},
	{"192.0.2.7/32", 0, "192.0.2.7"},
	{"192.0.2.7/31", 0, "192.0.2.6/31"},
	{"255.255.255.255/1", 0, "128.0.0.0/1"},
	{"0.0.0.0/0", 0, "0.0.0.0/0"},
	{"::/0", 0, "::/0"},
	{"::1", 0, "::1"},
	{"2001:DB8:0:0::/32", 0, "2001:db8::/32"},
	{"2001:db8:ffff:ffff::1/33", 0, "2001:db8:8000::/33"},
	{"::ffff:192.0.2.7", 0, "192.0.2.7"},
	{"::ffff:c000:207", 0, "192.0.2.7"},
	{"::ffff:192.0.2.0/120", 0, "192.0.2.0/24"},
	{"::ffff:0:0/96", 0, "0.0.0.0/0"},
	{"::ffff:0:0/95", 0, "::fffe:0:0/95"},
	{"192.0.2.7/33", ERR_RANGE, NULL},
	{"::1/129", ERR_RANGE, NULL},
	{"::1/999", ERR_RANGE, NULL},
	{"", ERR_SYNTAX, NULL},
	{"/", ERR_SYNTAX, NULL},
	{"/8", ERR_SYNTAX, NULL},
	{"10.0.0.0/", ERR_SYNTAX, NULL},
	{"10.0.0.0/x", ERR_SYNTAX, NULL},
	{"10.0.0.0/-1", ERR_SYNTAX, NULL},
	{"10.0.0.0/08 ", ERR_SYNTAX, NULL},
	{"10.0.0.0/0008", ERR_SYNTAX, NULL},
	{"10.0.0.0/8/8", ERR_SYNTAX, NULL},
	{"10.0.0", ERR_SYNTAX, NULL},
	{"10.0.0.256", ERR_SYNTAX, NULL},
	{"010.0.0.1", ERR_SYNTAX, NULL},
	{" 10.0.0.1", ERR_SYNTAX, NULL},
	{"10.0.0.1:80", ERR_SYNTAX, NULL},
	{"[::1]", ERR_SYNTAX, NULL},
	{"fe80::1%eth0", ERR_SYNTAX, NULL},
	{"localhost", ERR_SYNTAX, NULL},
	{"1:2:3:4:5:6:7:8:9", ERR_SYNTAX, NULL},
	{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", ERR_SYNTAX, NULL},
};

struct has_case {
	const char *range;
	const char *address;
	bool has;
};

static const struct has_case has_cases[] = {
	{"10.0.0.0/8", "10.255.255.255", true},
	{"10.0.0.0/8", "11.0.0.0", false},
	{"10.0.0.0/8", "::ffff:10.1.2.3", true},
	{"10.0.0.0/8", "::10.1.2.3", false},
	{"192.0.2.6/31", "192.0.2.7", true},
	{"192.0.2.6/31", "192.0.2.8", false},
	{"192.0.2.6/31", "192.0.2.5", false},
	{"192.0.2.7", "192.0.2.7", true},
	{"192.0.2.7", "192.0.2.6", false},
	{"0.0.0.0/0", "203.0.113.1", true},
	{"0.0.0.0/0", "::1", false},
	{"::/0", "203.0.113.1", true},
	{"::/0", "::1", true},
	{"2001:db8::/33", "2001:db8:7fff::", true},
	{"2001:db8::/33", "2001:db8:8000::", false},
	{"::1", "::1", true},
	{"::1", "::", false},
	{"::ffff:192.0.2.0/120", "192.0.2.9", true},
};

static void ranges_are_read_strictly_and_written_canonically(void **state)
{
	for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
		const struct parse_case *c = &parse_cases[i];
		char text[CIDR_TEXT_MAX];
		struct cidr cidr;

		assert_int_equal(cidr_parse(slice_from_str(c->text), &cidr), c->err);
		if (c->err)
			continue;
		assert_int_equal(cidr_print(&cidr, text), strlen(c->canonical));
		assert_string_equal(text, c->canonical);
	}
}

static void a_zero_byte_ends_no_address(void **state)
{
	struct cidr cidr;

	assert_int_equal(cidr_parse(SLICE("10.0.0.1\0x"), &cidr), ERR_SYNTAX);
	assert_int_equal(cidr_parse(SLICE("10.0.0.1\0/8"), &cidr), ERR_SYNTAX);
}

static void a_range_has_what_shares_its_prefix(void **state)
{
	for (size_t i = 0; i < sizeof(has_cases) / sizeof(has_cases[0]); i++) {
		const struct has_case *c = &has_cases[i];
		struct cidr_address address;
		struct cidr cidr;

		assert_int_equal(cidr_parse(slice_from_str(c->range), &cidr), 0);
		assert_int_equal(cidr_parse_address(slice_from_str(c->address), &address), 0);
		assert_int_equal(cidr_has(&cidr, &address), c->has);
	}
}

static void an_address_has_no_prefix(void **state)
{
	struct cidr_address address;

	assert_int_equal(cidr_parse_address(SLICE("10.0.0.1/32"), &address), ERR_SYNTAX);
	assert_int_equal(cidr_parse_address(SLICE("unknown"), &address), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read_strictly_and_written_canonically),
		cmocka_unit_test(a_zero_byte_ends_no_address),
		cmocka_unit_test(a_range_has_what_shares_its_prefix),
		cmocka_unit_test(an_address_has_no_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
