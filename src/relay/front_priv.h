/* The layout of a visitor's connection, for the files that implement it. */
#ifndef RELAY_FRONT_PRIV_H
#define RELAY_FRONT_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "proto/http1_parse.h"
#include "relay/front.h"

struct exchange;
struct front_body;
struct front_wait;
struct gate_hash;
struct gate_visit;
struct stream;
struct worker;

enum front_state {
	FRONT_HEAD, /* a request's head is awaited, or arriving */
	FRONT_ASKING, /* a request stays in the input until something is known about it */
	FRONT_BODY, /* the exchange takes the request's body */
	FRONT_BUSY, /* the request is whole, the answer is under way */
	FRONT_WAITING, /* the relay itself is not done with the request */
	FRONT_PIPED, /* upgraded: the exchange has the stream */
	FRONT_CLOSING, /* the last answer goes out; what comes in is thrown away */
	FRONT_GONE, /* about to be freed */
};

/* Where a connection comes from, for as long as it is there. */
struct front_origin {
	enum front_door door;
	uint16_t peer_port;
	uint16_t local_port;
	char peer[ADDR_TEXT_MAX];
	char local[ADDR_TEXT_MAX]; /* the address it came in by */
};

/* What is known of the request at the front of the input, however often that is looked at. */
struct front_known {
	bool head_started; /* a byte of the head came: its clock runs */
	bool authenticated; /* its signature was checked on another worker */
	bool nameless; /* and the name that it asks for refused there */
	bool admitted; /* it was counted by the tunnel's meter */
};

struct front {
	struct list node; /* in the worker's list */
	struct list handshake; /* in the worker's list until TLS is ready */
	struct worker *worker; /* borrowed */
	struct stream *stream; /* owned */
	struct exchange *exchange; /* owned; NULL between requests */
	struct buf inbox; /* received, not used yet */
	struct http1_parser parser;
	struct timeout timeout;
	struct loop_task grave; /* frees it at the end of the turn */
	struct loop_task next; /* goes on with requests that others came in between of */
	enum front_state state;
	struct front_body *body; /* owned; of a request to the relay itself */
	struct gate_visit *visit; /* owned; of a request that waits, or has waited, at a gate */
	struct gate_hash *hash; /* owned; of a request for a tunnel with a password */
	void (*again)(void *ctx); /* looks at the request once more that was asked about */
	struct front_wait *wait; /* owned; while its answer is awaited */
	uint32_t discarded; /* bytes thrown away while closing */
	uint32_t turn; /* of the loop, in which its last request was begun with */
	struct front_origin from;
	struct front_known known;
	uint8_t turn_requests; /* and how many others */
	bool put_off; /* it had its share of this turn */
	bool full; /* the stream has parked bytes */
	bool moved; /* another worker has the connection */
	bool ended; /* the visitor half-closed */
	bool answered; /* it had a request before */
	bool says_close; /* the visitor will send no request after this one */
};

#endif
