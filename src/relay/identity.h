/*
 * Who asks for a tunnel: a client token when there is a valid one, else an IP address. It decides
 * who may take a name back during its grace period. It is not authentication: a token is plain
 * text, and whoever knows it is that client; only that of an account has a key behind it. Pure;
 * everything is borrowed from the request.
 */
#ifndef RELAY_IDENTITY_H
#define RELAY_IDENTITY_H

#include <stdbool.h>

#include "base/slice.h"

struct http_head;

#define IDENTITY_TOKEN_MAX 256

/* The text of an account is its id; it comes from a key (auth.h), not from the request itself. */
enum identity_kind { IDENTITY_IP, IDENTITY_TOKEN, IDENTITY_ACCOUNT };

struct identity {
	enum identity_kind kind;
	struct slice text; /* borrowed; at most IDENTITY_TOKEN_MAX bytes */
};

/*
 * peer_ip is the address of the connection, as text. A token that is not 1 to 256 of
 * [A-Za-z0-9_-], or that is given twice, counts as absent; *bad_token_out (may be NULL) says so,
 * for the log.
 */
struct identity identity_of_request(
	const struct http_head *head, struct slice peer_ip, bool trust_proxy, bool *bad_token_out);
/* The leftmost element of X-Forwarded-For, else X-Real-IP, else the peer; the first two only when
 * the proxy in front is trusted. What the proxy says is not checked to be an address. */
struct slice identity_client_ip(
	const struct http_head *head, struct slice peer_ip, bool trust_proxy);
/* The same for gates: the rightmost element, which the trusted proxy has added itself. What stands
 * before it the visitor may have written. */
struct slice identity_near_ip(const struct http_head *head, struct slice peer_ip, bool trust_proxy);
/* The same kind with the same text, in constant time for texts of one length. */
bool identity_eq(struct identity a, struct identity b);

#endif
