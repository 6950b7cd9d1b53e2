/* Requests that a tunnel answers. */
#ifndef RELAY_FRONT_TUNNEL_H
#define RELAY_FRONT_TUNNEL_H

#include "base/slice.h"
#include "relay/front_request.h"

struct front_request;

/* The name stands in the request's host. */
enum front_action front_tunnel_handle(struct front_request *r, struct slice name);

#endif
