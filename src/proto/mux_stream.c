/*
 * Writing goes straight into the tail while the link keeps up; when it does not, or credit is
 * missing, bytes stay with their stream and streams take turns.
 */
#include "proto/mux_stream.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "proto/mux_head.h"
#include "proto/mux_priv.h"
#include "proto/mux_window.h"

#define MUX_PLACE_MIN 16384u /* for less it is not worth leaving the rest of a block empty */
#define MUX_TURN_ALONE 65536u /* a frame of a stream that waits alone */

/* ---- coming and going ---- */

/* FIN goes into the stream's last frame if that was not sent, else into one of its own: always so
 * for stock peers, some of which take it before the payload that it stands behind. */
static void mux_stream_fin(struct mux_stream *s)
{
	struct mux *m = s->mux;

	s->fin_sent = true;
	if (m->agreed && s->frame_flags && s->frame_at >= m->tail.high)
		*s->frame_flags = (char)(*s->frame_flags | (char)MUX_FLAG_FIN);
	else
		mux_head_put(s, MUX_FRAME_WINDOW, MUX_FLAG_FIN, 0);
	if (mux_stream_is_done(s))
		mux_stream_pend(s);
}

void mux_stream_enter(struct mux *m, struct mux_stream *s, uint32_t id)
{
	list_init(&s->ready);
	list_init(&s->pending);
	list_init(&s->owing);
	s->mux = m;
	s->id = id;
	s->send_credit = s->recv_credit = s->recv_window = m->window_start;
	s->credit_at = m->now_us;
	s->piece = MUX_PIECE_MAX;
	mux_table_put(&m->streams, s);
}

void mux_stream_leave(struct mux_stream *s)
{
	struct mux *m = s->mux;

	list_remove(&s->ready);
	list_remove(&s->pending);
	list_remove(&s->owing);
	mux_table_remove(&m->streams, s);
	if (m->current == s)
		m->current = NULL;
	if (m->told == s)
		m->told = NULL;
	if (!mux_is_own(m, s->id))
		m->peer_streams--;
	m->window_grown -= s->recv_grown;
	m->parked -= buf_len(&s->in) + buf_len(&s->out);
	buf_release(&s->in);
	if (s->id == MUX_STREAM_FIRST && s->out.base)
		mem_wipe(s->out.base, s->out.cap);
	buf_release(&s->out);
	s->frame_flags = NULL;
	s->mux = NULL;
}

void mux_stream_over(struct mux_stream *s)
{
	struct mux *m = s->mux;
	bool released = s->released;

	mux_stream_leave(s);
	if (released)
		m->events->gone(s);
	else
		m->events->reset(s);
}

void mux_stream_unread(struct mux_stream *s)
{
	s->unread = true;
	if (buf_len(&s->out)) {
		mux_window_consumed(s); /* the peer may be waiting with its own end, too */
		return;
	}
	mux_stream_refuse(s->mux, s->id);
	mux_stream_over(s);
}

bool mux_stream_is_done(const struct mux_stream *s)
{
	return s->released && s->fin_sent && s->fin_seen;
}

void mux_stream_pend(struct mux_stream *s)
{
	if (list_is_linked(&s->pending))
		return;
	list_append(&s->mux->pending, &s->pending);
	mux_wake(s->mux);
}

bool mux_open(struct mux *m, struct mux_stream *s)
{
	uint32_t extra = m->window_hint - m->window_start;

	if (m->peer_leaves || m->fault != MUX_FAULT_NONE || m->next_id > UINT32_MAX - 3u)
		return false;
	mux_stream_enter(m, s, m->next_id);
	m->next_id += 2;
	if (extra && extra <= mux_window_spare(m))
		mux_window_widen(s, extra); /* the peer hears of it behind the first frame */
	return true;
}

/* ---- sending ---- */

/* Whether bytes may go past those who wait for their turn. */
static bool mux_stream_may_send(const struct mux_stream *s)
{
	return !buf_len(&s->out) && list_is_empty(&s->mux->ready) && s->send_credit &&
		mux_link_is_ready(s->mux);
}

static void mux_stream_queue(struct mux_stream *s)
{
	if (list_is_linked(&s->ready) || !buf_len(&s->out) || !s->send_credit)
		return;
	if (s->id == MUX_STREAM_FIRST)
		list_prepend(&s->mux->ready, &s->ready);
	else
		list_append(&s->mux->ready, &s->ready);
	mux_wake(s->mux);
}

/* The first stream is the one that speaks of keys and passwords. */
static void mux_stream_put(struct mux_stream *s, struct slice data)
{
	if (s->id == MUX_STREAM_FIRST)
		mux_tail_append_secret(&s->mux->tail, data);
	else
		mux_tail_append(&s->mux->tail, data);
}

static size_t mux_stream_send_now(struct mux_stream *s, const struct slice *parts, size_t total)
{
	size_t len = total < s->send_credit ? total : s->send_credit, left;
	bool opens = !s->syn_sent;

	if (len > MUX_FRAME_ALONE)
		len = MUX_FRAME_ALONE;
	mux_tail_redeem(&s->mux->tail, MUX_FRAME_HEAD, parts[0]);
	mux_head_put(s, MUX_FRAME_DATA, 0, (uint32_t)len);
	left = len;
	for (size_t i = 0; left; i++) {
		struct slice part = slice_first(parts[i], left);

		mux_stream_put(s, part);
		left -= part.len;
	}
	s->send_credit -= (uint32_t)len;
	if (opens)
		mux_window_say(s);
	return len;
}

