/* Heads of frames, written into the tail. */
#include "proto/mux_head.h"

#include "proto/mux_priv.h"

static uint16_t mux_head_flags(struct mux_stream *s)
{
	uint16_t flags = 0;

	if (!s->syn_sent) {
		flags |= MUX_FLAG_SYN;
		s->syn_sent = true;
	}
	if (list_is_linked(&s->owing)) {
		flags |= MUX_FLAG_ACK;
		list_remove(&s->owing);
	}
	return flags;
}

void mux_head_put(struct mux_stream *s, uint8_t type, uint16_t flags, uint32_t length)
{
	struct mux *m = s->mux;
	struct mux_frame f = {.type = type,
		.flags = flags | mux_head_flags(s),
		.stream = s->id,
		.length = length};
	char *at = mux_tail_place(&m->tail, MUX_FRAME_HEAD);

	mux_frame_write(at, &f);
	s->frame_flags = at + MUX_FRAME_FLAGS_AT;
	s->frame_at = m->tail.end - MUX_FRAME_HEAD;
	mux_wake(m);
}

void mux_head_control(struct mux *m, const struct mux_frame *f)
{
	mux_frame_write(mux_tail_place(&m->tail, MUX_FRAME_HEAD), f);
	mux_wake(m);
}
