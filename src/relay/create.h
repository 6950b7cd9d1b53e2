/*
 * Opening a tunnel: who gets which name (S34-S48, D5, D12-D14, D22), whatever kind of tunnel it
 * is. The caller has checked that tunnels may be created here and that the request is authorised.
 */
#ifndef RELAY_CREATE_H
#define RELAY_CREATE_H

#include <stdbool.h>

#include "base/slice.h"
#include "relay/identity.h"

struct create_wish;
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

/* What a kind of tunnel does once the name is settled. */
struct create_kind {
	/* Makes the tunnel of a name that was claimed for this worker; on an error the name goes
	 * back. Writes a log line. */
	int (*open)(struct worker *w, const struct create_wish *wish, struct slice name,
		struct tunnel **tunnel_out);
	/* The owner asks for a tunnel that it has already. False: this kind cannot go on with it;
	 * it is closed and another one made. */
	bool (*take_over)(struct tunnel *t, const struct create_wish *wish);
};

struct create_wish {
	const struct create_kind *kind;
	struct slice name; /* empty: a random one */
	struct identity who;
	struct slice client; /* the asker's address, for the log */
	void *ctx; /* of the kind */
};

struct create_outcome {
	struct tunnel *tunnel; /* borrowed */
	unsigned home;
	unsigned seconds;
};

enum create_result create_tunnel(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out);
/* The same for a name that was made by the caller, and follows no rules but its own. */
enum create_result create_tunnel_as(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out);
/* The tunnel exists and is somebody else's: what that means for who asked. */
enum create_result create_held(const struct tunnel *t, struct create_outcome *out);

#endif
