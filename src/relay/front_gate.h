/* A visitor's request at the gate of its tunnel: passed, answered, or waiting. */
#ifndef RELAY_FRONT_GATE_H
#define RELAY_FRONT_GATE_H

#include <stdbool.h>

#include "base/slice.h"

struct front;
struct gate_request;
struct http1_body;

enum front_gate_result {
	FRONT_GATE_OPEN, /* on to the tunnel; nothing was taken off the input */
	FRONT_GATE_ANSWERED, /* the request was taken off the input */
	FRONT_GATE_WAITS, /* nothing was; it is looked at again later */
	FRONT_GATE_BAD_BODY, /* the body that it asked for: see front_body_read */
};

/* The connection waits in FRONT_ASKING while a password is looked at; its input stays where it is.
 */
enum front_gate_result front_gate_check(struct front *f, struct gate_request *about,
	const struct http1_body *framing, struct slice *in);

#endif
