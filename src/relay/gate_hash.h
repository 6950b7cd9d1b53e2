/*
 * The password of a new tunnel on its way to its hash, which the crew of hashers makes. The
 * plaintext is looked at once, by gate_hash_new(), and kept nowhere.
 */
#ifndef RELAY_GATE_HASH_H
#define RELAY_GATE_HASH_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/slice.h"
#include "relay/identity.h"

struct gate_hash;
struct worker;

struct gate_hash_wish {
	struct slice password; /* it is allowed */
	struct slice name; /* of the tunnel, as asked for; empty: any */
	struct identity who;
	void (*done)(void *ctx); /* from the loop */
	void *ctx;
};

struct gate_hash *gate_hash_new(struct worker *w, const struct gate_hash_wish *wish);
/* Once. ERR_LIMIT: too many wait already; then `done` does not come. */
MUST_CHECK int gate_hash_start(struct gate_hash *h);
/* NULL as long as it is not done, or when the relay is ending. */
const char *gate_hash_text(const struct gate_hash *h);
/* Before it was started or is done as well; `done` does not come then. */
void gate_hash_free(struct gate_hash **h);

#endif
