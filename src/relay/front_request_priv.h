/* The layout of a visitor's request, for the files that decide who answers it. */
#ifndef RELAY_FRONT_REQUEST_PRIV_H
#define RELAY_FRONT_REQUEST_PRIV_H

#include "proto/http1_body.h"
#include "proto/http_host.h"
#include "relay/front_request.h"

/* A request and what was found out about it. */
struct front_request {
	struct front *front; /* borrowed, as all that follows */
	struct slice *in; /* the connection's input, which begins with the head */
	struct http_head *head;
	struct http_target target;
	const struct http_host *host; /* NULL: it names none */
	bool upgrade;
	bool keep_alive;
	struct http1_body body;
	const struct exchange_events *events;
	unsigned home; /* the worker to move to, with FRONT_MOVE */
};

#endif
