/*
 * Reads one whole HTTP/1 message the way the relay does, piece by piece, and writes down what it
 * understood, so that two readings can be compared as text. Used by unit tests, fuzzers and the
 * differential test. Each piece makes the unread bytes move to a block of exactly their size, so
 * that a sanitizer sees stale pointers and reads behind the end.
 */
#ifndef SUPPORT_HTTP1_WALK_H
#define SUPPORT_HTTP1_WALK_H

#include "base/buf.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"

enum http1_walk_state { HTTP1_WALK_HEAD, HTTP1_WALK_BODY, HTTP1_WALK_TRAILERS, HTTP1_WALK_END };

struct http1_walk {
	bool is_response;
	enum http_method method; /* of the request, when this is a response */
	struct http1_limits limits;
	enum http1_walk_state state;
	enum http_fault fault; /* at the end: why it was refused, or none */
	size_t size; /* bytes of the message so far, without what follows it */
	struct buf text; /* owned: what was understood */
	struct buf content; /* owned */
	char *bytes; /* owned: not read yet */
	size_t len;
	struct http1_parser parser;
	struct http1_body body;
	struct http_head head;
};

void http1_walk_init(struct http1_walk *w, bool is_response, const struct http1_limits *limits);
void http1_walk_deinit(struct http1_walk *w);
/* False when the message is over: read whole or refused. */
bool http1_walk_feed(struct http1_walk *w, struct slice piece);
/* The sender is done: a body that lasts until then is whole now. */
void http1_walk_close(struct http1_walk *w);
/* Whether two readings came to the same, including how far they got. */
bool http1_walk_same(const struct http1_walk *a, const struct http1_walk *b);

#endif
