/*
 * Connections to TCP tunnels. They are in a list of their worker, and end by themselves: with
 * either side, by their tunnel, or when they have waited for an agent for too long.
 */
#ifndef RELAY_TCP_VISITOR_H
#define RELAY_TCP_VISITOR_H

#include <stdint.h>

struct addr;
struct stream;
struct tunnel;
struct worker;

/* Takes the stream, which came in by that port and may be served. */
void tcp_visitor_serve(
	struct tunnel *t, struct stream *stream, const struct addr *peer, uint16_t port);
/* Ends all of the worker's at once. */
void tcp_visitor_close_all(struct worker *w);

#endif
