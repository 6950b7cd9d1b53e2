/*
 * A visitor's connection: reads requests one after the other, gives each to the API or to an
 * exchange, and moves to the worker where the request's tunnel is at home.
 */
#ifndef RELAY_FRONT_H
#define RELAY_FRONT_H

#include <stdbool.h>

struct addr;
struct stream;
struct worker;

/* Which port a connection came in by. */
enum front_door {
	FRONT_DOOR_PUBLIC,
	FRONT_DOOR_TLS,
	FRONT_DOOR_ADMIN,
	FRONT_DOOR_METRICS,
	FRONT_DOOR_SOCKET,
};

/* Takes a connection that was just accepted; at the socket it has no peer, NULL. */
void front_accept(
	struct worker *w, struct stream *stream, const struct addr *peer, enum front_door door);
/* Ends the connections that have no request under way; the others end after theirs. */
void front_drain(struct worker *w);
/* Ends all of them at once. */
void front_close_all(struct worker *w);

#endif
