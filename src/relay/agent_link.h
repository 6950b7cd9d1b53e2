/*
 * A request for a link (docs/protocol.md, 1): refused with a sentence, or its connection becomes
 * the link of a new session or of one that goes on.
 */
#ifndef RELAY_AGENT_LINK_H
#define RELAY_AGENT_LINK_H

#include <stdbool.h>

#include "base/slice.h"
#include "wire/upgrade_accept.h"

struct http_head;
struct http_host;
struct stream;
struct worker;

struct agent_link_request {
	struct worker *worker;
	const struct http_head *head;
	const struct http_host *host; /* NULL when the request had none */
	struct stream **stream; /* where the connection has its stream; taken */
	struct slice peer; /* the socket's address */
	struct slice received; /* bytes behind the head */
	enum upgrade_kind kind;
	bool elsewhere; /* agents come to another port of this relay */
	bool authenticated; /* in and out: its signature was checked */
	const char *www_authenticate; /* out: of a 401 */
	unsigned status; /* out: of a refusal */
	const char *error; /* out: its X-Adit-Error */
};

enum agent_link_result {
	AGENT_LINK_TAKEN, /* the stream is gone */
	AGENT_LINK_REFUSED, /* the answer is in the worker's answer buffer */
	AGENT_LINK_MOVE, /* belongs to worker *home_out */
};

enum agent_link_result agent_link_accept(struct agent_link_request *r, unsigned *home_out);

#endif
