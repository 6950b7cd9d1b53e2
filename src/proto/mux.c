/*
 * The receiving half of a mux, and what is about the session as a whole: its link, its tail, its
 * pings. Payload is handed on in the pieces it comes in; nothing is collected for a reader that
 * reads.
 */
#include "proto/mux.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "proto/mux_priv.h"
#include "proto/mux_stream.h"

#define MUX_CREDIT_MAX 0x7fffffffu
#define MUX_ACK_EVERY 262144u /* received bytes; small talk rides on other output */
#define MUX_ACK_ALONG 4096u
#define MUX_URGENT_MAX 65536u /* a peer that floods with pings and does not read */
#define MUX_OUTPUT_MAX 524288u
#define MUX_OVERRUN_MAX 1048576u /* beyond tail_max: frames that nobody waits for */

struct mux *mux_new(const struct mux_conf *conf, const struct mux_events *events, void *ctx)
{
	struct mux *m = MEM_NEW(struct mux);

	CHECK(conf->window_max >= MUX_WINDOW_START && conf->tail_max >= MUX_WINDOW_START);
	m->conf = *conf;
	m->events = events;
	m->ctx = ctx;
	m->keeps = true;
	m->next_id = conf->role == MUX_CLIENT ? 1 : 2;
	m->window_start = m->window_hint = MUX_WINDOW_START;
	list_init(&m->ready);
	list_init(&m->pending);
	list_init(&m->owing);
	mux_tail_init(&m->tail);
	return m;
}

void mux_free(struct mux **m_ptr)
{
	struct mux *m = *m_ptr;

	if (!m)
		return;
	*m_ptr = NULL;
	CHECK(!m->streams.count && !m->parked && !m->window_grown);
	mux_table_deinit(&m->streams);
	mux_tail_deinit(&m->tail);
	buf_release(&m->urgent);
	mem_free(m);
}

void mux_end(struct mux *m)
{
	struct mux_stream *s;

	while ((s = mux_table_any(&m->streams)) != NULL)
		mux_stream_over(s);
}

/* ---- receiving ---- */

static int mux_fail(struct mux *m, enum mux_fault fault)
{
	struct mux_frame f = {.type = MUX_FRAME_GO_AWAY, .length = 1};

	if (m->fault != MUX_FAULT_NONE)
		return ERR_SYNTAX;
	m->fault = fault;
	if (fault != MUX_FAULT_GO_AWAY)
		mux_stream_control(m, &f);
	return ERR_SYNTAX;
}

static void mux_put_urgent(struct mux *m, const struct mux_frame *f, const char *payload)
{
	char head[MUX_FRAME_HEAD];

	mux_frame_write(head, f);
	buf_append(&m->urgent, head, sizeof(head));
	if (payload)
		buf_append(&m->urgent, payload, 8);
	mux_wake(m);
}

static void mux_acknowledge(struct mux *m)
{
	const struct mux_frame f = {.type = MUX_FRAME_ACK, .length = 8};
	char payload[8];

	if (!m->agreed || !m->linked || m->received_said == m->received ||
		buf_len(&m->urgent) > MUX_URGENT_MAX)
		return;
	m->received_said = m->received;
	mux_frame_write_u64(payload, m->received);
	mux_put_urgent(m, &f, payload);
}

static int mux_on_ping(struct mux *m)
{
	struct mux_frame answer = m->frame;

	if (m->frame.flags & MUX_FLAG_SYN) {
		if (buf_len(&m->urgent) > MUX_URGENT_MAX)
			return mux_fail(m, MUX_FAULT_FLOOD);
		answer.flags = MUX_FLAG_ACK;
		mux_put_urgent(m, &answer, NULL);
		return 0;
	}
	if (m->ping_open && m->frame.length == m->ping_value) {
		uint64_t rtt = m->now_us - m->ping_at;

		m->ping_open = false;
		m->rtt_us = m->rtt_us && m->rtt_us < rtt ? m->rtt_us : rtt;
		m->events->pong(m->ctx, rtt);
	}
	return 0;
}

static int mux_on_go_away(struct mux *m)
{
	if (m->frame.length)
		return mux_fail(m, MUX_FAULT_GO_AWAY);
	m->peer_leaves = true;
	m->events->go_away(m->ctx);
	return 0;
}

