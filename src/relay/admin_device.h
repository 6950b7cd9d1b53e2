/* /api/v1/device: the machine's side of a login. */
#ifndef RELAY_ADMIN_DEVICE_H
#define RELAY_ADMIN_DEVICE_H

#include "relay/admin.h"

void admin_device_start(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_device_token(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
