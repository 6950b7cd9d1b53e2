/* The JSON that clients send to the control plane. The one user of jansson. */
#ifndef RELAY_API_JSON_H
#define RELAY_API_JSON_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"
#include "crypto/password.h"
#include "relay/tunnel_gate.h"

#define API_JSON_SUBDOMAIN_MAX 255
#define API_JSON_NETWORKS_MAX 3328u /* 64 networks, each with a blank */
#define API_JSON_SCHEME_MAX 16u
#define API_JSON_SECRET_MAX 258u /* one more than may be, and the NUL */

struct api_json_tunnel {
	bool has_subdomain;
	size_t subdomain_len;
	char subdomain[API_JSON_SUBDOMAIN_MAX + 1];
	bool sets_gate; /* what stands before it is said, all of it; else it stays as it is */
	size_t password_len;
	char password[PASSWORD_MAX];
	char allow[API_JSON_NETWORKS_MAX]; /* with blanks between them, as tunnel_gate.h has it */
	char deny[API_JSON_NETWORKS_MAX];
	char verify_scheme[API_JSON_SCHEME_MAX];
	char verify_secret[API_JSON_SECRET_MAX];
};

/* All of the gate but the password; borrowed. */
struct tunnel_gate_wish api_json_gate(const struct api_json_tunnel *t);

/*
 * The body of POST /api/tunnels (D6); an empty one asks for nothing in particular. The caller
 * wipes what comes out. On ERR_SYNTAX
 * the sentence tells the client why. A member that is not known is refused, not ignored: whoever
 * asks for a password must not get a tunnel without one.
 */
MUST_CHECK int api_json_read_tunnel(
	struct slice body, struct api_json_tunnel *out, struct buf *sentence_out);

#endif
