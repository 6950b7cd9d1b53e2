/* The request's way to the agent: finding an upstream, the head, the body, another try. */
#ifndef RELAY_EXCHANGE_SEND_H
#define RELAY_EXCHANGE_SEND_H

#include <stdbool.h>

#include "base/slice.h"

struct exchange;
struct timeout;
struct tunnel_waiter;

/* Takes an upstream and sends the head, or waits for one; may end the exchange with an error. */
void exchange_send_start(struct exchange *x);
/*
 * The upstream is lost before any byte of an answer came. True when the request was given another
 * try: only if that cannot make something happen twice.
 */
bool exchange_send_again(struct exchange *x);
/* Passes on body from the front of *in, as far as the upstream takes it. False: it was refused
 * and the exchange ended. */
bool exchange_send_body(struct exchange *x, struct slice *in);

/* Starts the clock that fits how far the request is. */
void exchange_send_arm(struct exchange *x);

/* For the waiter and the timeout of a waiting exchange. */
void exchange_send_on_ready(struct tunnel_waiter *waiter);
void exchange_send_on_closed(struct tunnel_waiter *waiter);
void exchange_send_on_timeout(struct timeout *timeout);
/* The head had a moment to be read by itself. */
void exchange_send_on_rested(struct timeout *timeout);

#endif
