/*
 * Decides whether a request for a tunnel is signed with the shared secret, fresh, and not a
 * replay. One object serves all workers at once: nothing in it changes but the nonce cache, which
 * has its own lock. It never sees a connection, and never logs; the caller turns the reason into
 * a 401.
 */
#ifndef RELAY_HMAC_AUTH_H
#define RELAY_HMAC_AUTH_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct http_head;
struct nonce_cache;
struct hmac_auth;

#define HMAC_AUTH_SECRET_MIN 32

struct hmac_auth_limits {
	uint64_t tolerance_s; /* between the timestamp and our clock, both ways */
	uint64_t nonce_threshold_s; /* how much older than the timestamp a nonce may be */
	uint64_t nonce_ttl_s; /* how long a used nonce is remembered, at least */
};

/* All borrowed. A header field that is absent is a NULL slice; an empty one counts as absent. */
struct hmac_request {
	struct slice method;
	struct slice path; /* without the query */
	struct slice target; /* path and query; either may be what was signed */
	struct slice body;
	struct slice authorization;
	struct slice timestamp;
	struct slice nonce;
};

/*
 * The secret is copied. The cache stays the caller's and outlives the object: to reload the
 * secret, make a new object with the same cache, switch over, and free the old one once no worker
 * is inside it; a nonce used under either is then used for both.
 */
struct hmac_auth *hmac_auth_new(
	struct slice secret, const struct hmac_auth_limits *limits, struct nonce_cache *cache);
/* Wipes the secret. */
void hmac_auth_free(struct hmac_auth **auth);
/* Takes the three fields from the head; a field given twice becomes one that cannot be right. */
struct hmac_request hmac_auth_request(
	const struct http_head *head, struct slice path_and_query, struct slice body);
/*
 * now_ms is UTC since 1970. 0; ERR_DENIED, for a 401; ERR_LIMIT when more nonces are in use than
 * can be remembered, for a 503. reason_out gets the sentence for the client appended, which
 * never quotes the request.
 */
MUST_CHECK int hmac_auth_check(struct hmac_auth *auth, const struct hmac_request *req,
	uint64_t now_ms, struct buf *reason_out);

#endif
