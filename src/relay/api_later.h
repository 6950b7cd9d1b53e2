/*
 * An answer that is not there yet, because something that blocks has to be done for it elsewhere.
 * Embedded in whatever does that. It comes on the loop that the request came in on, and never
 * inside the call that began it. Whoever waits may leave; then it ends unread.
 */
#ifndef RELAY_API_LATER_H
#define RELAY_API_LATER_H

#include "base/buf.h"

struct reply;

struct api_later {
	void (*answered)(void *ctx); /* NULL: nobody waits any more */
	void *ctx; /* of it */
	/* Once it is answered: writes the message. What the connection wants stands in the reply
	 * already, the rest is filled in. */
	void (*write)(struct api_later *l, struct buf *out, struct reply *reply);
	void (*free)(struct api_later *l);
};

/* For whoever has done it: tells who waits, or ends the object. */
static inline void api_later_done(struct api_later *l)
{
	if (l->answered)
		l->answered(l->ctx);
	else
		l->free(l);
}

#endif
