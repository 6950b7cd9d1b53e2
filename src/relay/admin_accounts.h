/* /api/v1/accounts: who there is. Changing others than oneself is for operators. */
#ifndef RELAY_ADMIN_ACCOUNTS_H
#define RELAY_ADMIN_ACCOUNTS_H

#include "relay/admin.h"

/*
 * The account that a request is about: the one that is named, which has to be the asker's own
 * unless it is an operator; the asker's own when the name is empty. False: refused already.
 */
MUST_CHECK bool admin_accounts_pick(struct admin_context *c, const struct admin_request *q,
	const char *name, struct account *out, struct admin_reply *reply);

void admin_accounts_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_accounts_get(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_accounts_add(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_accounts_change(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
