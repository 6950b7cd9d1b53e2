/*
 * A decoder of its own: the library's takes blanks and line ends, and two texts for one password
 * would be one too many. Padding may be missing, as some clients leave it out.
 */
#include "proto/http_basic.h"

#include <stdint.h>

static int http_basic_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Without its padding; false when it is none. */
static bool http_basic_unpad(struct slice *text)
{
	size_t len = text->len;

	while (text->len && len - text->len < 2 && text->ptr[text->len - 1] == '=')
		text->len--;
	return text->len % 4 != 1 && (text->len == len || len % 4 == 0);
}

static bool http_basic_decode(struct slice text, char out[HTTP_BASIC_MAX], size_t *len_out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t len = 0;

	if (!http_basic_unpad(&text) || text.len / 4 * 3 + 2 > HTTP_BASIC_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = http_basic_digit(text.ptr[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[len++] = (char)(bits >> count & 255);
		}
	}
	*len_out = len;
	return !(bits & ((1u << count) - 1));
}

enum http_basic_result http_basic_read(
	struct slice value, char out[HTTP_BASIC_MAX], struct slice *password_out)
{
	size_t blank = slice_find(value, ' '), len = 0, colon;

	if (!slice_eq_fold(slice_first(value, blank), SLICE("Basic")))
		return HTTP_BASIC_NONE;
	if (!http_basic_decode(slice_trim(slice_from(value, blank)), out, &len))
		return HTTP_BASIC_BAD;
	colon = slice_find(slice_of(out, len), ':');
	if (colon == len)
		return HTTP_BASIC_BAD;
	*password_out = slice_from(slice_of(out, len), colon + 1);
	return HTTP_BASIC_GOOD;
}
