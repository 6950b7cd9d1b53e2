/*
 * Pool tunnels: the localtunnel protocol. A TCP port per tunnel; each connection that the client
 * opens there serves one request at a time (S83).
 */
#ifndef RELAY_LT_POOL_H
#define RELAY_LT_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct create_kind;
struct tunnel;

/*
 * How create_tunnel makes one: it opens the port. When the owner asks for the name again, an
 * online tunnel loses its sockets at once and gets another port if there is one, so that the old
 * client cannot come back (D12); one in grace keeps its port and its time starts anew.
 */
const struct create_kind *lt_pool_kind(void);
/* Whether the tunnel is of this kind. */
bool lt_pool_is(const struct tunnel *t);
uint16_t lt_pool_port(const struct tunnel *t);

#endif
