/* What is about the session as a whole: its link, its tail, its ends, and what is told later. */
#include "proto/mux.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "proto/mux_priv.h"
#include "proto/mux_receive.h"
#include "proto/mux_stream.h"
#include "proto/mux_urgent.h"
#include "proto/mux_window.h"

#define MUX_ACK_EVERY 262144u /* received bytes; small talk rides on other output */
#define MUX_ACK_ALONG 4096u
#define MUX_OUTPUT_MAX 524288u

struct mux *mux_new(const struct mux_conf *conf, const struct mux_events *events, void *ctx)
{
	struct mux *m = MEM_NEW(struct mux);

	CHECK(conf->window_max >= MUX_WINDOW_START && conf->tail_max >= MUX_WINDOW_START);
	m->conf = *conf;
	m->events = events;
	m->ctx = ctx;
	m->keeps = true;
	m->unsent_max = MUX_UNSENT_MIN;
	m->next_id = conf->role == MUX_CLIENT ? 1 : 2;
	m->window_start = m->window_hint = MUX_WINDOW_START;
	list_init(&m->ready);
	list_init(&m->pending);
	list_init(&m->owing);
	mux_tail_init(&m->tail, conf->tails);
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

int mux_receive(struct mux *m, struct slice data, uint64_t now_us)
{
	int err;

	m->now_us = now_us;
	err = mux_receive_bytes(m, data);
	if (m->received - m->received_said >= MUX_ACK_EVERY)
		mux_urgent_acknowledge(m);
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
		mux_urgent_acknowledge(m);
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

void mux_link_took(struct mux *m, bool all)
{
	if (!all)
		m->unsent_max = MUX_UNSENT_MIN;
	else if (m->unsent_max < MUX_UNSENT_MAX)
		m->unsent_max *= 2;
}

bool mux_has_output(const struct mux *m)
{
	return m->linked &&
		(mux_tail_unsent(&m->tail) || (!list_is_empty(&m->ready) && mux_link_is_ready(m)) ||
			(buf_len(&m->urgent) && m->tail.sent >= m->urgent_after));
}

/* In pieces: what a reader does not take at once stays here, where it uses up the window. */
static void mux_tell_parked(struct mux *m, struct mux_stream *s)
{
	struct buf in = s->in;

	buf_init(&s->in);
	while (buf_len(&in) && m->told && s->reading) {
		struct slice piece = slice_first(buf_slice(&in), s->piece);

		m->parked -= piece.len;
		m->events->data(s, piece);
		buf_consume(&in, piece.len);
	}
	if (m->told && !(s->released && buf_len(&in))) {
		buf_fit(&in);
		s->in = in;
		mux_window_consumed(s);
		return;
	}
	m->parked -= buf_len(&in);
	if (m->told)
		mux_stream_unread(s);
	buf_release(&in);
}

/* What reading again brings: first the bytes, then the end. */
static void mux_tell_received(struct mux *m, struct mux_stream *s)
{
	if (buf_len(&s->in))
		mux_tell_parked(m, s);
	else
		mux_window_consumed(s);
	if (!m->told)
		return;
	if (s->reading && s->fin_seen && !s->fin_told && !buf_len(&s->in)) {
		s->fin_told = true;
		m->events->ended(s);
	}
	if (m->told && s->fin_told && s->reset_seen)
		mux_stream_over(s);
}

static void mux_tell(struct mux *m, struct mux_stream *s)
{
	bool drained = s->drained && !s->released && !buf_len(&s->out);

	s->drained = false;
	if (drained) {
		s->full = false;
		m->events->writable(s);
	}
	if (m->told && (s->reading || s->released))
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
		if (s->unread) {
			mux_stream_unread(s);
			continue;
		}
		m->told = s;
		mux_tell(m, s);
		m->told = NULL;
	}
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

	if (!m->linked || buf_len(&m->urgent) > MUX_URGENT_MAX)
		return;
	if (m->tail.end == m->rest_at) /* nothing was said since the last one */
		mux_tail_rest(&m->tail);
	m->rest_at = m->tail.end;
	mux_table_fit(&m->streams);
	f.length = ++m->ping_value;
	m->ping_open = true;
	m->ping_at = now_us;
	mux_urgent_acknowledge(m);
	mux_urgent_put(m, &f, NULL);
}

void mux_go_away(struct mux *m)
{
	const struct mux_frame f = {.type = MUX_FRAME_GO_AWAY};

	mux_head_control(m, &f);
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
	mux_window_expect(m);
}

void mux_link_lost(struct mux *m)
{
	m->linked = false;
	m->head_len = 0;
	m->ping_open = false;
	m->rtt_us = 0; /* the next link may go another way */
	m->window_hint = m->window_start; /* where what was right here is only memory */
	mux_tail_rest(&m->tail); /* it may be parked for long */
	buf_release(&m->urgent);
	if (m->frame.type == MUX_FRAME_ACK)
		m->payload_left = 0;
}

bool mux_can_continue(const struct mux *m, uint64_t peer_received)
{
	return peer_received >= m->tail.acked && peer_received <= m->tail.high;
}

int mux_link_found(struct mux *m, uint64_t peer_received)
{
	if (!mux_can_continue(m, peer_received))
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

uint32_t mux_frames(const struct mux *m)
{
	return m->frames;
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
