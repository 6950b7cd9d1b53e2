/* The way of a request to its service: over a kept connection or a new one, once or twice. */
#ifndef AGENT_LOCAL_HTTP_SEND_H
#define AGENT_LOCAL_HTTP_SEND_H

#include <stdbool.h>

#include "base/slice.h"

struct local_visitor;

/* The head is in v->head; rest is what came behind it. */
void local_http_send_start(struct local_visitor *v, struct slice rest);
/* More of the request's body, or what came early behind a request for an upgrade. */
void local_http_send_more(struct local_visitor *v, struct slice data);
/* The service takes more. */
void local_http_send_drained(struct local_visitor *v);
/* Whether all of the request came. */
bool local_http_send_is_whole(const struct local_visitor *v);
/* Another try after the connection went without an answer; false if there may be none. */
bool local_http_send_again(struct local_visitor *v);

#endif
