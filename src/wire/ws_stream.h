/*
 * A WebSocket (RFC 6455) as a stream: the bytes are the payloads of binary messages, whose borders
 * mean nothing. The handshake is over when this begins. Pings are answered, a close is answered
 * and ends the stream in order; text, and whatever breaks the protocol, fails it.
 */
#ifndef WIRE_WS_STREAM_H
#define WIRE_WS_STREAM_H

#include "io/stream.h"

struct loop;

enum ws_role { WS_CLIENT, WS_SERVER };

/* Takes the lower stream. */
struct stream *ws_stream_new(struct loop *loop, struct stream **lower, enum ws_role role);
/* Bytes that came together with the handshake; at most once, before reading starts, which is when
 * they are delivered, from the loop. */
void ws_stream_feed(struct stream *s, struct slice received);

#endif
