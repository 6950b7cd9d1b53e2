/* The layout of an exchange, for the files that implement it. */
#ifndef RELAY_EXCHANGE_PRIV_H
#define RELAY_EXCHANGE_PRIV_H

#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"
#include "relay/access_log.h"
#include "relay/exchange.h"
#include "relay/meter.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

struct pump;

#define EXCHANGE_REQUEST_ID_MAX 64 /* of a trusted proxy; a longer one is not taken over */

#define EXCHANGE_HEAD_ROOM 512u /* most heads have room without an allocation of their own */

enum exchange_state {
	EXCHANGE_WAITING, /* for an upstream */
	EXCHANGE_SENT, /* the head is on its way, no byte of an answer came */
	EXCHANGE_RESPONDING, /* the final head was passed on, or 1xx */
	EXCHANGE_PIPED, /* upgraded: the pump has both streams */
	EXCHANGE_OVER,
};

/* What the response is going through. */
enum exchange_response_part { RESPONSE_HEAD, RESPONSE_BODY, RESPONSE_TRAILERS };

/* What is needed while a request and its answer are read: an upgraded connection does without. */
struct exchange_work {
	struct exchange *exchange; /* the one it belongs to */
	struct timeout left_timeout; /* a half-closed visitor waits */
	struct timeout rest_timeout; /* the head travels alone */
	struct tunnel_waiter waiter;

	/* the request */
	struct http1_body body;
	uint64_t body_bytes;
	struct http1_parser trailer_parser;

	/* the answer */
	struct http1_parser parser;
	struct http1_body response_body;
	struct buf inbox; /* an unfinished head or trailer section */
	uint8_t interim_count;

	char head_room[EXCHANGE_HEAD_ROOM]; /* not zeroed */
};

/* Members are packed: there is one for each idle upgraded connection. */
struct exchange {
	struct worker *worker; /* borrowed */
	struct tunnel *tunnel; /* ref */
	struct exchange_visitor visitor;
	struct upstream *up; /* held while it is taken */
	struct pump *pump; /* owned, once upgraded */
	const struct stream_events *up_events; /* borrowed */
	struct exchange_work *work; /* owned, of the worker's pool; NULL once upgraded */
	enum exchange_state state;
	enum exchange_response_part part;

	/* the request */
	struct slice head; /* as sent; kept for another try and for the log */
	char *own_head; /* owned; NULL while it stands in head_room */
	uint32_t method_len;
	uint32_t path_len;
	enum http_method method;
	uint8_t minor;
	uint8_t retries;
	uint8_t rests;
	bool upgrade : 1;
	bool keep_alive : 1;
	bool request_whole : 1; /* all of it was received */
	bool in_trailers : 1;
	bool chunked_request : 1;
	bool up_full : 1; /* the upstream takes no more body until drained */
	bool holding : 1; /* the body waits until the head was read */
	bool was_sent : 1; /* its head went out, once at least */
	bool body_sent : 1; /* a byte of the body went out: no second try */
	bool visitor_half_closed : 1;

	/* the answer */
	bool response_started : 1; /* the final head was passed on */
	bool response_seen : 1; /* a byte of an answer came */
	bool up_reusable : 1;
	bool chunked_response : 1;
	bool close_delimited : 1; /* only the end of the connection ends the body */
	bool visitor_full : 1;
	bool done_keep_alive : 1;
	bool done_cut : 1;

	struct timeout timeout;
	struct meter_visit visit; /* while it waits, neither side is read */
	struct loop_task done_task;
	struct reply_audience audience;

	/* for the log */
	uint64_t start_us;
	uint64_t first_byte_us;
	uint64_t bytes_in;
	uint64_t bytes_out;
	const char *error; /* an X-Adit-Error code */
	enum access_end ended;
	uint16_t status;
	uint8_t request_id_len;
	struct slice client; /* the visitor's address: the socket's, or what a trusted proxy said */
	struct slice source; /* likewise, but what nobody behind that proxy could choose */
	char *client_text; /* owned; for both of the latter */
	const char *request_id; /* our own, or what a trusted proxy said */
	char *long_id; /* owned; for the latter */
	char id_room[WORKER_REQUEST_ID_LEN];
};

#endif
