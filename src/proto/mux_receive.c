/*
 * The receiving half of a mux. Payload is handed on in the pieces it comes in; nothing is collected
 * for a reader that reads.
 */
#include "proto/mux_receive.h"

#include "base/err.h"
#include "proto/mux_priv.h"
#include "proto/mux_stream.h"
#include "proto/mux_urgent.h"
#include "proto/mux_window.h"

#define MUX_OVERRUN_MAX 1048576u /* beyond tail_max: frames that wait for no turn */

static int mux_receive_fail(struct mux *m, enum mux_fault fault)
{
	struct mux_frame f = {.type = MUX_FRAME_GO_AWAY, .length = 1};

	if (m->fault != MUX_FAULT_NONE)
		return ERR_SYNTAX;
	m->fault = fault;
	if (fault != MUX_FAULT_GO_AWAY)
		mux_head_control(m, &f);
	return ERR_SYNTAX;
}

static int mux_receive_on_ping(struct mux *m)
{
	struct mux_frame answer = m->frame;

	if (m->frame.flags & MUX_FLAG_SYN) {
		if (buf_len(&m->urgent) > MUX_URGENT_MAX)
			return mux_receive_fail(m, MUX_FAULT_FLOOD);
		answer.flags = MUX_FLAG_ACK;
		mux_urgent_put(m, &answer, NULL);
		return 0;
	}
	if (m->ping_open && m->frame.length == m->ping_value) {
		uint64_t rtt = m->now_us - m->ping_at;

		m->ping_open = false;
		if (!m->rtt_us) {
			m->rtt_us = rtt;
			mux_window_expect(m);
		} else if (rtt < m->rtt_us) {
			m->rtt_us = rtt;
		}
		m->events->pong(m->ctx, rtt);
	}
	return 0;
}

static int mux_receive_on_go_away(struct mux *m)
{
	if (m->frame.length)
		return mux_receive_fail(m, MUX_FAULT_GO_AWAY);
	m->peer_leaves = true;
	m->events->go_away(m->ctx);
	return 0;
}

static int mux_receive_on_ack(struct mux *m)
{
	uint64_t position = mux_frame_read_u64(m->ack);

	if (position < m->tail.acked || position > m->tail.high)
		return mux_receive_fail(m, MUX_FAULT_ACK);
	if (m->keeps)
		mux_tail_ack(&m->tail, position);
	if (!list_is_empty(&m->ready))
		mux_wake(m);
	return 0;
}

static int mux_receive_on_syn(struct mux *m)
{
	uint32_t id = m->frame.stream;
	struct mux_stream *s;

	if (!id || mux_is_own(m, id))
		return mux_receive_fail(m, MUX_FAULT_STREAM_ID);
	if (mux_table_get(&m->streams, id))
		return mux_receive_fail(m, MUX_FAULT_STREAM_EXISTS);
	s = m->peer_streams < m->conf.max_streams ? m->events->make(m->ctx) : NULL;
	if (!s) {
		mux_stream_refuse(m, id);
		return 0;
	}
	mux_stream_enter(m, s, id);
	m->peer_streams++;
	s->syn_sent = true;
	list_append(&m->owing, &s->owing);
	m->events->opened(m->ctx, s);
	mux_wake(m);
	return 0;
}

/* The peer will send no more. */
static int mux_receive_on_fin(struct mux_stream *s)
{
	if (s->fin_seen)
		return mux_receive_fail(s->mux, MUX_FAULT_CLOSED);
	s->fin_seen = true;
	if (s->released) {
		if (s->fin_sent)
			mux_stream_over(s);
		return 0;
	}
	if (s->reading && !buf_len(&s->in)) {
		s->fin_told = true;
		s->mux->events->ended(s);
	}
	return 0;
}

static int mux_receive_on_credit(struct mux_stream *s, uint32_t more)
{
	if (more > MUX_CREDIT_MAX - s->send_credit)
		return mux_receive_fail(s->mux, MUX_FAULT_WINDOW);
	if (more)
		mux_stream_credit(s, more);
	return 0;
}

/* Whether its reader wants it in pieces: it is parked then, and told at the next tick. */
static bool mux_receive_is_large(const struct mux_stream *s, struct slice data)
{
	return data.len > s->piece && s->piece < MUX_PIECE_MAX;
}

static void mux_receive_deliver(struct mux *m, struct slice data)
{
	struct mux_stream *s = m->current;

	if (!s)
		return;
	if (s->released) { /* nobody is there to read it */
		mux_stream_unread(s);
		return;
	}
	if (s->reading && !buf_len(&s->in) && !mux_receive_is_large(s, data)) {
		m->events->data(s, data);
		if (m->current == s)
			mux_window_consumed(s);
		return;
	}
	buf_append_slice(&s->in, data);
	m->parked += data.len;
	if (s->reading)
		mux_stream_pend(s);
	else
		mux_window_stall(s);
}

