/*
 * What the relay answers on its own account: creation, status, health, metrics, landing page
 * (S34-S43, S75, S87-S89). One request in, one answer at the end of a buffer out.
 */
#ifndef RELAY_API_H
#define RELAY_API_H

#include <stdbool.h>

#include "base/slice.h"
#include "relay/auth.h"

struct api_later;
struct gate_hash;
struct http_head;
struct http_host;
struct http_target;
struct worker;

struct api_request {
	struct worker *worker;
	const struct http_head *head;
	const struct http_target *target;
	const struct http_host *host; /* NULL when the request had none */
	struct slice peer; /* the socket's address */
	struct slice body;
	bool too_large; /* the body was, and is not there; the connection cannot be kept */
	bool admin; /* it came in by the admin port */
	bool is_monitor; /* or by the metrics port */
	bool is_operator; /* or by the admin socket */
	bool authenticated; /* a worker it was at before has checked its signature */
	bool nameless; /* and found the name that it asks for to be somebody else's */
	bool keep_alive;
	struct gate_hash **hash; /* of the password of a tunnel that is created; the caller's */
	void (*again)(void *ctx); /* after API_WAIT: ask again, with the same hash */
	void *ctx;
	struct auth auth; /* out: who asks for a tunnel */
	unsigned status; /* out: of the answer */
	const char *error; /* out: its X-Adit-Error, or NULL */
	struct api_later *later; /* out, with API_LATER: the caller's */
	bool quiet; /* out: not worth a line in the access log */
};

enum api_result {
	API_ANSWERED, /* the answer is in the worker's answer buffer */
	API_WAIT, /* `again` comes when more is known */
	API_MOVE, /* belongs to worker *home_out */
	API_LATER, /* the answer is not there yet */
};

/* Whether the path is one whose requests take a body. */
bool api_takes_body(const struct http_head *head, struct slice path);
enum api_result api_handle(struct api_request *r, unsigned *home_out);

#endif
