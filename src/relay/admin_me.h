/* /api/v1/me: who the key stands for, and what it may. From memory: it works without the store. */
#ifndef RELAY_ADMIN_ME_H
#define RELAY_ADMIN_ME_H

#include "relay/admin.h"

void admin_me_get(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
