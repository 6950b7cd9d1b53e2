/* From a host name to what it means here: the relay itself, a tunnel's name, or nothing. */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "base/buf.h"
#include "base/slice.h"
#include "proto/http_host.h"

enum route_kind {
	ROUTE_BASE, /* the relay itself: landing, API */
	ROUTE_TUNNEL, /* route.name is the label in front */
	ROUTE_UNKNOWN, /* not ours */
};

struct route {
	enum route_kind kind;
	struct slice name; /* borrowed from the host */
};

/* Requests for the same host come in rows: the one read last, and how it was written. */
struct route_host {
	struct http_host host;
	struct buf authority; /* empty: there is none */
};

void route_host_deinit(struct route_host *last);
/* NULL when it is no host. What is returned holds until the next call. */
const struct http_host *route_read_host(struct route_host *last, struct slice authority);
/* domain is --domain, or NULL: then the public suffix list says where the base ends (D20). */
struct route route_of_host(const struct http_host *host, const char *domain);

#endif
