/*
 * The sending half of a mux: what mux.c needs of it besides the operations on
 * streams that mux.h shows.
 */
#ifndef PROTO_MUX_STREAM_H
#define PROTO_MUX_STREAM_H

#include "proto/mux.h"
#include "proto/mux_frame.h"
#include "proto/mux_head.h"

/* Puts it into the mux, with windows and no frame sent. */
void mux_stream_enter(struct mux *m, struct mux_stream *s, uint32_t id);
/* Takes it out of the mux and gives its buffers back. */
void mux_stream_leave(struct mux_stream *s);
/* Takes it out and calls what its owner waits for. */
void mux_stream_over(struct mux_stream *s);
/* Its owner has let go of it, and there is more that nobody will read: the peer hears so, behind
 * what was said to it. */
void mux_stream_unread(struct mux_stream *s);
/* Moves what waits into the tail, in turn, as far as the link is ready for more. */
void mux_stream_fill(struct mux *m);
/* More credit came. */
void mux_stream_credit(struct mux_stream *s, uint32_t more);
/* What the peer should hear without waiting for data to go with: that the stream was accepted. */
void mux_stream_accept(struct mux_stream *s);

/* Nobody takes what comes on it. */
static inline void mux_stream_refuse(struct mux *m, uint32_t id)
{
	const struct mux_frame f = {.type = MUX_FRAME_WINDOW, .flags = MUX_FLAG_RST, .stream = id};

	mux_head_control(m, &f);
}

/* Has the owner told at the next tick. */
void mux_stream_pend(struct mux_stream *s);
/* Both sides are done, and nobody listens. */
bool mux_stream_is_done(const struct mux_stream *s);

#endif
