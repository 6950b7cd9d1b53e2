/*
 * The steps of a request, for whoever has threads to run them on: find the route, hash what is to
 * be hashed, handle. Without a relay all of them run where they are called.
 */
#ifndef RELAY_ADMIN_CALL_H
#define RELAY_ADMIN_CALL_H

#include "crypto/password.h"
#include "relay/admin.h"
#include "relay/admin_route.h"

/* Whether the body has a password to be hashed; takes its digest, which is quick. */
bool admin_call_digest(const struct admin_route *route, const struct admin_request *q,
	struct password_digest *digest_out);
/* Slow. An empty text when it does not work, which the store then refuses. */
void admin_call_hash(
	const struct password_digest *digest, unsigned cost, char hash_out[PASSWORD_HASH_LEN + 1]);
/* All of it, on the calling thread. */
void admin_call(
	struct admin_context *c, struct admin_request *q, unsigned cost, struct admin_reply *reply);

#endif
