/* Which fields end at the next hop (RFC 9110, 7.6.1). */
#ifndef PROTO_HTTP_HOP_H
#define PROTO_HTTP_HOP_H

#include "proto/http_head.h"

/*
 * Marks the fields that may not be passed on: Connection and whatever it nominates, Keep-Alive,
 * Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, TE, Transfer-Encoding, Upgrade. A
 * Connection field cannot nominate away Host, Content-Length, or the fields this relay sets
 * itself (X-Forwarded-*, X-Request-Id, Forwarded).
 */
void http_hop_mark(struct http_head *head);
/* Whether the sender will keep its connection open after this message (RFC 9112, 9.3). */
bool http_hop_keeps_alive(const struct http_head *head);
/* Whether the request asks for an upgrade that may be passed on: HTTP/1.1, GET or any bodiless
 * method, Connection nominates Upgrade, and there is an Upgrade field. */
bool http_hop_wants_upgrade(const struct http_head *head);

#endif
