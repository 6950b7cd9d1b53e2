/*
 * Connections beyond what a pool holds. They are told so in HTTP and closed a second later, because
 * the npm client dials again the moment a socket closes.
 */
#ifndef RELAY_LT_SURPLUS_H
#define RELAY_LT_SURPLUS_H

#include "base/list.h"

struct stream;
struct worker;

struct lt_surplus {
	struct worker *worker; /* borrowed */
	struct list sockets; /* owned; the oldest first */
	unsigned count;
};

/* What such a connection is told of the pool. */
struct lt_surplus_reason {
	unsigned max; /* sockets that it may have */
	unsigned now; /* that it has */
	unsigned idle; /* of these */
	unsigned waiting; /* requests that wait for one */
};

void lt_surplus_init(struct lt_surplus *s, struct worker *w);
/* Takes the stream. */
void lt_surplus_refuse(
	struct lt_surplus *s, struct stream *stream, const struct lt_surplus_reason *why);
void lt_surplus_drop_all(struct lt_surplus *s);

#endif
