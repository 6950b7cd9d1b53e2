/*
 * Answers that the relay gives on its own account, as whole HTTP/1.1 messages at the end of a
 * buffer. Nothing is kept between answers, so a client that asks for refusals as fast as it can
 * costs no memory. Pure: no clock, no log, no socket.
 */
#ifndef RELAY_REPLY_H
#define RELAY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "relay/accept.h"

struct http_head;
struct visitor_fault;

/* What has to be known of a request to answer it once its head is gone. */
struct reply_audience {
	enum accept_format format;
	bool head_only;
	bool http_1_0;
};

/* The request may be NULL when it could not be read: text then. */
struct reply_audience reply_audience_of(const struct http_head *request);

/* All borrowed; zero is a good default for every member but the status. */
struct reply {
	unsigned status;
	const char *reason; /* NULL or "": the usual one */
	const char *code; /* X-Adit-Error; NULL: none */
	struct slice content_type; /* set by the writers below */
	struct slice body;
	struct slice request_id; /* X-Request-Id; empty: none */
	uint64_t retry_after_s; /* 0: none */
	const char *allow;
	const char *location;
	const char *upgrade; /* the protocol that a 426 asks for */
	const char *www_authenticate;
	const char *content_security_policy;
	const char *referrer_policy;
	const struct slice *cookies; /* values of Set-Cookie */
	size_t cookie_count;
	bool head_only; /* the answer to HEAD: all fields, no body */
	bool close; /* the connection ends after this answer */
	bool say_keep_alive; /* it does not, and the client speaks HTTP/1.0 and has to be told */
};

/* With reply->content_type; a field value with control characters in it is left out. */
void reply_write(struct buf *out, const struct reply *reply);
/* The body is JSON already. */
void reply_write_json(struct buf *out, const struct reply *reply);
void reply_write_text(struct buf *out, const struct reply *reply);
/* 302 to reply->location, with a line of text as body; a status given is kept. */
void reply_write_redirect(struct buf *out, const struct reply *reply);
/* A page, JSON or text, as the audience likes to read. */
void reply_write_error(struct buf *out, const struct visitor_fault *fault,
	struct reply_audience audience, struct slice request_id, bool keep_alive);

#endif
