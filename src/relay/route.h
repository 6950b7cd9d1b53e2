/* From a host name to what it means here: the relay itself, a tunnel's name, or nothing. */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "base/slice.h"

struct http_host;

enum route_kind {
	ROUTE_BASE, /* the relay itself: landing, API */
	ROUTE_TUNNEL, /* route.name is the label in front */
	ROUTE_UNKNOWN, /* not ours */
};

struct route {
	enum route_kind kind;
	struct slice name; /* borrowed from the host */
};

/* domain is --domain, or NULL: then the public suffix list says where the base ends (D20). */
struct route route_of_host(const struct http_host *host, const char *domain);

#endif
