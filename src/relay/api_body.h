/*
 * The bodies of the control plane's JSON answers, byte for byte what clients of
 * localtunnel-server know: member names, their order, and the sentences. Pure.
 */
#ifndef RELAY_API_BODY_H
#define RELAY_API_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define API_BODY_INVALID_NAME                                                                      \
	"Invalid subdomain. Subdomains must be lowercase and between 4 and 63 alphanumeric "       \
	"characters."
#define API_BODY_AUTH_FAILED "Authentication failed"
#define API_BODY_AUTH_TERSE "Invalid or expired authentication"

struct api_body_tunnel {
	struct slice id;
	struct slice url;
	uint16_t port;
	unsigned max_conn_count;
	bool is_protected; /* with a password; nothing is said of one without */
};

void api_body_tunnel(struct buf *out, const struct api_body_tunnel *tunnel);
/* {"message":...} */
void api_body_message(struct buf *out, struct slice message);
/* {"error":...,"message":...} */
void api_body_error(struct buf *out, struct slice error, struct slice message);
/* Strict mode: the name is in its grace period for so many seconds (never 0 on the wire). */
void api_body_reserved(struct buf *out, struct slice name, uint64_t seconds);
/* Strict mode: the name is an account's. */
void api_body_kept(struct buf *out, struct slice name);
/* Strict mode: the name is online. */
void api_body_in_use(struct buf *out, struct slice name);

#endif
