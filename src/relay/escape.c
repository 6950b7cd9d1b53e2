/* Escaping for HTML and JSON: what is plain is copied in runs. */
#include "relay/escape.h"

#include <stdint.h>

static const char *escape_html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void escape_html(struct buf *out, struct slice text)
{
	size_t plain = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *entity = escape_html_entity(text.ptr[i]);

		if (!entity)
			continue;
		buf_append(out, text.ptr + plain, i - plain);
		buf_append_str(out, entity);
		plain = i + 1;
	}
	buf_append_slice(out, slice_from(text, plain));
}

/* The length of the UTF-8 sequence the text begins with, or 0: RFC 3629, 4. */
static size_t escape_utf8_len(struct slice text)
{
	const uint8_t *s = (const uint8_t *)text.ptr;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (len == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || text.len < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* over-long forms, surrogates, and what lies beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static bool escape_json_is_plain(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte >= 0x20 && byte != 0x7f && c != '"' && c != '\\';
}

static void escape_json_char(struct buf *out, char c)
{
	if (c == '"' || c == '\\') {
		buf_append_char(out, '\\');
		buf_append_char(out, c);
	} else if (c == '\n') {
		buf_append_str(out, "\\n");
	} else {
		buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
	}
}

void escape_json(struct buf *out, struct slice text)
{
	while (text.len) {
		size_t len = escape_utf8_len(text);

		if (!len)
			buf_append_str(out, "\\ufffd");
		else if (len > 1 || escape_json_is_plain(text.ptr[0]))
			buf_append(out, text.ptr, len);
		else
			escape_json_char(out, text.ptr[0]);
		text = slice_from(text, len ? len : 1);
	}
}
