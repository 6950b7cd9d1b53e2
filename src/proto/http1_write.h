/* Serialising HTTP/1 heads and chunks from parsed parts. */
#ifndef PROTO_HTTP1_WRITE_H
#define PROTO_HTTP1_WRITE_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/http_head.h"

#define HTTP1_CHUNK_HEAD_MAX 20

void http1_write_request_line(struct buf *out, struct slice method, struct slice target);
/* Always as HTTP/1.1. An empty reason is replaced by the usual one, if there is one. */
void http1_write_status_line(struct buf *out, unsigned status, struct slice reason);

static inline char *http1_put(char *at, struct slice s)
{
	if (s.len)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

/* Here, because most names are known where it is called, and cost no call then. */
static inline void http1_write_field(struct buf *out, struct slice name, struct slice value)
{
	size_t len = name.len + 2 + value.len + 2;
	char *at = buf_reserve(out, len);

	at = http1_put(at, name);
	at = http1_put(at, SLICE(": "));
	at = http1_put(at, value);
	http1_put(at, SLICE("\r\n"));
	out->end += (uint32_t)len;
}

void http1_write_field_u64(struct buf *out, struct slice name, uint64_t value);
/* RFC 9110, 6.6.1; seconds since 1970. */
void http1_write_date(struct buf *out, uint64_t seconds);
void http1_write_head_end(struct buf *out);
/*
 * Fields as they were parsed. Those that stand side by side as they would be written anew are
 * copied in one piece; after the last one comes http1_run_end, and before anything else is written.
 */
struct http1_run {
	struct buf *out; /* borrowed */
	struct slice text; /* borrowed: not copied yet */
};
void http1_run_add(struct http1_run *r, const struct http_field *field);
void http1_run_end(struct http1_run *r);
/* All fields that are not marked as hop-by-hop, in order, as they came. */
void http1_write_fields(struct buf *out, const struct http_head *head);
/* "<hex size>\r\n"; returns its length. */
size_t http1_write_chunk_head(char out[HTTP1_CHUNK_HEAD_MAX], uint64_t size);
/* An empty string when there is no usual one. */
const char *http1_reason_of(unsigned status);

#endif
