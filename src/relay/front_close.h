/* How a visitor's connection ends, and what it is told when its request is refused. */
#ifndef RELAY_FRONT_CLOSE_H
#define RELAY_FRONT_CLOSE_H

#include <stdbool.h>

#include "base/slice.h"
#include "relay/visitor_error.h"

struct front;
struct http_head;

/* At once; the stream is closed in order, or reset. */
void front_close_now(struct front *f, bool reset);
/*
 * After what is parked has gone out. Whatever the visitor still sends is read and thrown away
 * for a moment: a close with unread bytes would become a reset and could take the answer along.
 */
void front_close_gently(struct front *f);
/* Tells a client that waits with its body (RFC 9110, 10.1.1) to send it. */
void front_continue(struct front *f, const struct http_head *head);
/* The request stays in the input, and is read again when more is known. */
void front_ask(struct front *f);
/* Nothing that was asked about its request is waited for any more. */
void front_stop_asking(struct front *f);
/* The request's bytes are done with and may have held a password: overwrites them. */
void front_wipe(struct slice input);
/* Called by the events of a closing connection. */
void front_close_on_data(struct front *f, struct slice data);
void front_close_on_drained(struct front *f);

/* Writes bytes to the visitor and notes whether it is full. */
void front_write(struct front *f, struct slice data);
/* Answers with an error, records it, and closes unless keep_alive. head may be NULL. */
void front_answer_error(struct front *f, const struct visitor_fault *fault,
	const struct http_head *head, bool keep_alive);

#endif
