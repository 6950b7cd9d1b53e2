/* The table of api_error.def. */
#include "relay/api_error.h"

#include "base/check.h"

static const struct api_error_info api_errors[] = {
#define API_ERROR(id, code, status, meaning) {code, status, meaning},
#include "relay/api_error.def"
#undef API_ERROR
};

const struct api_error_info *api_error_get(enum api_error error)
{
	CHECK((unsigned)error < API_ERROR_COUNT);
	return &api_errors[error];
}
