/* POST /api/v1/tunnels/{name}/share: a link that opens a tunnel with a password without it. */
#ifndef RELAY_ADMIN_SHARE_H
#define RELAY_ADMIN_SHARE_H

#include "relay/admin.h"

void admin_share_make(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
