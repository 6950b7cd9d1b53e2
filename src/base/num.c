/* Integers as text, without locale, sign or leniency. */
#include "base/num.h"

#include "base/err.h"

#define NUM_HEX_DIGITS 16u

int num_parse_u64(struct slice text, uint64_t *value_out)
{
	uint64_t value = 0;

	if (!text.len)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return ERR_SYNTAX;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
			return ERR_RANGE;
	}
	*value_out = value;
	return 0;
}

static int num_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int num_parse_hex(struct slice text, uint64_t *value_out)
{
	uint64_t value = 0;

	if (!text.len)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.len; i++) {
		int digit = num_hex_digit(text.ptr[i]);

		if (digit < 0)
			return ERR_SYNTAX;
		value = value << 4 | (uint64_t)digit;
	}
	if (text.len > NUM_HEX_DIGITS)
		return ERR_RANGE;
	*value_out = value;
	return 0;
}

static size_t num_print(uint64_t value, unsigned base, char *out)
{
	char digits[NUM_TEXT_MAX];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (size_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	out[n] = '\0';
	return n;
}

size_t num_print_u64(uint64_t value, char out[NUM_TEXT_MAX])
{
	return num_print(value, 10, out);
}

size_t num_print_hex(uint64_t value, char out[NUM_TEXT_MAX])
{
	return num_print(value, 16, out);
}
