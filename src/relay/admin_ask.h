/*
 * Questions from the store's thread to the workers, whose tunnels nobody else may touch: a
 * function runs on each of them, and its answer comes back as bytes. Only the asker waits; a
 * worker never waits for the store's thread, so that the two cannot hold up each other. When the
 * relay stops, or a worker takes too long, the asker goes away and the answers come to nobody.
 */
#ifndef RELAY_ADMIN_ASK_H
#define RELAY_ADMIN_ASK_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct admin_ask;
struct relay_shared;
struct worker;

/* On the worker's thread. What it reads is a copy that nobody changes any more. */
typedef void (*admin_ask_fn)(struct worker *w, const void *what, struct buf *out);

/* Copies what is asked. */
struct admin_ask *admin_ask_new(
	struct relay_shared *shared, admin_ask_fn fn, const void *what, size_t size);
/* Wipes what was asked once nobody needs it any more. */
void admin_ask_free(struct admin_ask **ask);
/* Asks once, and waits: 0, or ERR_TIMEOUT. */
MUST_CHECK int admin_ask_all(struct admin_ask *ask);
MUST_CHECK int admin_ask_one(struct admin_ask *ask, unsigned worker);
/* What a worker answered; it may have said nothing. */
struct slice admin_ask_answer(const struct admin_ask *ask, unsigned worker);

#endif
