/* A tunnel as the local side has it: its spec, and what is made of it once. */
#ifndef AGENT_LOCAL_TUNNEL_H
#define AGENT_LOCAL_TUNNEL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct local;
struct local_tunnel;
struct tunnel_spec;

/* With one reference, the caller's. ERR_*: the CA file is not good; message says why. */
MUST_CHECK int local_tunnel_new(struct local *l, const struct tunnel_spec *spec,
	struct local_tunnel **out, struct buf *message);
/* Nothing that is not under way goes to it any more. Takes the reference. */
void local_tunnel_remove(struct local_tunnel **t);
struct local_tunnel *local_tunnel_ref(struct local_tunnel *t);
void local_tunnel_unref(struct local_tunnel **t);

#endif
