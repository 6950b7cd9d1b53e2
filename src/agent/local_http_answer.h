/* What a service says to a request. */
#ifndef AGENT_LOCAL_HTTP_ANSWER_H
#define AGENT_LOCAL_HTTP_ANSWER_H

#include "io/stream.h"

/* Of the service's stream while it is busy with a request; the context is the visitor. */
extern const struct stream_events local_http_answer_events;

#endif
