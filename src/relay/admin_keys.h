/* /api/v1/keys: keys of accounts. Their text is told once, in the answer that made them. */
#ifndef RELAY_ADMIN_KEYS_H
#define RELAY_ADMIN_KEYS_H

#include "relay/admin.h"
#include "store/record.h"

/* The members about a key's scope, for whoever tells of one. */
void admin_keys_write_scope(struct buf *out, const struct key_scope *scope);
/* A key to be made: account, label, scope and expiry are given, the rest is filled in. */
struct admin_keys_order {
	struct key key;
	const char *event; /* for the audit log */
	struct buf text; /* of the key; released by the caller, who wipes it */
};
/* False: the reply says why. */
MUST_CHECK bool admin_keys_make(struct admin_context *c, const struct admin_request *q,
	struct admin_keys_order *order, struct admin_reply *reply);

void admin_keys_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_keys_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_keys_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_keys_revoke(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
