/*
 * Host routing (S68, D20). With a domain only its direct children are tunnels; without one, the
 * registrable domain is the base and what stands in front of it the name. libpsl's built-in list
 * is immutable, so any thread may ask.
 */
#include "relay/route.h"

#include <libpsl.h>

static struct route route_under(struct slice host, struct slice base)
{
	struct route route = {ROUTE_UNKNOWN, {NULL, 0}};

	if (slice_eq(host, base)) {
		route.kind = ROUTE_BASE;
	} else if (host.len > base.len + 1 && slice_ends(host, base) &&
		host.ptr[host.len - base.len - 1] == '.') {
		route.kind = ROUTE_TUNNEL;
		route.name = slice_first(host, host.len - base.len - 1);
	}
	return route;
}

static struct route route_by_suffix_list(const struct http_host *host)
{
	const char *base = psl_registrable_domain(psl_builtin(), host->text);

	if (!base)
		return (struct route) {ROUTE_BASE, {NULL, 0}};
	return route_under(http_host_slice(host), slice_from_str(base));
}

struct route route_of_host(const struct http_host *host, const char *domain)
{
	struct slice text = http_host_slice(host);
	struct route route;

	if (host->kind != HTTP_HOST_NAME || slice_eq(text, SLICE("localhost")))
		return (struct route) {ROUTE_BASE, {NULL, 0}};
	if (domain)
		return route_under(text, slice_from_str(domain));
	route = route_under(text, SLICE("localhost"));
	return route.kind == ROUTE_UNKNOWN ? route_by_suffix_list(host) : route;
}

void route_host_deinit(struct route_host *last)
{
	buf_release(&last->authority);
}

const struct http_host *route_read_host(struct route_host *last, struct slice authority)
{
	if (authority.len && slice_eq(buf_slice(&last->authority), authority))
		return &last->host;
	buf_clear(&last->authority);
	if (http_host_parse(authority, &last->host) != 0)
		return NULL;
	buf_append_slice(&last->authority, authority);
	return &last->host;
}
