/* One walk over the body for each field that is asked for: forms here have three. */
#include "proto/http_form.h"

#include "base/err.h"
#include "base/num.h"
#include "proto/http_head.h"

bool http_form_is(const struct http_head *head)
{
	struct slice type = http_head_value(head, HTTP_FIELD_CONTENT_TYPE);

	type = slice_trim(slice_first(type, slice_find(type, ';')));
	return slice_eq_fold(type, SLICE("application/x-www-form-urlencoded"));
}

/* The next decoded byte, taken off the front. */
static char http_form_byte(struct slice *text)
{
	uint64_t value;
	char c = text->ptr[0];

	if (c == '%' && text->len > 2 && num_parse_hex(slice_of(text->ptr + 1, 2), &value) == 0) {
		*text = slice_from(*text, 3);
		return (char)value;
	}
	*text = slice_from(*text, 1);
	return c == '+' ? ' ' : c;
}

static bool http_form_is_named(struct slice text, struct slice name)
{
	size_t at = 0;

	while (text.len && at < name.len && http_form_byte(&text) == name.ptr[at])
		at++;
	return !text.len && at == name.len;
}

static int http_form_decode(struct slice text, char *out, size_t size, size_t *len_out)
{
	size_t len = 0;

	while (text.len) {
		if (len == size)
			return ERR_LIMIT;
		out[len++] = http_form_byte(&text);
	}
	*len_out = len;
	return 0;
}

int http_form_get(struct slice body, struct slice name, char *out, size_t size, size_t *len_out)
{
	struct slice pair;

	*len_out = 0;
	for (unsigned i = 0; i < HTTP_FORM_FIELDS_MAX && slice_split(&body, '&', &pair); i++) {
		size_t equals = slice_find(pair, '=');

		if (http_form_is_named(slice_first(pair, equals), name))
			return http_form_decode(slice_from(pair, equals + 1), out, size, len_out);
	}
	return ERR_NOT_FOUND;
}
