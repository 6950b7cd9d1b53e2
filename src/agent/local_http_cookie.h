/* Cookies that a service sets for a name of its own, which a visitor of the tunnel does not know.
 */
#ifndef AGENT_LOCAL_HTTP_COOKIE_H
#define AGENT_LOCAL_HTTP_COOKIE_H

#include <stdbool.h>

#include "base/slice.h"

#define LOCAL_HTTP_COOKIE_OWN 2u

/* Authorities, with or without a port. An empty one is none. */
struct local_http_cookie_hosts {
	struct slice own[LOCAL_HTTP_COOKIE_OWN]; /* what the service is called on its own machine */
	struct slice visitor; /* what the visitor asked */
};

/*
 * The next attribute of a Set-Cookie value, from *at on, that has to go: a Domain that a browser
 * takes from a host called as the service is, and not from the one that the visitor asked. What
 * comes out is a part of the value, with the semicolon in front of it. Without it, the cookie
 * belongs to the tunnel's name alone.
 */
bool local_http_cookie_next(struct slice value, const struct local_http_cookie_hosts *hosts,
	size_t *at, struct slice *attribute_out);

#endif
