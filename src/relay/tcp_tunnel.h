/*
 * TCP tunnels: a public port, and each connection to it is one stream of a session. Their name in
 * the directory is "tcp:" and the port, so that owners and grace work as for names.
 */
#ifndef RELAY_TCP_TUNNEL_H
#define RELAY_TCP_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

struct create_kind;
struct tunnel;

/* How create_tunnel_as makes one; the context of the wish says which port. */
const struct create_kind *tcp_tunnel_kind(void);
bool tcp_tunnel_is(const struct tunnel *t);
uint16_t tcp_tunnel_port(const struct tunnel *t);

#endif
