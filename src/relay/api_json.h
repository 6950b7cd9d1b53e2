/* The JSON that clients send to the control plane. The one user of jansson. */
#ifndef RELAY_API_JSON_H
#define RELAY_API_JSON_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"
#include "crypto/password.h"

#define API_JSON_SUBDOMAIN_MAX 255

struct api_json_tunnel {
	bool has_subdomain;
	size_t subdomain_len;
	char subdomain[API_JSON_SUBDOMAIN_MAX + 1];
	bool sets_password; /* it is said; without a length: none shall stand before it any more */
	size_t password_len;
	char password[PASSWORD_MAX];
};

/*
 * The body of POST /api/tunnels (D6); an empty one asks for nothing in particular. The caller
 * wipes what comes out. On ERR_SYNTAX
 * the sentence tells the client why. A member that is not known is refused, not ignored: whoever
 * asks for a password must not get a tunnel without one.
 */
MUST_CHECK int api_json_read_tunnel(
	struct slice body, struct api_json_tunnel *out, struct buf *sentence_out);

#endif
