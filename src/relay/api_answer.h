/* How the relay's own paths answer: into the worker's answer buffer, with what the log wants. */
#ifndef RELAY_API_ANSWER_H
#define RELAY_API_ANSWER_H

#include "base/buf.h"
#include "relay/api.h"
#include "relay/reply.h"

#define API_GET_METHODS "HEAD, GET"
#define API_TOO_LARGE "The body is larger than 64 KiB." /* FRONT_BODY_MAX */

struct visitor_fault;

/* An answer to be filled in, as the request wants it. */
struct reply api_answer_reply(const struct api_request *r, unsigned status);
/* Notes for the log what the answer is, which was written already. */
enum api_result api_answer_note(struct api_request *r, const struct reply *reply);
/* The body is released. */
enum api_result api_answer_json(struct api_request *r, struct reply *reply, struct buf *body);
enum api_result api_answer_text(struct api_request *r, struct reply *reply, const char *text);
enum api_result api_answer_not_found(struct api_request *r);
/* S42: OPTIONS is answered, anything else that is not allowed is refused. */
enum api_result api_answer_wrong_method(struct api_request *r, const char *allow);
/* As visitors of tunnels are told: a page, JSON or text. */
enum api_result api_answer_fault(struct api_request *r, const struct visitor_fault *fault);
bool api_answer_is_get(const struct api_request *r);

#endif
