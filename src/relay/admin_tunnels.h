/* /api/v1/tunnels: the tunnels that are open now, on whichever worker they live. */
#ifndef RELAY_ADMIN_TUNNELS_H
#define RELAY_ADMIN_TUNNELS_H

#include "relay/admin.h"

void admin_tunnels_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_tunnels_get(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
/* The password, until its client registers it anew. */
void admin_tunnels_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_tunnels_kill(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
