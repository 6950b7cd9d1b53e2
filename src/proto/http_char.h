/*
 * Which bytes may stand where in an HTTP message (RFC 9110, 5.5 and 5.6.2). One table, read by
 * the parsers of this folder; it knows nothing of messages.
 *
 * RFC 3986 has no bytes from 0x80 on in a target, yet clients send them ("/?q=\xc3\xa4" of curl),
 * and nginx, Go and Python read them. None of them ends a target in the eyes of anybody who reads
 * bytes, so they pass as they are.
 */
#ifndef PROTO_HTTP_CHAR_H
#define PROTO_HTTP_CHAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define HTTP_CHAR_TOKEN 1u /* methods, field names, parameters */
#define HTTP_CHAR_TARGET 2u /* visible ASCII without '#', and bytes from 0x80 on */
#define HTTP_CHAR_VALUE 4u /* HTAB, SP, visible ASCII, and bytes from 0x80 on */
#define HTTP_CHAR_HOST 8u /* labels of a host name; the underscore is in use, so it is let in */

extern const uint8_t http_char_class[256];

static inline bool http_char_is(char c, unsigned classes)
{
	return http_char_class[(unsigned char)c] & classes;
}

/* How many bytes at the front are of the given class. */
static inline size_t http_char_span(struct slice s, unsigned classes)
{
	size_t n = 0;

	while (n < s.len && http_char_is(s.ptr[n], classes))
		n++;
	return n;
}

/* The same for HTTP_CHAR_TARGET; eight at a time. */
size_t http_char_target_span(struct slice s);
/* Whether all bytes may stand in a field value; eight at a time. */
bool http_char_is_value(struct slice s);
/* How many bytes at the front may stand in a field value and are no HTAB; eight at a time. */
size_t http_char_plain_span(struct slice s);

#endif
