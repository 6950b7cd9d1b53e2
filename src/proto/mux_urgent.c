/* Written into a buffer of their own, which mux_output puts in front between two frames. */
#include "proto/mux_urgent.h"

#include "proto/mux_priv.h"

void mux_urgent_put(struct mux *m, const struct mux_frame *f, const char *payload)
{
	char head[MUX_FRAME_HEAD];

	mux_frame_write(head, f);
	buf_append(&m->urgent, head, sizeof(head));
	if (payload)
		buf_append(&m->urgent, payload, 8);
	mux_wake(m);
}

void mux_urgent_acknowledge(struct mux *m)
{
	const struct mux_frame f = {.type = MUX_FRAME_ACK, .length = 8};
	char payload[8];

	if (!m->agreed || !m->linked || m->received_said == m->received ||
		buf_len(&m->urgent) > MUX_URGENT_MAX)
		return;
	m->received_said = m->received;
	mux_frame_write_u64(payload, m->received);
	mux_urgent_put(m, &f, payload);
}
