/* What an uplink says and hears in HTTP: requests as bytes, and answers judged. No I/O. */
#ifndef WIRE_UPLINK_HTTP_H
#define WIRE_UPLINK_HTTP_H

#include "proto/http1_parse.h"
#include "proto/http_head.h"

#define UPLINK_HTTP_HEAD_MAX 16384u /* of an answer, with interim ones before it */

struct buf;
struct uplink_request;
struct uplink_result;

/* To the proxy: a connection to the relay. */
void uplink_http_write_connect(struct buf *out, const struct uplink_request *request);
/* To the relay: a link. The key is for WebSocket framing only. */
void uplink_http_write_request(
	struct buf *out, const struct uplink_request *request, const char *key);
/* For the Host field: without the port that the scheme has anyway. */
void uplink_http_write_host_value(struct buf *out, const struct uplink_request *request);
/* "relay.example.com:443", an IPv6 address in brackets. */
void uplink_http_write_authority(struct buf *out, const struct uplink_request *request);

/* All zero is the start state. */
struct uplink_answer {
	struct http1_parser parser;
	size_t skipped; /* bytes of interim answers */
	struct http_head head;
};

/* Called with all bytes so far. PARSE_DONE: the head is there, slices into these bytes. */
enum parse_result uplink_answer_read(struct uplink_answer *a, struct slice in);
/* After PARSE_DONE: what stands behind the head. */
struct slice uplink_answer_rest(const struct uplink_answer *a, struct slice in);
/* NULL when it is the link that was asked for; otherwise a clause for people. */
const char *uplink_answer_fault(
	const struct uplink_answer *a, const struct uplink_request *request, const char *key);
/* Fills in what the fields of the answer say. */
void uplink_answer_tell(const struct uplink_answer *a, struct uplink_result *result);

#endif
