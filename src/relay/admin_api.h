/* The admin API over HTTP, on the worker that the request came to. */
#ifndef RELAY_ADMIN_API_H
#define RELAY_ADMIN_API_H

#include "base/slice.h"
#include "relay/api.h"

/* The request is for a path below ADMIN_PREFIX. API_ANSWERED or API_LATER. */
enum api_result admin_api_handle(struct api_request *r, struct slice below);
/* Its body is too large. */
enum api_result admin_api_refuse_size(struct api_request *r);

#endif
