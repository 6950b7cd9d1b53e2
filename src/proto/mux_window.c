/*
 * A window follows what its reader is worth: it grows while the reader is quick, within the
 * session's budget, and shrinks when the reader stalls.
 */
#include "proto/mux_window.h"

#include "proto/mux_head.h"
#include "proto/mux_priv.h"

#define MUX_WINDOW_NEAR 262144u /* a window that is never too large */
#define MUX_WINDOW_UNPROVEN 65536u /* beyond it a short way asks its reader for a proof: */
#define MUX_WINDOW_PROOF 524288u /* to have taken so much, more than sockets hold */
#define MUX_WINDOW_SLOW_US 100000u /* a reader that has not used half of it by then is slow */
#define MUX_WINDOW_RATE 12u /* bytes in a microsecond, of a link that is not known yet */
#define MUX_WINDOW_QUICK_US 1000u /* a window that is used up in so little is worth doubling */

void mux_window_expect(struct mux *m)
{
	uint64_t way = m->rtt_us * MUX_WINDOW_RATE;
	uint32_t most = m->conf.window_max;

	if (most > MUX_HINT_MAX)
		most = MUX_HINT_MAX;
	if (way > most)
		way = most;
	if (way > m->window_hint)
		m->window_hint = (uint32_t)way;
}

uint32_t mux_window_spare(const struct mux *m)
{
	uint32_t half = m->conf.window_budget / 2;

	return m->window_grown < half ? half - m->window_grown : 0;
}

void mux_window_widen(struct mux_stream *s, uint32_t more)
{
	s->recv_window += more;
	s->recv_grown += more;
	s->mux->window_grown += more;
}

static void mux_window_narrow(struct mux_stream *s, uint32_t less)
{
	s->recv_window -= less;
	s->recv_grown -= less;
	s->mux->window_grown -= less;
}

/* What of the window the owner has read and the peer does not know of. */
static uint32_t mux_window_unsaid(const struct mux_stream *s)
{
	const struct mux *m = s->mux;
	uint32_t coming = m->current == s ? m->payload_left : 0;
	uint32_t out = s->recv_credit + coming + (uint32_t)buf_len(&s->in);

	return out < s->recv_window ? s->recv_window - out : 0; /* it may have shrunk */
}

bool mux_window_owes(const struct mux_stream *s)
{
	return s->syn_sent && mux_window_unsaid(s) >= s->recv_window / 2;
}

void mux_window_say(struct mux_stream *s)
{
	uint32_t credit = mux_window_unsaid(s);

	s->recv_credit += credit;
	if (credit)
		mux_head_put(s, MUX_FRAME_WINDOW, 0, credit);
}

/* The window was larger than its reader is quick: what it grew by is halved, and with it what new
 * streams begin with. Credit that was given stays, and is not renewed. */
void mux_window_stall(struct mux_stream *s)
{
	struct mux *m = s->mux;
	uint32_t less = s->recv_grown - s->recv_grown / 2;

	if (s->stalled)
		return;
	s->stalled = true;
	mux_window_narrow(s, less);
	m->window_hint /= 2;
	if (m->window_hint < m->window_start)
		m->window_hint = m->window_start;
}

/* Twice what is on the way at this speed, and enough for a short way. */
static uint64_t mux_window_worth(const struct mux_stream *s)
{
	const struct mux *m = s->mux;
	uint64_t us = m->now_us - s->credit_at;

	if (!m->rtt_us) /* not measured yet */
		return m->conf.window_max;
	return MUX_WINDOW_NEAR + 2 * m->rtt_us * mux_window_unsaid(s) / (us ? us : 1);
}

/* Twice as much. One that the peer opened has begun small whatever was before it: once it has used
 * that up, it gets what the last ones had grown to. */
static uint32_t mux_window_step(const struct mux_stream *s)
{
	const struct mux *m = s->mux;
	uint32_t most = m->window_hint, spare = mux_window_spare(m), more;

	if (s->recv_grown || mux_is_own(m, s->id) || s->id == MUX_STREAM_FIRST ||
		most < 2 * s->recv_window)
		return s->recv_window;
	more = most - s->recv_window;
	return more <= spare ? more : s->recv_window;
}

/* Over a short way a window beyond some size is only in order for a reader that has taken more than
 * what sockets hold: of one that stops then, it would be in memory. */
static bool mux_window_may_grow(const struct mux_stream *s)
{
	uint64_t rtt_us = s->mux->rtt_us;

	return !rtt_us || rtt_us * MUX_WINDOW_RATE >= s->recv_window ||
		s->recv_window < MUX_WINDOW_UNPROVEN || s->recv_taken >= MUX_WINDOW_PROOF;
}

/*
 * A reader that used half of its window in about a round trip would use more. Every second time: a
 * window is never more than what the reader has taken, some of which may only fill a socket.
 */
static void mux_window_grow(struct mux_stream *s)
{
	struct mux *m = s->mux;
	uint32_t more;

	if (s->stalled || !mux_window_may_grow(s) || s->recv_window >= m->conf.window_max ||
		s->recv_window >= mux_window_worth(s) ||
		m->now_us - s->credit_at > 2 * m->rtt_us + MUX_WINDOW_QUICK_US)
		return;
	s->quick = !s->quick;
	if (s->quick)
		return;
	more = mux_window_step(s);
	if (more > m->conf.window_max - s->recv_window)
		more = m->conf.window_max - s->recv_window;
	if (more > m->conf.window_budget - m->window_grown)
		more = m->conf.window_budget - m->window_grown;
	mux_window_widen(s, more);
	if (s->recv_window > m->window_hint)
		m->window_hint = s->recv_window < MUX_HINT_MAX ? s->recv_window : MUX_HINT_MAX;
}

/* A reader that stalled, and is slow, has its window shrunk at once to what is on the way twice at
 * its speed, or to what it began with: what it does not take waits in memory. */
static void mux_window_fit(struct mux_stream *s)
{
	struct mux *m = s->mux;
	uint64_t us = m->now_us - s->credit_at, worth;
	uint32_t less = s->recv_grown;

	if (us <= MUX_WINDOW_SLOW_US + 2 * m->rtt_us)
		return;
	worth = 2 * m->rtt_us * mux_window_unsaid(s) / us;
	if (worth > s->recv_window - s->recv_grown)
		less = worth < s->recv_window ? s->recv_window - (uint32_t)worth : 0;
	mux_window_narrow(s, less);
}

/* What the owner took and could not pass on is in memory like what waits here: while it does not
 * read, none of its credit is renewed, and both together are one window. One that has let go gives
 * credit, so that the peer ends or hears that nobody reads. */
void mux_window_consumed(struct mux_stream *s)
{
	if (s->stalled && s->recv_grown)
		mux_window_fit(s);
	if (!(s->reading || s->released) || s->fin_seen || !mux_window_owes(s))
		return;
	if (s->recv_taken < MUX_WINDOW_PROOF)
		s->recv_taken += mux_window_unsaid(s);
	mux_window_grow(s);
	s->stalled = false;
	s->credit_at = s->mux->now_us;
	mux_window_say(s);
}
