/* Who did what, for the audit log: every change of the admin API leaves a row with it. */
#ifndef RELAY_ADMIN_AUDIT_H
#define RELAY_ADMIN_AUDIT_H

#include "relay/admin.h"
#include "store/record.h"

/* Texts that are too long are cut. The detail, a JSON object, may be NULL and is borrowed. */
void admin_audit_of(struct audit *out, const struct admin_request *q, const char *event,
	const char *subject, struct buf *detail);

#endif
