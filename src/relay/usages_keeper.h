/*
 * Hands to the store what accounts have used: every few seconds, and at the end. What kill -9 finds
 * in between is lost, which is at most USAGES_KEEPER_MS of it. While the store cannot, it is kept
 * here and offered again. Runs on the main thread.
 */
#ifndef RELAY_USAGES_KEEPER_H
#define RELAY_USAGES_KEEPER_H

#include "base/attr.h"
#include "base/buf.h"

#define USAGES_KEEPER_MS 3000u

struct loop;
struct relay_shared;
struct usages_keeper;

/* Reads what the running month has already. Without a store there is nothing to keep: *out is NULL
 * then. */
MUST_CHECK int usages_keeper_new(struct loop *loop, struct relay_shared *shared,
	struct usages_keeper **out, struct buf *message);
/* Nobody counts any more, and the loop has stopped: hands over the rest, and waits for it. */
void usages_keeper_finish(struct usages_keeper *k);
/* After the store's end, because it may still have the list. */
void usages_keeper_free(struct usages_keeper **k);

#endif
