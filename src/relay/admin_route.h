/* The admin API's paths as a table, and who may ask for what. */
#ifndef RELAY_ADMIN_ROUTE_H
#define RELAY_ADMIN_ROUTE_H

#include "relay/admin.h"

enum admin_route_flag {
	ADMIN_ANYONE = 1u << 0,
	ADMIN_ADMINS = 1u << 1,
	ADMIN_HASHES = 1u << 2,
	ADMIN_INLINE = 1u << 3,
};

struct admin_route {
	enum http_method method;
	const char *pattern;
	admin_handler_fn handle;
	unsigned flags;
};

/* Whether a path of the relay is one of the API's; *below_out is what is behind the prefix. */
bool admin_route_is_below(struct slice path, struct slice *below_out);
/*
 * The route for q->method and q->path; fills in q->param. NULL: there is none, or who asks may not,
 * and the reply says so.
 */
const struct admin_route *admin_route_find(struct admin_request *q, struct admin_reply *reply);
/* Whether who asks may use the route at all; who may not is told so before anything is looked up.
 */
bool admin_route_may(
	const struct admin_route *route, const struct admin_request *q, struct admin_reply *reply);

#endif
