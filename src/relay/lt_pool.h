/*
 * Pool tunnels: the localtunnel protocol. A TCP port per tunnel; each connection that the client
 * opens there serves one request at a time (S83).
 */
#ifndef RELAY_LT_POOL_H
#define RELAY_LT_POOL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "relay/identity.h"

struct tunnel;
struct worker;

/* Opens the port and registers the tunnel under a name that was claimed for this worker. On an
 * error (no port, no descriptor) the name is still the caller's to release. */
MUST_CHECK int lt_pool_open(
	struct worker *w, struct slice name, struct identity owner, struct tunnel **tunnel_out);
uint16_t lt_pool_port(const struct tunnel *t);
/*
 * The owner asks for the name again. An online tunnel loses its sockets at once and gets another
 * port if there is one, so that the old client cannot come back (D12); one in grace keeps its
 * port and its time starts anew.
 */
void lt_pool_take_over(struct tunnel *t);

#endif
