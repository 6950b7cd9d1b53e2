/*
 * The relay's side of opening a link (docs/protocol.md, 1): whether a request asks for one, and
 * the 101 that gives it. Who may have one is the caller's business.
 */
#ifndef WIRE_UPGRADE_ACCEPT_H
#define WIRE_UPGRADE_ACCEPT_H

#include "base/slice.h"

struct buf;
struct http_head;

enum upgrade_kind {
	UPGRADE_NONE, /* nothing of the kind, or a handshake that is not well-formed */
	UPGRADE_PLAIN, /* the session's bytes as they are */
	UPGRADE_WEBSOCKET, /* the session's bytes in binary messages: ws_stream_new */
};

/* Path and method are looked at as well: only GET /_adit/session is one, with or without a query.
 */
enum upgrade_kind upgrade_kind_of(const struct http_head *head);
/* Appends the whole 101. The kind is what upgrade_kind_of said of this head; fields are more
 * fields, each with its line end. */
void upgrade_write_answer(
	struct buf *out, enum upgrade_kind kind, const struct http_head *head, struct slice fields);

#endif
