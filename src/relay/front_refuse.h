/*
 * Refusals of visitors' requests: each is answered in the format that its sender reads, recorded,
 * and taken off the input, unless nobody can tell any more where the next one begins.
 */
#ifndef RELAY_FRONT_REFUSE_H
#define RELAY_FRONT_REFUSE_H

#include "proto/http_head.h"
#include "relay/front_request.h"
#include "relay/visitor_error.h"

struct front;
struct front_request;

/* One whose head or framing is malformed; the connection ends. No head: it could not be read. */
void front_refuse_bad(struct front *f, enum http_fault fault, const struct http_head *head);
/* One that is in order as HTTP. The connection goes on where the request has no body. */
enum front_action front_refuse(struct front_request *r, struct visitor_fault *fault);
/* The same, for an error that takes no more than its name. */
enum front_action front_refuse_with(struct front_request *r, enum visitor_error error);
/* One whose body front_body_read found bad. */
enum front_action front_refuse_body(struct front_request *r);
/* There is no descriptor with which it could go to another worker; its request was read last. */
void front_refuse_move(struct front *f);

#endif
