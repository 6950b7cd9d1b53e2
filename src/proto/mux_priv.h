/* The layout of a mux, for the files that implement it. */
#ifndef PROTO_MUX_PRIV_H
#define PROTO_MUX_PRIV_H

#include "proto/mux.h"
#include "proto/mux_frame.h"
#include "proto/mux_table.h"
#include "proto/mux_tail.h"

/* The most that a peer may have been given. */
#define MUX_CREDIT_MAX 0x7fffffffu
/* So much may wait for the link in the order it came; beyond it streams take turns. */
#define MUX_UNSENT_MIN 65536u
#define MUX_UNSENT_MAX 1048576u /* while the link takes whatever it is given */
/* Credit beyond this is never granted at once to a stream that has not shown its speed. */
#define MUX_HINT_MAX 1048576u

struct mux {
	struct mux_conf conf;
	const struct mux_events *events; /* borrowed */
	void *ctx; /* borrowed */
	struct mux_table streams;
	struct list ready; /* streams with something to send and credit for it */
	struct list pending; /* streams that are to be told something */
	struct list owing; /* streams whose SYN was not answered yet */
	struct mux_tail tail;
	uint64_t rest_at; /* its end at the last ping */
	struct buf urgent; /* pings and acknowledgements: not part of the tail */
	uint64_t urgent_after; /* the link is in the middle of a frame until there */
	size_t parked; /* bytes in the streams' buffers */
	enum mux_fault fault;
	bool linked;
	uint32_t link; /* counts links: an event may bring another one */
	bool keeps; /* the tail is kept until acknowledged */
	bool agreed; /* and acknowledgements may be sent */
	bool peer_leaves; /* no new streams, please */
	bool urgent_out; /* the last output began with it */
	size_t output; /* how much of the tail it had */
	uint32_t unsent_max; /* so much may wait for the link in the order it came */

	/* receiving */
	char head[MUX_FRAME_HEAD];
	uint8_t head_len;
	struct mux_frame frame; /* whose payload comes */
	uint32_t payload_left;
	char ack[8];
	struct mux_stream *current; /* whose payload comes; NULL: nobody's */
	struct mux_stream *told; /* whose owner is being told something */
	uint32_t frames; /* received, whatever they are */
	uint64_t received;
	uint64_t received_said;
	uint64_t now_us;

	/* streams */
	uint32_t next_id;
	uint32_t peer_streams;
	uint32_t window_start;
	uint32_t window_hint; /* what new streams of ours begin with */
	uint32_t window_grown; /* of the budget */

	/* round trips */
	uint32_t ping_value;
	bool ping_open;
	uint64_t ping_at;
	uint64_t rtt_us; /* the shortest over this link; 0: not known */
};

static inline void mux_wake(struct mux *m)
{
	m->events->wake(m->ctx);
}

/* Whether streams may hand it more. */
static inline bool mux_link_is_ready(const struct mux *m)
{
	return m->linked && mux_tail_unsent(&m->tail) < m->unsent_max &&
		mux_tail_has_room(&m->tail, m->conf.tail_max);
}

static inline bool mux_is_own(const struct mux *m, uint32_t id)
{
	return (id & 1) == (m->conf.role == MUX_CLIENT ? 1u : 0u);
}

#endif
