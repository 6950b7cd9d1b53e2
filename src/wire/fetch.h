/*
 * One small HTTP request to a relay on a connection of its own, with a bound for the answer and a
 * limit for the time: what the agent asks a relay besides links. No redirect is followed.
 */
#ifndef WIRE_FETCH_H
#define WIRE_FETCH_H

#include "wire/uplink.h"

struct fetch;

/* All borrowed until the end. */
struct fetch_request {
	struct uplink_request way; /* where, how, the time for all, and more fields */
	const char *method; /* "GET" */
	const char *target; /* "/api/v1/me" */
	struct slice body; /* JSON; without a pointer there is none */
	size_t answer_max; /* bytes of the answer's body */
};

/* Texts are valid during the call. */
struct fetch_result {
	enum uplink_hop hop; /* UPLINK_DONE: there is an answer, whatever its status */
	int err;
	unsigned status;
	struct slice code; /* X-Adit-Error */
	unsigned retry_after_s;
	uint64_t date_s; /* the relay's clock, since 1970; 0: it does not say */
	struct slice body;
	struct slice detail; /* of an error: a sentence for people that names the hop */
};

typedef void (*fetch_done_fn)(void *ctx, const struct fetch_result *result);

/* done comes once, from the loop, unless fetch_cancel came first; it frees the request. */
struct fetch *fetch_start(
	struct loop *loop, const struct fetch_request *request, fetch_done_fn done, void *ctx);
void fetch_cancel(struct fetch **f);

#endif
