/* /api/v1/names: names that belong to an account, whether a tunnel is open under them or not. */
#ifndef RELAY_ADMIN_NAMES_H
#define RELAY_ADMIN_NAMES_H

#include "relay/admin.h"

void admin_names_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_names_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_names_remove(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
