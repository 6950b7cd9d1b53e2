/*
 * What changes in a message's head on its way through: hop-by-hop fields go, the visitor's
 * address and the request's id come, the framing is written anew (D25).
 */
#ifndef RELAY_EXCHANGE_HEAD_H
#define RELAY_EXCHANGE_HEAD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

struct http_head;
struct relay_conf;

struct exchange_head_request {
	const struct http_head *head; /* hop-by-hop fields are marked */
	const struct relay_conf *conf;
	struct slice path; /* with the query */
	struct slice authority; /* of an absolute-form target: takes the place of Host; or empty */
	struct slice peer; /* the visitor's socket address */
	struct slice request_id;
	bool chunked; /* the body is sent in chunks */
	bool upgrade; /* Connection and Upgrade go along */
	bool tls; /* the visitor came with TLS to us */
	bool gated; /* credentials and cookies are the gate's: they stay here */
};

struct exchange_head_response {
	const struct http_head *head; /* hop-by-hop fields are marked */
	bool chunked; /* the body is sent in chunks */
	bool close; /* the visitor's connection ends after it */
	bool keep_alive; /* must be said, for HTTP/1.0 visitors */
	bool upgrade; /* a 101: Connection and Upgrade go along */
	bool drop_length; /* a Content-Length would be wrong or is replaced */
};

void exchange_head_write_request(struct buf *out, const struct exchange_head_request *r);
void exchange_head_write_response(struct buf *out, const struct exchange_head_response *r);

#endif
