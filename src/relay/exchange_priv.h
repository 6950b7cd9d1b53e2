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

struct exchange {
	struct worker *worker; /* borrowed */
	struct tunnel *tunnel; /* ref */
	struct exchange_visitor visitor;
	struct upstream *up; /* held while it is taken */
	struct pump *pump; /* owned, once upgraded */
	const struct stream_events *up_events; /* borrowed */
	enum exchange_state state;
	enum exchange_response_part part;

	/* the request */
	struct slice head; /* as sent; kept for another try and for the log */
	char *long_head; /* owned; NULL when it stands in head_room */
	uint32_t method_len;
	uint32_t path_len;
	enum http_method method;
	struct http1_body body;
	uint64_t body_bytes;
	struct http1_parser trailer_parser;
	uint8_t minor;
	uint8_t retries;
	uint8_t rests;
	bool upgrade;
	bool keep_alive;
	bool request_whole; /* all of it was received */
	bool in_trailers;
	bool chunked_request;
	bool up_full; /* the upstream takes no more body until drained */
	bool holding; /* the body waits until the head was read */
	bool body_sent; /* a byte of the body went out: no second try */
	bool visitor_half_closed;

	/* the answer */
	struct http1_parser parser;
	struct http1_body response_body;
	struct buf inbox; /* an unfinished head or trailer section */
	bool response_started; /* the final head was passed on */
	bool response_seen; /* a byte of an answer came */
	bool up_reusable;
	bool chunked_response;
	bool close_delimited; /* only the end of the connection ends the body */
	bool visitor_full;
	bool done_keep_alive;
	bool done_cut;
	uint8_t interim_count;

	struct timeout timeout;
	struct timeout left_timeout; /* a half-closed visitor waits */
	struct timeout rest_timeout; /* the head travels alone */
	struct tunnel_waiter waiter;
	struct meter_visit visit; /* while it waits, neither side is read */
	struct loop_task done_task;
	struct reply_audience audience;

	/* for the log */
	uint64_t start_us;
	uint64_t first_byte_us;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint16_t status;
	const char *error; /* an X-Adit-Error code */
	enum access_end ended;
	struct slice client; /* the visitor's address: the socket's, or what a trusted proxy said */
	char *client_text; /* owned; for the latter */
	uint8_t request_id_len;
	char request_id[EXCHANGE_REQUEST_ID_MAX];
	char head_room[EXCHANGE_HEAD_ROOM];
};

#endif
