/* The table of visitor_error.def, and how the parsers' faults map to it. */
#include "relay/visitor_error.h"

#include "base/check.h"

static const struct visitor_error_info visitor_errors[] = {
#define VISITOR_ERROR(id, code, status, reason, place, title, explanation, advice)                 \
	{code, status, reason, place, title, explanation, advice},
#include "relay/visitor_error.def"
#undef VISITOR_ERROR
};

const struct visitor_error_info *visitor_error_get(enum visitor_error error)
{
	CHECK((unsigned)error < VISITOR_ERROR_COUNT);
	return &visitor_errors[error];
}

enum visitor_error visitor_error_of_http(enum http_fault fault)
{
	if (fault == HTTP_FAULT_HOST_MISSING)
		return VISITOR_ERROR_HOST_REQUIRED;
	switch (http_fault_status(fault)) {
	case 414:
		return VISITOR_ERROR_TARGET_TOO_LONG;
	case 431:
		return VISITOR_ERROR_HEAD_TOO_LARGE;
	case 502:
		return VISITOR_ERROR_BAD_RESPONSE;
	case 505:
		return VISITOR_ERROR_VERSION_NOT_SUPPORTED;
	default:
		return VISITOR_ERROR_BAD_REQUEST;
	}
}
