/* A tunnel as the admin API tells of it. On the worker where it lives. */
#ifndef RELAY_ADMIN_TUNNEL_JSON_H
#define RELAY_ADMIN_TUNNEL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/http_host.h"

struct tunnel;

/* Who looks at it. */
struct admin_tunnel_view {
	uint64_t account_id; /* whose tunnels are seen */
	bool all; /* everybody's are, and whose they are is told */
	bool has_host;
	struct http_host host; /* by which the relay was reached */
};

/* The account that a tunnel is of; 0: of none. */
uint64_t admin_tunnel_account(const struct tunnel *t);
bool admin_tunnel_is_seen(const struct tunnel *t, const struct admin_tunnel_view *view);
void admin_tunnel_write_url(
	struct buf *out, const struct tunnel *t, const struct admin_tunnel_view *view);
void admin_tunnel_write(
	struct buf *out, const struct tunnel *t, const struct admin_tunnel_view *view);

#endif
