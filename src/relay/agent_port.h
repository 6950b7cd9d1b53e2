/*
 * Which public port a TCP tunnel gets: the one that was asked for, the one that the key had before,
 * or any. In the directory a port is a name, "tcp:40000": no host name looks like this.
 */
#ifndef RELAY_AGENT_PORT_H
#define RELAY_AGENT_PORT_H

#include <stdint.h>

#include "relay/create.h"

struct ports;
struct relay_conf;

/*
 * The wish has no name yet; its ctx is a struct session_tunnel_wish, which gets the port. Port 0
 * takes any. CREATE_MOVE: out has the name.
 */
enum create_result agent_port_open(struct worker *w, const struct create_wish *wish, uint16_t port,
	struct create_outcome *out);
/* The ports of --tcp-port-range-start and -end. */
struct ports *agent_port_range(const struct relay_conf *conf);

#endif