static int mux_on_ack(struct mux *m)
{
	uint64_t position = mux_frame_read_u64(m->ack);

	if (position < m->tail.acked || position > m->tail.high)
		return mux_fail(m, MUX_FAULT_ACK);
	if (m->keeps)
		mux_tail_ack(&m->tail, position);
	/* Streams may go on; or nothing is left to be kept, and the spare block may go. */
	if (!list_is_empty(&m->ready) || !mux_tail_held(&m->tail))
		mux_wake(m);
	return 0;
}

static void mux_refuse(struct mux *m, uint32_t id)
{
	const struct mux_frame f = {.type = MUX_FRAME_WINDOW, .flags = MUX_FLAG_RST, .stream = id};

	mux_stream_control(m, &f);
}

static int mux_on_syn(struct mux *m)
{
	uint32_t id = m->frame.stream;
	struct mux_stream *s;

	if (!id || mux_is_own(m, id))
		return mux_fail(m, MUX_FAULT_STREAM_ID);
	if (mux_table_get(&m->streams, id))
		return mux_fail(m, MUX_FAULT_STREAM_EXISTS);
	s = m->peer_streams < m->conf.max_streams ? m->events->make(m->ctx) : NULL;
	if (!s) {
		mux_refuse(m, id);
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
static int mux_on_fin(struct mux_stream *s)
{
	if (s->fin_seen)
		return mux_fail(s->mux, MUX_FAULT_CLOSED);
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

static int mux_on_credit(struct mux_stream *s, uint32_t more)
{
	if (more > MUX_CREDIT_MAX - s->send_credit)
		return mux_fail(s->mux, MUX_FAULT_WINDOW);
	if (more)
		mux_stream_credit(s, more);
	return 0;
}

static void mux_deliver(struct mux *m, struct slice data)
{
	struct mux_stream *s = m->current;

	if (!s)
		return;
	if (s->released) { /* nobody is there to read it */
		m->current = NULL;
		mux_stream_control(m,
			&(struct mux_frame) {
				.type = MUX_FRAME_WINDOW, .flags = MUX_FLAG_RST, .stream = s->id});
		mux_stream_over(s);
		return;
	}
	if (s->reading && !buf_len(&s->in)) {
		m->events->data(s, data);
		if (m->current == s)
			mux_stream_consumed(s);
		return;
	}
	buf_append_slice(&s->in, data);
	m->parked += data.len;
	if (!s->reading) {
		s->stalled = true;
		m->window_hint = m->window_start;
	}
}

/* What a frame of a stream says besides its payload; FIN waits for the end of that. */
static int mux_on_stream_frame(struct mux *m)
{
	const struct mux_frame *f = &m->frame;
	bool data = f->type == MUX_FRAME_DATA;
	struct mux_stream *s;
	int err = f->flags & MUX_FLAG_SYN ? mux_on_syn(m) : 0;

	if (err)
		return err;
	s = m->current = mux_table_get(&m->streams, f->stream);
	if (!s)
		return 0;
	if (f->flags & MUX_FLAG_RST) {
		m->current = NULL;
		mux_stream_over(s);
		return 0;
	}
	if (!data)
		err = mux_on_credit(s, f->length);
	else if (f->length > s->recv_credit)
		err = mux_fail(m, MUX_FAULT_WINDOW);
	else if (f->length && s->fin_seen)
		err = mux_fail(m, MUX_FAULT_CLOSED);
	else
		s->recv_credit -= f->length;
	return err;
}

/* The frame's payload is whole, or it has none. */
static int mux_on_frame_end(struct mux *m)
{
	struct mux_stream *s = m->current;

	m->current = NULL;
	if (m->frame.type == MUX_FRAME_ACK)
		return mux_on_ack(m);
	if (s && m->frame.flags & MUX_FLAG_FIN)
		return mux_on_fin(s);
	return 0;
}

static int mux_on_head(struct mux *m)
{
	int err;

	m->frame = mux_frame_read(m->head);
	m->head_len = 0;
	m->payload_left = 0;
	if (m->frame.version)
		return mux_fail(m, MUX_FAULT_VERSION);
	switch (m->frame.type) {
	case MUX_FRAME_DATA:
		m->payload_left = m->frame.length;
		break;
	case MUX_FRAME_ACK:
		if (!m->agreed || m->frame.length != sizeof(m->ack))
			return mux_fail(m, MUX_FAULT_TYPE);
		m->payload_left = m->frame.length;
		return 0;
	case MUX_FRAME_PING:
		return mux_on_ping(m);
	case MUX_FRAME_WINDOW:
		break;
	case MUX_FRAME_GO_AWAY:
		m->received += MUX_FRAME_HEAD;
		return mux_on_go_away(m);
	default:
		return mux_fail(m, MUX_FAULT_TYPE);
	}
	m->received += MUX_FRAME_HEAD;
	err = mux_on_stream_frame(m);
	if (!err && !m->payload_left)
		err = mux_on_frame_end(m);
	return err;
}

static int mux_take_head(struct mux *m, struct slice *in)
{
	size_t n = MUX_FRAME_HEAD - m->head_len;

	if (n > in->len)
		n = in->len;
	memcpy(m->head + m->head_len, in->ptr, n);
	m->head_len = (uint8_t)(m->head_len + n);
	*in = slice_from(*in, n);
	return m->head_len == MUX_FRAME_HEAD ? mux_on_head(m) : 0;
}

static int mux_take_payload(struct mux *m, struct slice *in)
{
	struct slice piece = slice_first(*in, m->payload_left);

	*in = slice_from(*in, piece.len);
	m->payload_left -= (uint32_t)piece.len;
	if (m->frame.type == MUX_FRAME_ACK) {
		memcpy(m->ack + sizeof(m->ack) - m->payload_left - piece.len, piece.ptr, piece.len);
	} else {
		m->received += piece.len;
		mux_deliver(m, piece);
	}
	return m->payload_left ? 0 : mux_on_frame_end(m);
}

/* Refusals, resets and window updates wait for no turn: a peer that causes them, and reads or
 * acknowledges nothing, would have them pile up. */
static bool mux_is_overrun(const struct mux *m)
{
	return mux_tail_held(&m->tail) > (uint64_t)m->conf.tail_max + MUX_OVERRUN_MAX;
}

int mux_receive(struct mux *m, struct slice data, uint64_t now_us)
{
	int err = m->fault != MUX_FAULT_NONE ? ERR_SYNTAX : 0;
	uint32_t link = m->link;

	m->now_us = now_us;
	while (!err && data.len && m->linked && m->link == link) {
		err = m->payload_left ? mux_take_payload(m, &data) : mux_take_head(m, &data);
		if (!err && mux_is_overrun(m))
			err = mux_fail(m, MUX_FAULT_FLOOD);
	}
	if (m->received - m->received_said >= MUX_ACK_EVERY)
		mux_acknowledge(m);
	return err;
}

enum mux_fault mux_fault_of(const struct mux *m)
{
	return m->fault;
}

const char *mux_fault_text(enum mux_fault fault)
{
	static const char *const texts[] = {
		[MUX_FAULT_NONE] = "no fault",
		[MUX_FAULT_VERSION] = "a frame of another version",
		[MUX_FAULT_TYPE] = "a frame of an unknown type",
		[MUX_FAULT_STREAM_EXISTS] = "a stream was opened twice",
		[MUX_FAULT_STREAM_ID] = "a stream was opened under the other side's number",
		[MUX_FAULT_WINDOW] = "more was sent than a window allows",
		[MUX_FAULT_ACK] = "an acknowledgement of what was never sent",
		[MUX_FAULT_CLOSED] = "bytes behind a stream's end",
		[MUX_FAULT_GO_AWAY] = "the other side found a fault of ours",
		[MUX_FAULT_FLOOD] = "a flood of streams or pings",
	};

	return texts[fault];
}

/* ---- sending ---- */

size_t mux_output(struct mux *m, struct slice *parts, size_t count)
{
	size_t n = 0;

	m->urgent_out = false;
	m->output = 0;
	if (!m->linked)
		return 0;
	mux_stream_fill(m);
	if (mux_tail_unsent(&m->tail) && m->received - m->received_said >= MUX_ACK_ALONG)
		mux_acknowledge(m);
	if (buf_len(&m->urgent) && m->tail.sent >= m->urgent_after) {
		m->urgent_out = true;
		parts[n++] = buf_slice(&m->urgent);
	}
	n += mux_tail_output(&m->tail, parts + n, count - n, MUX_OUTPUT_MAX);
	for (size_t i = m->urgent_out; i < n; i++)
		m->output += parts[i].len;
	return n;
}

void mux_sent(struct mux *m)
{
	if (m->urgent_out)
		buf_release(&m->urgent);
	m->urgent_out = false;
	mux_tail_sent(&m->tail, m->output);
	m->output = 0;
	if (mux_tail_unsent(&m->tail) && m->urgent_after < m->tail.end)
		m->urgent_after = m->tail.end; /* it was cut, perhaps inside a frame */
	if (!m->keeps)
		mux_tail_ack(&m->tail, m->tail.sent);
}

bool mux_has_output(const struct mux *m)
{
	return m->linked &&
		(mux_tail_unsent(&m->tail) || (!list_is_empty(&m->ready) && mux_link_is_ready(m)) ||
			(buf_len(&m->urgent) && m->tail.sent >= m->urgent_after));
}

/* What reading again brings: first the bytes, then the end. */
static void mux_tell_received(struct mux *m, struct mux_stream *s)
{
	struct buf in = s->in;

	if (buf_len(&in)) {
		buf_init(&s->in);
		m->parked -= buf_len(&in);
		m->events->data(s, buf_slice(&in));
		buf_release(&in);
		if (!m->told)
			return;
		mux_stream_consumed(s);
	}
	if (s->reading && s->fin_seen && !s->fin_told) {
		s->fin_told = true;
		m->events->ended(s);
	}
}

static void mux_tell(struct mux *m, struct mux_stream *s)
{
	bool drained = s->drained && !s->released && !buf_len(&s->out);

	s->drained = false;
	if (drained) {
		s->full = false;
		m->events->writable(s);
	}
	if (m->told && s->reading)
		mux_tell_received(m, s);
}

bool mux_tick(struct mux *m, uint64_t now_us)
{
	struct list round;
	struct list *node;

	m->now_us = now_us;
	list_init(&round);
	list_splice(&round, &m->pending);
	while ((node = list_pop(&round)) != NULL) {
		struct mux_stream *s = CONTAINER_OF(node, struct mux_stream, pending);

		if (mux_stream_is_done(s)) {
			mux_stream_over(s);
			continue;
		}
		m->told = s;
		mux_tell(m, s);
		m->told = NULL;
	}
	if (!mux_tail_held(&m->tail))
		mux_tail_rest(&m->tail);
	return !list_is_empty(&m->owing);
}

void mux_accept(struct mux *m)
{
	while (!list_is_empty(&m->owing))
		mux_stream_accept(CONTAINER_OF(m->owing.next, struct mux_stream, owing));
}

void mux_ping(struct mux *m, uint64_t now_us)
{
	struct mux_frame f = {.type = MUX_FRAME_PING, .flags = MUX_FLAG_SYN};

	if (!m->linked)
		return;
	f.length = ++m->ping_value;
	m->ping_open = true;
	m->ping_at = now_us;
	mux_acknowledge(m);
	mux_put_urgent(m, &f, NULL);
}

void mux_go_away(struct mux *m)
{
	const struct mux_frame f = {.type = MUX_FRAME_GO_AWAY};

	mux_stream_control(m, &f);
}

/* ---- resuming ---- */

void mux_agree(struct mux *m, bool resume, uint32_t window)
{
	m->agreed = resume;
	m->keeps = resume;
	/* The peer understands acknowledgements once it knows of this: behind what was written. */
	if (m->urgent_after < m->tail.end)
		m->urgent_after = m->tail.end;
	if (!resume)
		mux_tail_ack(&m->tail, m->tail.sent);
	if (window)
		m->window_start = m->window_hint = window;
}

void mux_link_lost(struct mux *m)
{
	m->linked = false;
	m->head_len = 0;
	m->ping_open = false;
	buf_release(&m->urgent);
	if (m->frame.type == MUX_FRAME_ACK)
		m->payload_left = 0;
}

int mux_link_found(struct mux *m, uint64_t peer_received)
{
	if (peer_received < m->tail.acked || peer_received > m->tail.high)
		return ERR_RANGE;
	mux_tail_ack(&m->tail, peer_received);
	mux_tail_rewind(&m->tail, peer_received);
	m->urgent_after = m->tail.end;
	m->received_said = m->received;
	m->linked = true;
	m->link++;
	mux_wake(m);
	return 0;
}

uint64_t mux_received(const struct mux *m)
{
	return m->received;
}

size_t mux_memory(const struct mux *m)
{
	return m->parked + (size_t)mux_tail_held(&m->tail) + buf_len(&m->urgent);
}

unsigned mux_stream_count(const struct mux *m)
{
	return m->streams.count;
}
