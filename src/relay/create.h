/*
 * Opening a tunnel: who gets which name (S34-S48, D5, D12-D14, D22), whatever kind of tunnel it
 * is. The caller has checked that tunnels may be created here and that the request is authorised.
 */
#ifndef RELAY_CREATE_H
#define RELAY_CREATE_H

#include <stdbool.h>

#include "base/slice.h"
#include "relay/identity.h"
#include "relay/name.h"
#include "relay/tunnel_gate.h"

struct book_grant;
struct create_wish;
struct tunnel;
struct worker;

enum create_result {
	CREATE_OK, /* out->tunnel, new or taken back */
	CREATE_MOVE, /* the name is at home on worker out->home: ask there */
	CREATE_INVALID, /* not a name that may be had */
	CREATE_KEPT, /* an account has it for good */
	CREATE_RESERVED, /* held for another identity, for out->seconds */
	CREATE_IN_USE, /* another identity's tunnel is online */
	CREATE_NO_PORT, /* no TCP port or descriptor is left */
	CREATE_FULL, /* there are as many tunnels as may be */
	CREATE_OTHER_PROTO, /* the key is not for this kind of tunnel */
	CREATE_OTHER_NAME, /* nor for this name */
	CREATE_OTHER_PORT, /* the relay, or the key, is for other ports */
	CREATE_NO_TCP, /* there are no ports for TCP tunnels */
	CREATE_TOO_MANY, /* its holder has as many as it may */
	CREATE_TOO_MANY_PASSWORDS, /* with a password */
};

/* What a kind of tunnel does once the name is settled. */
struct create_kind {
	/* Makes the tunnel of a name that was claimed for this worker; on an error the name goes
	 * back. Writes a log line. */
	int (*open)(struct worker *w, const struct create_wish *wish, struct slice name,
		struct tunnel **tunnel_out);
	/* Whether it can go on with this tunnel. Another one is closed, and made anew. */
	bool (*is)(const struct tunnel *t);
	/* The owner asks for such a tunnel that it has already. */
	void (*take_over)(struct tunnel *t, const struct create_wish *wish);
};

struct create_wish {
	const struct create_kind *kind;
	struct slice name; /* empty: a random one */
	struct identity who;
	const struct book_grant *grant; /* of the asker's key; NULL without one */
	struct slice client; /* the asker's address, as the log has it */
	struct slice source; /* the one that no asker can choose: see identity_near_ip */
	struct tunnel_gate_wish gate; /* what shall stand before it */
	bool keeps_gate; /* that is not said: what stands before it already stays */
	void *ctx; /* of the kind */
};

/* Whether the name is somebody else's. */
bool create_is_taken(enum create_result result);

struct create_outcome {
	struct tunnel *tunnel; /* borrowed */
	size_t name_len; /* CREATE_MOVE: of the name that it is about */
	char name[NAME_MAX_LEN + 1];
	unsigned home;
	unsigned seconds;
};

enum create_result create_tunnel(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out);
/* The same for a name that was made by the caller, and follows no rules but its own. */
enum create_result create_tunnel_as(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out);
/*
 * What would become of it now, if it had a password: for whoever has a hash to make first, which a
 * refusal shall not cost. Does nothing, and promises nothing: create_tunnel() asks all of it again.
 */
enum create_result create_foresee(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out);
/*
 * The same for a tunnel that is made anew, here or on another worker, with a password or without:
 * CREATE_OK when who asks may have it, and there is room for it where it counts from then on. Of
 * the wish it reads whose it is, the key and the source.
 */
enum create_result create_foresee_anew(const struct tunnel *t, const struct create_wish *wish,
	bool protects, struct create_outcome *out);

#endif
