/*
 * What stands before a tunnel, as it was registered. A tunnel without any of it has no gate at
 * all, so that it pays one look at a pointer.
 */
#ifndef RELAY_TUNNEL_GATE_H
#define RELAY_TUNNEL_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct gate_password;
struct worker;

struct tunnel_gate {
	struct gate_password *password; /* owned; NULL: none is needed */
};

/* What a gate shall be made of; all of it may be missing, then there is none. */
struct tunnel_gate_wish {
	const char *password_hash; /* borrowed; NULL: no password */
};

/* NULL when nothing is wished for. */
struct tunnel_gate *tunnel_gate_new(struct worker *w, const struct tunnel_gate_wish *wish);
void tunnel_gate_free(struct tunnel_gate **gate);
/* Whether it is what such a wish would make: then it can stay, with what it knows of visitors. */
bool tunnel_gate_is(const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish);

/* The relay takes this field of a request for itself and does not pass it on. */
#define TUNNEL_GATE_COOKIES 4u
extern const struct slice tunnel_gate_cookies[TUNNEL_GATE_COOKIES];

#endif
