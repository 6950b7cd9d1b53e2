/* Integers as text, without locale, sign or leniency. */
#include "base/num.h"

#include "base/err.h"

#define NUM_DIGITS 20u /* of the largest number */
#define NUM_HEX_DIGITS 16u

int num_parse_u64(struct slice text, uint64_t *value_out)
{
	size_t safe = text.len < NUM_DIGITS ? text.len : NUM_DIGITS - 1, i = 0;
	uint64_t value = 0;
	bool fits = true;
	unsigned digit;

	if (!text.len)
		return ERR_SYNTAX;
	for (; i < safe; i++) {
		digit = (unsigned char)text.ptr[i] - (unsigned)'0';
		if (digit > 9)
			return ERR_SYNTAX;
		value = value * 10 + digit;
	}
	for (; i < text.len; i++) {
		digit = (unsigned char)text.ptr[i] - (unsigned)'0';
		if (digit > 9)
			return ERR_SYNTAX;
		fits = fits && !__builtin_mul_overflow(value, 10u, &value) &&
			!__builtin_add_overflow(value, (uint64_t)digit, &value);
	}
	if (!fits)
		return ERR_RANGE;
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

size_t num_print_u64(uint64_t value, char out[NUM_TEXT_MAX])
{
	size_t n = 1u + (value > 9) + (value > 99) + (value > 999) + (value > 9999);

	for (uint64_t bound = 100000; n >= 5 && n < NUM_DIGITS && value >= bound; bound *= 10)
		n++;
	out[n] = '\0';
	for (size_t i = n; i; value /= 10)
		out[--i] = (char)('0' + value % 10);
	return n;
}

size_t num_print_hex(uint64_t value, char out[NUM_TEXT_MAX])
{
	size_t n = 1;

	while (n < NUM_HEX_DIGITS && value >> 4 * n)
		n++;
	out[n] = '\0';
	for (size_t i = n; i; value >>= 4)
		out[--i] = "0123456789abcdef"[value & 15];
	return n;
}
