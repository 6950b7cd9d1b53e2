/* The codes of the relay's own refusals, as a table: api.c answers with them, and the
 * documentation is made from them. Pure data. */
#ifndef RELAY_API_ERROR_H
#define RELAY_API_ERROR_H

enum api_error {
#define API_ERROR(id, code, status, meaning) API_ERROR_##id,
#include "relay/api_error.def"
#undef API_ERROR
	API_ERROR_COUNT
};

struct api_error_info {
	const char *code;
	unsigned status;
	const char *meaning;
};

const struct api_error_info *api_error_get(enum api_error error);

#endif
