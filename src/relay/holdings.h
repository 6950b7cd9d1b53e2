/*
 * How much each account has, and each address that has none, on all workers together. Exact: what
 * is asked for and what is there are compared under one lock, and who took something puts it back.
 */
#ifndef RELAY_HOLDINGS_H
#define RELAY_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct holdings;

enum holding {
	HOLDING_TUNNELS, /* in use; those in their grace period do not count */
	HOLDING_PASSWORDS, /* tunnels with a password, in use or not */
	HOLDING_COUNT
};

struct holdings *holdings_new(void);
/* Everything must have been put back. */
void holdings_free(struct holdings **h);

/* All of these may be called on any thread. A holder is the id of an account, or an address. */
/* Takes one more, unless there are as many as the limit says. */
MUST_CHECK bool holdings_take(
	struct holdings *h, struct slice holder, enum holding what, uint64_t limit);
/* Takes one more in any case; returns how many there are then. */
uint64_t holdings_retake(struct holdings *h, struct slice holder, enum holding what);
void holdings_put(struct holdings *h, struct slice holder, enum holding what);
/* Puts one back if there are more than the limit says. */
MUST_CHECK bool holdings_put_surplus(
	struct holdings *h, struct slice holder, enum holding what, uint64_t limit);
uint64_t holdings_count(struct holdings *h, struct slice holder, enum holding what);
/* Holders with anything at all. */
size_t holdings_holders(struct holdings *h);

#endif