/* A peer that has finished, and wants no more, takes nothing back of what it said. */
static void mux_receive_on_rst(struct mux_stream *s)
{
	if (s->fin_seen && !s->fin_told && !s->released)
		s->reset_seen = true;
	else
		mux_stream_over(s);
}

/* What a frame of a stream says besides its payload; FIN waits for the end of that. */
static int mux_receive_on_stream_frame(struct mux *m)
{
	const struct mux_frame *f = &m->frame;
	bool data = f->type == MUX_FRAME_DATA;
	struct mux_stream *s;
	int err = f->flags & MUX_FLAG_SYN ? mux_receive_on_syn(m) : 0;

	if (err)
		return err;
	s = m->current = mux_table_get(&m->streams, f->stream);
	if (!s)
		return 0;
	if (f->flags & MUX_FLAG_RST || s->reset_seen) {
		m->current = NULL;
		mux_receive_on_rst(s);
		return 0;
	}
	if (!data)
		err = mux_receive_on_credit(s, f->length);
	else if (f->length > s->recv_credit)
		err = mux_receive_fail(m, MUX_FAULT_WINDOW);
	else if (f->length && s->fin_seen)
		err = mux_receive_fail(m, MUX_FAULT_CLOSED);
	else
		s->recv_credit -= f->length;
	return err;
}

/* The frame's payload is whole, or it has none. */
static int mux_receive_on_frame_end(struct mux *m)
{
	struct mux_stream *s = m->current;

	m->current = NULL;
	if (m->frame.type == MUX_FRAME_ACK)
		return mux_receive_on_ack(m);
	if (s && m->frame.flags & MUX_FLAG_FIN)
		return mux_receive_on_fin(s);
	return 0;
}

static int mux_receive_on_head(struct mux *m)
{
	int err;

	m->frame = mux_frame_read(m->head);
	m->frames++;
	m->head_len = 0;
	m->payload_left = 0;
	if (m->frame.version)
		return mux_receive_fail(m, MUX_FAULT_VERSION);
	switch (m->frame.type) {
	case MUX_FRAME_DATA:
		m->payload_left = m->frame.length;
		break;
	case MUX_FRAME_ACK:
		if (!m->agreed || m->frame.length != sizeof(m->ack))
			return mux_receive_fail(m, MUX_FAULT_TYPE);
		m->payload_left = m->frame.length;
		return 0;
	case MUX_FRAME_PING:
		return mux_receive_on_ping(m);
	case MUX_FRAME_WINDOW:
		break;
	case MUX_FRAME_GO_AWAY:
		m->received += MUX_FRAME_HEAD;
		return mux_receive_on_go_away(m);
	default:
		return mux_receive_fail(m, MUX_FAULT_TYPE);
	}
	m->received += MUX_FRAME_HEAD;
	err = mux_receive_on_stream_frame(m);
	if (!err && !m->payload_left)
		err = mux_receive_on_frame_end(m);
	return err;
}

static int mux_receive_take_head(struct mux *m, struct slice *in)
{
	size_t n = MUX_FRAME_HEAD - m->head_len;

	if (n > in->len)
		n = in->len;
	memcpy(m->head + m->head_len, in->ptr, n);
	m->head_len = (uint8_t)(m->head_len + n);
	*in = slice_from(*in, n);
	return m->head_len == MUX_FRAME_HEAD ? mux_receive_on_head(m) : 0;
}

static int mux_receive_take_payload(struct mux *m, struct slice *in)
{
	struct slice piece = slice_first(*in, m->payload_left);

	*in = slice_from(*in, piece.len);
	m->payload_left -= (uint32_t)piece.len;
	if (m->frame.type == MUX_FRAME_ACK) {
		memcpy(m->ack + sizeof(m->ack) - m->payload_left - piece.len, piece.ptr, piece.len);
	} else {
		m->received += piece.len;
		mux_receive_deliver(m, piece);
	}
	return m->payload_left ? 0 : mux_receive_on_frame_end(m);
}

/* Refusals, resets and window updates wait for no turn: a peer that causes them, and reads or
 * acknowledges nothing, would have them pile up. */
static bool mux_receive_is_overrun(const struct mux *m)
{
	return mux_tail_held(&m->tail) > (uint64_t)m->conf.tail_max + MUX_OVERRUN_MAX;
}

int mux_receive_bytes(struct mux *m, struct slice data)
{
	int err = m->fault != MUX_FAULT_NONE ? ERR_SYNTAX : 0;
	uint32_t link = m->link;

	while (!err && data.len && m->linked && m->link == link) {
		err = m->payload_left ? mux_receive_take_payload(m, &data)
				      : mux_receive_take_head(m, &data);
		if (!err && mux_receive_is_overrun(m))
			err = mux_receive_fail(m, MUX_FAULT_FLOOD);
	}
	return err;
}
