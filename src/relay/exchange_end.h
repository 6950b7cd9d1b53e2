/* How an exchange comes to its end: in order, with an error page, or cut. */
#ifndef RELAY_EXCHANGE_END_H
#define RELAY_EXCHANGE_END_H

#include <stdbool.h>

#include "base/slice.h"
#include "relay/access_log.h"
#include "relay/visitor_error.h"

struct exchange;

/* The answer was passed on whole. */
void exchange_end_complete(struct exchange *x);
/*
 * It cannot be completed. Before the final head was passed on, the visitor gets the error as an
 * answer; after that its connection is cut, so that what it has never looks whole. detail may be
 * empty.
 */
void exchange_end_error(
	struct exchange *x, enum visitor_error error, enum access_end by, struct slice detail);
/* The visitor went away: nothing is said, the upstream is given up. */
void exchange_end_left(struct exchange *x);
/* Both ends of an upgraded connection are done with it. */
void exchange_end_piped(struct exchange *x, enum access_end by);
/* The relay does not let it go on. */
void exchange_end_piped_error(struct exchange *x, enum visitor_error error);
/* Nothing is read any more. */
void exchange_end_work(struct exchange *x);
/* The same for what is upgraded: of the head only the words for the log are kept. */
void exchange_end_head(struct exchange *x);
/* Lets go of the upstream; reusable only if nothing of this exchange is left on it. */
void exchange_end_release(struct exchange *x, bool reusable);

#endif
