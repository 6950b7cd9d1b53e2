/*
 * Forms as browsers send them, application/x-www-form-urlencoded. Lenient as browsers' own
 * reading (URL standard, 5.1): a percent sign without two digits stands for itself.
 */
#ifndef PROTO_HTTP_FORM_H
#define PROTO_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct http_head;

#define HTTP_FORM_FIELDS_MAX 32u /* looked at; what stands behind is not there */

/* Whether the Content-Type says that the body is such a form. */
bool http_form_is(const struct http_head *head);
/*
 * The decoded value of the first field with that name, which is compared decoded: ERR_NOT_FOUND,
 * or ERR_LIMIT when it does not fit. There is no NUL behind it, and there may be some inside.
 */
MUST_CHECK int http_form_get(
	struct slice body, struct slice name, char *out, size_t size, size_t *len_out);

#endif
