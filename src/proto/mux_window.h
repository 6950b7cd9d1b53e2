/* How much a stream's peer may send: its receive window, and the credit given out of it. */
#ifndef PROTO_MUX_WINDOW_H
#define PROTO_MUX_WINDOW_H

#include "proto/mux.h"

/* The link's round trip is known: over a long way new streams begin with what 100 Mbit/s would have
 * under way, since growing there takes as many round trips as the transfer. */
void mux_window_expect(struct mux *m);
/* By how much the windows of streams that have not shown their speed may still grow together. */
uint32_t mux_window_spare(const struct mux *m);
void mux_window_widen(struct mux_stream *s, uint32_t more);
/* Whether the peer should hear of what was read. */
bool mux_window_owes(const struct mux_stream *s);
/* Tells the peer all that it may send. */
void mux_window_say(struct mux_stream *s);
/* Its reader stopped while bytes come. */
void mux_window_stall(struct mux_stream *s);
/* The owner has read something: tells the peer once it is worth a frame. */
void mux_window_consumed(struct mux_stream *s);

#endif
