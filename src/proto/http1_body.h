/*
 * The framing of HTTP/1 bodies: one interpretation or none. http1_body_next walks the input and
 * gives the content in pieces, without copying and without buffering.
 */
#ifndef PROTO_HTTP1_BODY_H
#define PROTO_HTTP1_BODY_H

#include "proto/http_head.h"

enum http1_body_kind { HTTP1_BODY_NONE, HTTP1_BODY_LENGTH, HTTP1_BODY_CHUNKED, HTTP1_BODY_CLOSE };

enum http1_body_event {
	HTTP1_BODY_MORE, /* all input was used */
	HTTP1_BODY_DATA, /* a piece of content */
	HTTP1_BODY_TRAILERS, /* the last chunk was read; http1_parse_trailers reads on */
	HTTP1_BODY_END, /* no content left */
	HTTP1_BODY_BAD,
};

enum http1_chunk_state {
	HTTP1_CHUNK_SIZE_FIRST,
	HTTP1_CHUNK_SIZE,
	HTTP1_CHUNK_EXTENSION, /* the name of one begins */
	HTTP1_CHUNK_EXTENSION_NAME,
	HTTP1_CHUNK_EXTENSION_EQUALS, /* its value begins */
	HTTP1_CHUNK_EXTENSION_VALUE,
	HTTP1_CHUNK_EXTENSION_QUOTED,
	HTTP1_CHUNK_EXTENSION_ESCAPED,
	HTTP1_CHUNK_EXTENSION_END, /* behind a quoted value */
	HTTP1_CHUNK_SIZE_LF,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_DATA_CR,
	HTTP1_CHUNK_DATA_LF,
	HTTP1_CHUNK_LAST,
};

struct http1_body {
	enum http1_body_kind kind;
	enum http1_chunk_state chunk;
	enum http_fault fault;
	uint16_t extension; /* digits of the chunk size so far, then bytes of its extensions */
	uint64_t left; /* content still to come of the body, or of the chunk */
};

/* HTTP_FAULT_NONE, or why the framing is refused (RFC 9112, 6). */
enum http_fault http1_body_of_request(const struct http_head *head, struct http1_body *body_out);
/*
 * A response to a request with the given method: none for HEAD, 1xx, 204 and 304. The same
 * suspicion: contradictory lengths and codings are a fault, never a guess.
 */
enum http_fault http1_body_of_response(
	const struct http_head *head, enum http_method method, struct http1_body *body_out);

/* Takes what it reads off the front of *in. After END, TRAILERS or BAD it must not be called. */
enum http1_body_event http1_body_next(
	struct http1_body *body, struct slice *in, struct slice *data_out);

#endif
