/* Requests that the relay itself answers: its API, its pages. */
#ifndef RELAY_FRONT_API_H
#define RELAY_FRONT_API_H

#include "relay/front_request.h"

struct front_request;

enum front_action front_api_handle(struct front_request *r);

#endif
