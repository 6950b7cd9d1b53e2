/* Basic credentials (RFC 7617): what an Authorization field holds besides a user's name. */
#ifndef PROTO_HTTP_BASIC_H
#define PROTO_HTTP_BASIC_H

#include <stddef.h>

#include "base/slice.h"

#define HTTP_BASIC_MAX 1024u /* bytes of name and password together */

enum http_basic_result {
	HTTP_BASIC_NONE, /* another scheme, or nothing */
	HTTP_BASIC_BAD, /* not base64, without a colon, or too long */
	HTTP_BASIC_GOOD,
};

/* Decodes into out; *password_out is the part of it behind the first colon. */
enum http_basic_result http_basic_read(
	struct slice value, char out[HTTP_BASIC_MAX], struct slice *password_out);

#endif
