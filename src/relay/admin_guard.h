/*
 * /api/v1/tunnels/{name}: what stands before a tunnel, changed while it runs. It
 * stays so until its client registers the tunnel anew.
 */
#ifndef RELAY_ADMIN_GUARD_H
#define RELAY_ADMIN_GUARD_H

#include "relay/admin.h"

void admin_guard_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
#endif
