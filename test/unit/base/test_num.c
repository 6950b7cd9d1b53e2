/* Numbers: strictness, limits and one past the limits, and that printing is parsing's inverse. */
#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"

struct num_case {
	const char *text;
	int err;
	uint64_t value;
};

static const struct num_case decimal_cases[] = {
	{"0", 0, 0},
	{"7", 0, 7},
	{"007", 0, 7},
	{"4294967295", 0, 4294967295u},
	{"4294967296", 0, 4294967296u},
	{"18446744073709551615", 0, UINT64_MAX},
	{"18446744073709551616", ERR_RANGE, 0},
	{"18446744073709551620", ERR_RANGE, 0},
	{"100000000000000000000", ERR_RANGE, 0},
	{"99999999999999999999999999999999", ERR_RANGE, 0},
	{"000000000000000000000000000000001", 0, 1},
	{"", ERR_SYNTAX, 0},
	{" ", ERR_SYNTAX, 0},
	{" 1", ERR_SYNTAX, 0},
	{"1 ", ERR_SYNTAX, 0},
	{"1\n", ERR_SYNTAX, 0},
	{"+1", ERR_SYNTAX, 0},
	{"-1", ERR_SYNTAX, 0},
	{"0x1", ERR_SYNTAX, 0},
	{"1e3", ERR_SYNTAX, 0},
	{"1.0", ERR_SYNTAX, 0},
	{"1,0", ERR_SYNTAX, 0},
	{"/", ERR_SYNTAX, 0},
	{":", ERR_SYNTAX, 0},
	{"\xb2", ERR_SYNTAX, 0},
	{"99999999999999999999999999999999x", ERR_SYNTAX, 0},
};

static const struct num_case hex_cases[] = {
	{"0", 0, 0},
	{"a", 0, 10},
	{"F", 0, 15},
	{"DeadBeef", 0, 0xdeadbeef},
	{"ffffffffffffffff", 0, UINT64_MAX},
	{"0000000000000001", 0, 1},
	{"00000000000000001", ERR_RANGE, 0},
	{"10000000000000000", ERR_RANGE, 0},
	{"fffffffffffffffff", ERR_RANGE, 0},
	{"fffffffffffffffffg", ERR_SYNTAX, 0},
	{"", ERR_SYNTAX, 0},
	{"0x1", ERR_SYNTAX, 0},
	{"g", ERR_SYNTAX, 0},
	{"G", ERR_SYNTAX, 0},
	{"@", ERR_SYNTAX, 0},
	{"`", ERR_SYNTAX, 0},
	{"/", ERR_SYNTAX, 0},
	{":", ERR_SYNTAX, 0},
	{" a", ERR_SYNTAX, 0},
	{"a ", ERR_SYNTAX, 0},
	{"-a", ERR_SYNTAX, 0},
	{"a;b", ERR_SYNTAX, 0},
};

static void check_case(int (*parse)(struct slice, uint64_t *), const struct num_case *c)
{
	uint64_t value = 4711;
	int err = parse(slice_from_str(c->text), &value);

	if (err != c->err)
		print_error("text: '%s'\n", c->text);
	assert_int_equal(err, c->err);
	assert_true(value == (err ? 4711 : c->value));
}

static void decimal_text_is_read_strictly(void **state)
{
	for (size_t i = 0; i < sizeof(decimal_cases) / sizeof(decimal_cases[0]); i++)
		check_case(num_parse_u64, &decimal_cases[i]);
}

static void hexadecimal_text_is_read_strictly(void **state)
{
	for (size_t i = 0; i < sizeof(hex_cases) / sizeof(hex_cases[0]); i++)
		check_case(num_parse_hex, &hex_cases[i]);
}

static void a_nul_inside_is_no_digit(void **state)
{
	uint64_t value;

	assert_int_equal(num_parse_u64(slice_of("1\0", 2), &value), ERR_SYNTAX);
	assert_int_equal(num_parse_hex(slice_of("1\0", 2), &value), ERR_SYNTAX);
	assert_int_equal(num_parse_u64(slice_of(NULL, 0), &value), ERR_SYNTAX);
	assert_int_equal(num_parse_hex(slice_of(NULL, 0), &value), ERR_SYNTAX);
}

static void check_round_trip(uint64_t number)
{
	char text[NUM_TEXT_MAX];
	uint64_t back = ~number;
	size_t len = num_print_u64(number, text);

	assert_int_equal(len, strlen(text));
	assert_int_equal(num_parse_u64(slice_of(text, len), &back), 0);
	assert_true(back == number);
	assert_true(number == 0 || text[0] != '0');
	len = num_print_hex(number, text);
	assert_int_equal(len, strlen(text));
	assert_int_equal(num_parse_hex(slice_of(text, len), &back), 0);
	assert_true(back == number);
	assert_true(number == 0 || text[0] != '0');
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
	uint64_t power = 1;

	check_round_trip(0);
	check_round_trip(UINT64_MAX);
	for (int digits = 0; digits < 20; digits++, power *= 10) {
		check_round_trip(power);
		check_round_trip(power - 1);
		check_round_trip(power + 1);
	}
	for (int bit = 0; bit < 64; bit++) {
		check_round_trip((uint64_t)1 << bit);
		check_round_trip(((uint64_t)1 << bit) - 1);
	}
}

static void printing_is_plain(void **state)
{
	char text[NUM_TEXT_MAX];

	num_print_u64(UINT64_MAX, text);
	assert_string_equal(text, "18446744073709551615");
	num_print_u64(0, text);
	assert_string_equal(text, "0");
	num_print_u64(1234567890, text);
	assert_string_equal(text, "1234567890");
	num_print_hex(0xDEADBEEF, text);
	assert_string_equal(text, "deadbeef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimal_text_is_read_strictly),
		cmocka_unit_test(hexadecimal_text_is_read_strictly),
		cmocka_unit_test(a_nul_inside_is_no_digit),
		cmocka_unit_test(what_is_printed_reads_back_as_the_same),
		cmocka_unit_test(printing_is_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
