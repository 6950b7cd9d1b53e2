/*
 * Opening a tunnel: who gets which name (S34-S48, D5, D12-D14, D22). The caller has checked that
 * tunnels may be created here and that the request is authorised.
 */
#ifndef RELAY_CREATE_H
#define RELAY_CREATE_H

#include "base/slice.h"
#include "relay/identity.h"

struct tunnel;
struct worker;

enum create_result {
	CREATE_OK, /* out->tunnel, new or taken back */
	CREATE_MOVE, /* the name is at home on worker out->home: ask there */
	CREATE_INVALID, /* not a name that may be had */
	CREATE_RESERVED, /* held for another identity, for out->seconds */
	CREATE_IN_USE, /* another identity's tunnel is online */
	CREATE_NO_PORT, /* no TCP port or descriptor is left */
	CREATE_FULL, /* there are as many tunnels as may be */
};

struct create_outcome {
	struct slice client; /* in: the asker's address, for the log */
	struct tunnel *tunnel; /* borrowed */
	unsigned home;
	unsigned seconds;
};

/* An empty name asks for a random one. */
enum create_result create_tunnel(
	struct worker *w, struct slice name, struct identity who, struct create_outcome *out);

#endif
