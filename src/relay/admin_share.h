/* The admin API's links: one that opens a tunnel with a password without it, for a while. */
#ifndef RELAY_ADMIN_SHARE_H
#define RELAY_ADMIN_SHARE_H

#include "relay/admin.h"

/* POST /tunnels/{name}/share */
void admin_share_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
