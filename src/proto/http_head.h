/*
 * The head of an HTTP message as parsed: slices into the bytes it was parsed from, valid as long
 * as those stay where they are. Fields keep their order, case and repetitions.
 */
#ifndef PROTO_HTTP_HEAD_H
#define PROTO_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define HTTP_FIELDS_MAX 256 /* the hard bound; the limit in force is an option */

enum http_method {
	HTTP_METHOD_OTHER,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_CONNECT,
};

enum http_field_id {
	HTTP_FIELD_OTHER,
#define HTTP_FIELD(id, name, inner, near) HTTP_FIELD_##id,
#include "proto/http_field.def"
#undef HTTP_FIELD
	HTTP_FIELD_COUNT
};

enum http_fault {
	HTTP_FAULT_NONE,
#define HTTP_FAULT(id, status, text) HTTP_FAULT_##id,
#include "proto/http_fault.def"
#undef HTTP_FAULT
	HTTP_FAULT_COUNT
};

struct http_field {
	struct slice name;
	struct slice value; /* without blanks at both ends */
	enum http_field_id id;
	bool hop; /* set by http_hop_mark: not to be passed on */
	bool plain; /* it stands there as http1_write_field would write it, CR LF and all */
};

struct http_head {
	/* The first one, if it stands there as it would be written, CR LF and all. */
	struct slice line;
	/* request */
	enum http_method method_id;
	struct slice method;
	struct slice target;
	/* response */
	uint16_t status;
	struct slice reason;
	/* both */
	uint8_t minor; /* HTTP/1.<minor>: 0 or 1 */
	uint16_t field_count;
	size_t size; /* bytes of the whole head, with the empty line */
	/* first field of each known kind: index + 1, or 0; filled while parsing */
	uint16_t first[HTTP_FIELD_COUNT];
	struct http_field fields[HTTP_FIELDS_MAX];
};

static inline const struct http_field *http_head_get(
	const struct http_head *head, enum http_field_id id)
{
	return head->first[id] ? &head->fields[head->first[id] - 1] : NULL;
}

/* The value of the first such field, or an empty slice with a NULL pointer. */
static inline struct slice http_head_value(const struct http_head *head, enum http_field_id id)
{
	const struct http_field *field = http_head_get(head, id);

	return field ? field->value : (struct slice) {NULL, 0};
}

/* How many fields of this kind there are. */
unsigned http_head_count(const struct http_head *head, enum http_field_id id);
/* Whether the comma-separated lists in all fields of this kind have the token, in any case. */
bool http_head_has_token(const struct http_head *head, enum http_field_id id, struct slice token);
enum http_field_id http_field_id_of(struct slice name);
enum http_method http_method_of(struct slice name);
/* Safe to send again when no answer came (RFC 9110, 9.2.2). */
bool http_method_is_idempotent(enum http_method method);
/* The status a visitor gets for the fault, and a sentence with its full stop. */
unsigned http_fault_status(enum http_fault fault);
const char *http_fault_text(enum http_fault fault);

#endif
