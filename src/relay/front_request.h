/* What a request that was just read is for, and who answers it. */
#ifndef RELAY_FRONT_REQUEST_H
#define RELAY_FRONT_REQUEST_H

#include "base/slice.h"

struct exchange_events;
struct front;

enum front_action {
	FRONT_ON, /* the head was taken off the input; the connection's state says what follows */
	FRONT_WAIT, /* more must be received before the request can be answered */
	FRONT_MOVE, /* it belongs to worker *home_out; nothing was taken off the input */
	FRONT_LATER, /* the name's tunnel will be here in a moment; nothing was taken off either */
};

/*
 * The head stands in the worker's request_head and at the front of *in. Starts an exchange with
 * the given events, or answers.
 */
enum front_action front_request_handle(struct front *f, struct slice *in,
	const struct exchange_events *events, unsigned *home_out);

#endif
