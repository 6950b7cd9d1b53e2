/* The answer's way from the agent to the visitor. */
#ifndef RELAY_EXCHANGE_RECEIVE_H
#define RELAY_EXCHANGE_RECEIVE_H

#include "io/stream.h"

struct exchange;

/* What the upstream's stream reports, with the exchange as context. */
extern const struct stream_events exchange_receive_events;

/* A half-closed visitor may be gone: the answer shall not pause for long. */
void exchange_receive_watch_left(struct exchange *x);

#endif
