/* /api/v1/usage and /api/v1/audit: what was used, and what was done. */
#ifndef RELAY_ADMIN_REPORTS_H
#define RELAY_ADMIN_REPORTS_H

#include "relay/admin.h"

void admin_usage_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
/* The newest first; the cursor is the id of a row, behind which older ones follow. */
void admin_audit_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
