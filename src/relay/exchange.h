/*
 * One public request and its answer on the way through a tunnel. The exchange takes the request's
 * head and body from the visitor's connection, finds an upstream, and writes the answer to the
 * visitor's stream. It never learns what kind of tunnel it is.
 */
#ifndef RELAY_EXCHANGE_H
#define RELAY_EXCHANGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "proto/http1_body.h"
#include "relay/reply.h"

struct exchange;
struct http_head;
struct http_target;
struct stream;
struct tunnel;
struct worker;

/* Callbacks to the visitor's connection; they come from the loop, never inside a call. */
struct exchange_events {
	/* More of the request's body can be pushed. */
	void (*resume)(void *ctx);
	/* The answer is over. The callee frees the exchange. Without keep_alive the connection
	 * ends; with cut it ends so that the visitor sees that something is missing. */
	void (*done)(void *ctx, bool keep_alive, bool cut);
	/* An upgrade was agreed: hands over the bytes received behind the request's head. The
	 * visitor's stream belongs to the exchange from now on. */
	void (*upgraded)(void *ctx, struct buf *received_out);
};

struct exchange_visitor {
	struct stream **stream; /* where the owner keeps it; taken at an upgrade */
	struct slice peer; /* its socket address; must outlive the exchange */
	struct slice local; /* the address it came in by; must outlive the exchange */
	uint16_t peer_port;
	uint16_t local_port;
	bool tls; /* it came with TLS */
	const struct exchange_events *events;
	void *ctx;
};

/* What was found out about the request before it is given away. All of it may be borrowed. */
struct exchange_request {
	struct http_head *head; /* hop-by-hop fields are marked */
	const struct http_target *target;
	struct http1_body body;
	bool upgrade;
	bool keep_alive; /* the visitor would send more requests */
};

struct exchange *exchange_start(struct worker *w, struct tunnel *t,
	const struct exchange_visitor *visitor, const struct exchange_request *request);
/* Ends it, whatever its state; nothing is said to the visitor. */
void exchange_free(struct exchange **x);

/*
 * Takes request body off the front of *in. False: the body is malformed or too large, an answer
 * was written if that was possible, and `done` comes. Stops early when the upstream is full or
 * not there yet; `resume` follows.
 */
bool exchange_push(struct exchange *x, struct slice *in);
/* Whether exchange_push would take body now. */
bool exchange_takes_body(const struct exchange *x);
/* The request was received whole: what follows belongs to the next one. */
bool exchange_has_request(const struct exchange *x);
/* The visitor's stream has parked bytes, which matters to who writes to it next. */
bool exchange_filled_visitor(const struct exchange *x);
/* The visitor's stream had been full and has room again. */
void exchange_visitor_drained(struct exchange *x);
/* The visitor will send no more, but for what the owner still has of the body; it may still want
 * its answer. */
void exchange_visitor_ended(struct exchange *x, bool has_rest);

#endif
