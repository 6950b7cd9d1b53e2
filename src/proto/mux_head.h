/* The heads of frames that go into the tail. Payload follows at once, by whoever put the head. */
#ifndef PROTO_MUX_HEAD_H
#define PROTO_MUX_HEAD_H

#include "proto/mux.h"
#include "proto/mux_frame.h"

/* Of one of the stream's frames: says along what the peer has not heard yet. */
void mux_head_put(struct mux_stream *s, uint8_t type, uint16_t flags, uint32_t length);
/* A frame that is nothing but a head, and may not wait for its turn. */
void mux_head_control(struct mux *m, const struct mux_frame *f);

#endif
