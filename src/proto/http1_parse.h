/*
 * The incremental, strict parser of HTTP/1 heads (RFC 9110, 9112). It allocates nothing and
 * refuses whatever two readers could read in two ways. After PARSE_MORE, call again with the same
 * bytes and more behind them; they may have moved in memory. The head means something after
 * PARSE_DONE only: between calls many messages may share one.
 */
#ifndef PROTO_HTTP1_PARSE_H
#define PROTO_HTTP1_PARSE_H

#include "proto/http_head.h"
#include "proto/parse.h"

struct http1_limits {
	uint32_t target; /* bytes of the request target */
	uint32_t head; /* bytes of the whole head */
	uint16_t fields; /* at most HTTP_FIELDS_MAX */
};

/* All zero is the start state; http1_parser_reset goes back to it. */
struct http1_parser {
	uint32_t line; /* where the first line not yet read begins */
	uint32_t scanned; /* up to where no line end was found */
	uint16_t fields; /* how many were read */
	bool started; /* the request or status line was read */
	bool has_host;
	enum http_fault fault;
};

static inline void http1_parser_reset(struct http1_parser *p)
{
	*p = (struct http1_parser) {0};
}

/*
 * One empty line before a request line is skipped (RFC 9112, 2.2) and counted in head->size.
 * Checked here: line ends, names, values, folding, version, Host (exactly one in 1.1, at most one
 * in 1.0), target characters. The framing is checked by http1_body_of_request.
 */
enum parse_result http1_parse_request(struct http1_parser *p, struct slice in,
	const struct http1_limits *limits, struct http_head *head);
enum parse_result http1_parse_response(struct http1_parser *p, struct slice in,
	const struct http1_limits *limits, struct http_head *head);
/*
 * The trailer section after the last chunk, with its empty line; fields that govern framing,
 * routing or authentication are refused there. The head is emptied first, like by the others.
 */
enum parse_result http1_parse_trailers(struct http1_parser *p, struct slice in,
	const struct http1_limits *limits, struct http_head *head);

#endif
