/* The date that HTTP messages carry (RFC 9110, 5.6.7), in the one form that is still sent. */
#ifndef PROTO_HTTP_DATE_H
#define PROTO_HTTP_DATE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT", from 1970 to 9999, as seconds since 1970. ERR_SYNTAX. */
MUST_CHECK int http_date_parse(struct slice text, uint64_t *seconds_out);

#endif