bool mux_stream_write(struct mux_stream *s, const struct slice *parts, size_t count)
{
	size_t total = 0, sent = 0;

	if (!s->mux || s->fin_wanted)
		return false;
	if (s->reset_seen) /* nobody is there to take it; `reset` comes */
		return !buf_len(&s->out);
	for (size_t i = 0; i < count; i++)
		total += parts[i].len;
	if (total && mux_stream_may_send(s))
		sent = mux_stream_send_now(s, parts, total);
	if (sent == total)
		return !buf_len(&s->out);
	s->mux->parked += total - sent;
	for (size_t i = 0; i < count; i++) {
		size_t skip = sent < parts[i].len ? sent : parts[i].len;

		buf_append_slice(&s->out, slice_from(parts[i], skip));
		sent -= skip;
	}
	s->full = true;
	mux_stream_queue(s);
	return false;
}

size_t mux_stream_room(const struct mux_stream *s)
{
	const struct mux *m = s->mux;
	size_t room;

	if (!m || !mux_stream_may_send(s))
		return 0;
	room = m->conf.tail_max - (size_t)mux_tail_held(&m->tail);
	if (room > m->unsent_max - mux_tail_unsent(&m->tail))
		room = m->unsent_max - (size_t)mux_tail_unsent(&m->tail);
	if (room > s->send_credit)
		room = s->send_credit;
	return room < MUX_FRAME_ALONE ? room : MUX_FRAME_ALONE;
}

struct slice mux_stream_place(struct mux_stream *s)
{
	size_t room = s->syn_sent && s->id != MUX_STREAM_FIRST ? mux_stream_room(s) : 0;

	if (room < MUX_PLACE_MIN || mux_tail_is_loose(&s->mux->tail))
		return slice_of(NULL, 0);
	return mux_tail_lease(&s->mux->tail, MUX_FRAME_HEAD, MUX_PLACE_MIN, room);
}

/* One frame of what waits. */
static void mux_stream_send_turn(struct mux_stream *s, size_t most)
{
	struct slice data = slice_first(buf_slice(&s->out), most);
	bool opens = !s->syn_sent;

	data = slice_first(data, s->send_credit);
	mux_head_put(s, MUX_FRAME_DATA, 0, (uint32_t)data.len);
	mux_stream_put(s, data);
	s->send_credit -= (uint32_t)data.len;
	s->mux->parked -= data.len;
	if (s->id == MUX_STREAM_FIRST)
		mem_wipe(s->out.base + s->out.start, data.len);
	buf_consume(&s->out, data.len);
	if (opens)
		mux_window_say(s);
	if (buf_len(&s->out))
		return;
	buf_release(&s->out);
	if (s->fin_wanted)
		mux_stream_fin(s);
	if (s->unread)
		mux_stream_pend(s);
	if (s->full && !s->released) {
		s->drained = true;
		mux_stream_pend(s);
	}
}

void mux_stream_fill(struct mux *m)
{
	while (mux_link_is_ready(m) && !list_is_empty(&m->ready)) {
		struct mux_stream *s = CONTAINER_OF(m->ready.next, struct mux_stream, ready);

		list_remove(&s->ready);
		mux_stream_send_turn(
			s, list_is_empty(&m->ready) ? MUX_TURN_ALONE : MUX_FRAME_SHARED);
		mux_stream_queue(s);
	}
}

void mux_stream_credit(struct mux_stream *s, uint32_t more)
{
	s->send_credit += more;
	mux_stream_queue(s);
}

void mux_stream_finish(struct mux_stream *s)
{
	if (!s->mux || s->fin_wanted || s->reset_seen)
		return;
	s->fin_wanted = true;
	if (!buf_len(&s->out))
		mux_stream_fin(s);
}

/* ---- ending ---- */

void mux_stream_reset(struct mux_stream *s)
{
	struct mux *m = s->mux;

	if (!m)
		return;
	if (!s->reset_seen && (s->syn_sent || !mux_is_own(m, s->id)))
		mux_stream_refuse(m, s->id);
	mux_stream_leave(s);
}

bool mux_stream_release(struct mux_stream *s)
{
	if (!s->mux)
		return true;
	s->released = true;
	s->reading = false;
	s->mux->parked -= buf_len(&s->in);
	s->unread = buf_len(&s->in) > 0;
	buf_release(&s->in);
	/* The other side should know, but have what is whole, of what nobody reads or finished. */
	if (s->reset_seen || (s->unread && !buf_len(&s->out)) ||
		(!s->fin_wanted && buf_len(&s->out)) || !s->syn_sent) {
		mux_stream_reset(s);
		return true;
	}
	if (s->mux->told != s)
		mux_window_consumed(s);
	mux_stream_finish(s);
	if (!mux_stream_is_done(s))
		return false;
	mux_stream_leave(s);
	return true;
}

void mux_stream_accept(struct mux_stream *s)
{
	mux_head_put(s, MUX_FRAME_WINDOW, 0, 0);
}

void mux_stream_read_start(struct mux_stream *s)
{
	if (!s->mux || s->released)
		return;
	s->reading = true;
	if (buf_len(&s->in) || (s->fin_seen && !s->fin_told) || mux_window_owes(s))
		mux_stream_pend(s);
}

void mux_stream_set_piece(struct mux_stream *s, uint32_t most)
{
	s->piece = most < MUX_PIECE_MAX ? most : MUX_PIECE_MAX;
}

void mux_stream_read_stop(struct mux_stream *s)
{
	s->reading = false;
}
