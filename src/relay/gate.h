/*
 * What stands between a request and its tunnel. Nothing of a request reaches the tunnel before it
 * has passed here, and what it passed with does not reach the tunnel at all (S103, S109).
 */
#ifndef RELAY_GATE_H
#define RELAY_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "relay/front_body.h"

/* Bodies of webhooks that a worker gathers at a time, each as large as it may be. */
#define GATE_WEBHOOKS_MAX 32u

struct gate_visit;
struct http_head;
struct http_host;
struct http_target;
struct tunnel;

/* All borrowed. */
struct gate_request {
	struct tunnel *tunnel; /* it has a gate */
	const struct http_head *head;
	const struct http_target *target;
	const struct http_host *host;
	struct slice peer; /* the socket's address */
	struct slice request_id;
	bool tls; /* the visitor came with TLS */
	bool keep_alive; /* the connection may go on after an answer of ours */
	bool has_body; /* the body was gathered: */
	struct slice body;
	struct gate_visit **visit; /* the owner's, NULL until the request has to wait */
	void (*again)(void *ctx); /* then: call once more; from the loop */
	void *ctx;
	struct slice path; /* out: what goes on, without a link's token; in the worker's scratch */
	struct front_body_room body_room; /* out, with GATE_NEEDS_BODY */
	unsigned status; /* out: of the answer */
	const char *error; /* out: its X-Adit-Error, or NULL */
};

enum gate_verdict {
	GATE_PASS,
	GATE_ANSWERED, /* the answer is in the worker's answer buffer */
	GATE_NEEDS_BODY, /* call again when the body has been gathered */
	GATE_WAIT, /* `again` will come; the owner ends that with gate_visit_free */
};

enum gate_verdict gate_check(struct gate_request *r);
/* Whether its rules let the address in, which is asked before anything else. */
bool gate_lets_in(const struct tunnel *t, const struct http_head *head, struct slice peer);

#endif
