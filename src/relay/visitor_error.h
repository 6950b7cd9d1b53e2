/*
 * The errors that visitors get from the relay itself, as a table: the page, the JSON, the header
 * and the documentation are made from it. Pure data.
 */
#ifndef RELAY_VISITOR_ERROR_H
#define RELAY_VISITOR_ERROR_H

#include "base/slice.h"
#include "proto/http_head.h"

enum visitor_error {
#define VISITOR_ERROR(id, code, status, reason, place, title, explanation, advice)                 \
	VISITOR_ERROR_##id,
#include "relay/visitor_error.def"
#undef VISITOR_ERROR
	VISITOR_ERROR_COUNT
};

struct visitor_error_info {
	const char *code;
	unsigned status;
	const char *reason; /* "" is the usual one of the status */
	const char *place; /* request, relay, tunnel or service: where it stopped */
	const char *title;
	const char *explanation;
	const char *advice;
};

/* One error as it happened. */
struct visitor_fault {
	enum visitor_error error;
	uint64_t retry_after_s; /* 0: no Retry-After */
	const char *www_authenticate; /* the challenge of a 401; NULL: none */
	const char *allow; /* the methods, for METHOD_NOT_ALLOWED; else NULL */
	struct slice host; /* borrowed: what was asked for, shown to the visitor; may be empty */
	struct slice detail; /* borrowed: one sentence more, as of http_fault_text; may be empty */
};

const struct visitor_error_info *visitor_error_get(enum visitor_error error);
/* The error that stands for a refused request, or for a refused response (BAD_RESPONSE). */
enum visitor_error visitor_error_of_http(enum http_fault fault);

#endif
