/*
 * Runs a mux on a link. Whatever a turn of the loop puts into the mux leaves at its end in as few
 * writes as possible; when the link is full, nothing is taken out of the mux until it drained, so
 * that streams can still take turns.
 */
#include "wire/session.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tcp.h"
#include "io/timeout.h"
#include "wire/chan.h"

/* Without an acknowledgement the kernel ends a link then, in case we are asleep or stuck. */
#define SESSION_GIVE_UP_MS 30000u
#define SESSION_DOUBT_MAX_US 3000000u /* so long a long way has at most to answer a probe */
#define SESSION_HEARD_MAX_US 10000000u /* and what takes all that stands in front of it */
#define SESSION_BULK_FRAME 1024u /* bytes, on average */
#define SESSION_BUSY_READS 16u /* so many between two heartbeats, and the link is busy */

struct session {
	struct loop *loop; /* borrowed */
	struct session_supplies supplies;
	const struct session_events *events; /* borrowed */
	void *ctx; /* borrowed */
	struct mux *mux; /* owned */
	struct stream *link; /* owned; NULL while there is none */
	struct timeout heartbeat;
	struct timeout silence;
	struct timeout probe;
	struct timeout tick;
	struct loop_task turn; /* at the end of the turn; frees it once it is over */
	struct buf early; /* came with the link, not looked at yet */
	uint64_t rtt_us;
	uint64_t doubt_us; /* when it was probed; 0: something has come since */
	uint64_t look_us; /* when it was last looked at since */
	unsigned reads; /* since the last heartbeat, up to SESSION_BUSY_READS */
	bool link_full;
	bool bulk;
	bool over;
};

static void session_close_link(struct session *s)
{
	if (!s->link)
		return;
	timeout_disarm(&s->heartbeat);
	timeout_disarm(&s->silence);
	timeout_disarm(&s->probe);
	buf_release(&s->early);
	stream_close(&s->link);
	mux_link_lost(s->mux);
}

static void session_lose_link(struct session *s, int err)
{
	session_close_link(s);
	s->events->lost(s->ctx, err);
}

/* ---- sending ---- */

static void session_send(struct session *s)
{
	struct slice parts[STREAM_PARTS_MAX];
	size_t n;

	while (s->link && !s->link_full) {
		n = mux_output(s->mux, parts, STREAM_PARTS_MAX);
		if (!n)
			return;
		s->link_full = !stream_write(s->link, parts, n);
		mux_sent(s->mux);
		mux_link_took(s->mux, !s->link_full);
	}
}

/* ---- receiving ---- */

static void session_receive(struct session *s, struct slice data)
{
	if (mux_receive(s->mux, data, loop_event_us(s->loop)) == 0 || s->over)
		return;
	session_send(s); /* what was wrong */
	session_close_link(s);
	mux_end(s->mux);
	s->events->broken(s->ctx);
}

static void session_receive_early(struct session *s)
{
	struct buf early = s->early;

	if (!buf_len(&early))
		return;
	buf_init(&s->early);
	session_receive(s, buf_slice(&early));
	buf_release(&early);
}

static void session_on_turn(struct loop_task *task)
{
	struct session *s = CONTAINER_OF(task, struct session, turn);

	if (s->over) {
		mux_free(&s->mux);
		mem_free(s);
		return;
	}
	session_receive_early(s);
	if (s->over)
		return;
	if (mux_tick(s->mux, loop_clock_us()) && !timeout_is_armed(&s->tick) && !s->over)
		timeout_arm(s->supplies.tick, &s->tick);
	if (!s->over)
		session_send(s);
}

static void session_on_tick(struct timeout *timeout)
{
	mux_accept(CONTAINER_OF(timeout, struct session, tick)->mux);
}

/* ---- the mux's events ---- */

static void session_on_wake(void *ctx)
{
	struct session *s = ctx;

	loop_defer(s->loop, &s->turn);
}

static struct mux_stream *session_on_make(void *ctx)
{
	struct session *s = ctx;

	return chan_new(s->loop, s->supplies.streams, s->supplies.silence);
}

static void session_on_opened(void *ctx, struct mux_stream *stream)
{
	struct session *s = ctx;

	s->events->opened(s->ctx, chan_stream(stream));
}

static void session_on_pong(void *ctx, uint64_t rtt_us)
{
	struct session *s = ctx;

	s->rtt_us = rtt_us;
	if (s->events->measured)
		s->events->measured(s->ctx, rtt_us);
}

static void session_on_go_away(void *ctx)
{
	struct session *s = ctx;

	if (s->events->go_away)
		s->events->go_away(s->ctx);
}

static const struct mux_events session_mux_events = {
	.make = session_on_make,
	.opened = session_on_opened,
	.data = chan_on_data,
	.writable = chan_on_writable,
	.ended = chan_on_ended,
	.reset = chan_on_reset,
	.gone = chan_on_gone,
	.pong = session_on_pong,
	.go_away = session_on_go_away,
	.wake = session_on_wake,
};

/* ---- the link's events ---- */

/* Whether the next reads may be large: not where that would bring many thousand frames at once,
 * for which everybody else on this loop would have to wait. */
static void session_set_bulk(struct session *s, bool bulk)
{
	if (s->bulk == bulk)
		return;
	s->bulk = bulk;
	stream_set_bulk(s->link, bulk);
}

static void session_on_data(void *ctx, struct slice data)
{
	struct session *s = ctx;
	uint32_t frames;

	session_receive_early(s);
	if (!s->link)
		return;
	timeout_arm(s->supplies.silence, &s->silence);
	timeout_disarm(&s->probe);
	s->doubt_us = 0;
	if (s->reads < SESSION_BUSY_READS && ++s->reads == SESSION_BUSY_READS)
		stream_keep_buffers(s->link, true);
	frames = mux_frames(s->mux);
	session_receive(s, data);
	if (data.len >= STREAM_READ_SMALL && s->link)
		session_set_bulk(s, data.len / SESSION_BULK_FRAME >= mux_frames(s->mux) - frames);
}

static void session_on_drained(void *ctx)
{
	struct session *s = ctx;

	s->link_full = false;
	session_send(s);
}

static void session_on_ended(void *ctx)
{
	session_lose_link(ctx, ERR_ENDED);
}

static void session_on_failed(void *ctx, int err)
{
	session_lose_link(ctx, err);
}

static const struct stream_events session_link_events = {
	.data = session_on_data,
	.drained = session_on_drained,
	.ended = session_on_ended,
	.failed = session_on_failed,
};

/* ---- keeping the link alive ---- */

static void session_on_heartbeat(struct timeout *timeout)
{
	struct session *s = CONTAINER_OF(timeout, struct session, heartbeat);

	if (s->reads < SESSION_BUSY_READS)
		stream_keep_buffers(s->link, false);
	s->reads = 0;
	mux_ping(s->mux, loop_clock_us());
	timeout_arm(s->supplies.heartbeat, &s->heartbeat);
}

static void session_on_silence(struct timeout *timeout)
{
	session_lose_link(CONTAINER_OF(timeout, struct session, silence), ERR_TIMEOUT);
}

/* The answer may be on its way, or wait behind what the other side is taking meanwhile. */
static bool session_may_answer(const struct session *s, uint64_t now_us)
{
	uint64_t way_us = 2 * s->rtt_us;

	if (way_us > SESSION_DOUBT_MAX_US)
		way_us = SESSION_DOUBT_MAX_US;
	return now_us - s->doubt_us < way_us ||
		(now_us - s->doubt_us < SESSION_HEARD_MAX_US &&
			stream_tcp_is_heard(s->link, now_us - s->look_us));
}

static void session_on_probe(struct timeout *timeout)
{
	struct session *s = CONTAINER_OF(timeout, struct session, probe);
	uint64_t now_us = loop_clock_us();

	if (!session_may_answer(s, now_us)) {
		session_lose_link(s, ERR_TIMEOUT);
		return;
	}
	s->look_us = now_us;
	timeout_arm(s->supplies.probe, &s->probe);
}

void session_probe(struct session *s)
{
	if (!s->link || timeout_is_armed(&s->probe))
		return;
	s->doubt_us = s->look_us = loop_clock_us();
	mux_ping(s->mux, s->doubt_us);
	timeout_arm(s->supplies.probe, &s->probe);
}

bool session_is_in_doubt(const struct session *s)
{
	return s->doubt_us != 0;
}

/* ---- links come and go ---- */

static void session_take_link(struct session *s, struct stream **link)
{
	s->link = *link;
	*link = NULL;
	s->link_full = s->bulk = false;
	s->reads = 0;
	s->doubt_us = 0;
	stream_tcp_tune_link(s->link, SESSION_GIVE_UP_MS);
	stream_listen(s->link, &session_link_events, s);
	stream_read_start(s->link);
	timeout_arm(s->supplies.heartbeat, &s->heartbeat);
	timeout_arm(s->supplies.silence, &s->silence);
	mux_ping(s->mux, loop_clock_us());
}

size_t session_stream_size(void)
{
	return chan_size();
}

struct session *session_new(struct loop *loop, const struct mux_conf *conf,
	const struct session_supplies *supplies, const struct session_events *events, void *ctx)
{
	struct session *s = MEM_NEW(struct session);

	s->loop = loop;
	s->supplies = *supplies;
	s->events = events;
	s->ctx = ctx;
	s->mux = mux_new(conf, &session_mux_events, s);
	timeout_init(&s->heartbeat, session_on_heartbeat);
	timeout_init(&s->silence, session_on_silence);
	timeout_init(&s->probe, session_on_probe);
	timeout_init(&s->tick, session_on_tick);
	loop_task_init(&s->turn, session_on_turn);
	return s;
}

void session_free(struct session **s_ptr)
{
	struct session *s = *s_ptr;

	if (!s)
		return;
	*s_ptr = NULL;
	session_send(s);
	session_close_link(s);
	timeout_disarm(&s->tick);
	s->over = true;
	mux_end(s->mux);
	loop_defer(s->loop, &s->turn);
}

void session_start(struct session *s, struct stream **link, struct slice received)
{
	CHECK(!s->link && mux_link_found(s->mux, 0) == 0);
	session_take_link(s, link);
	buf_append_slice(&s->early, received);
	loop_defer(s->loop, &s->turn);
}

int session_resume(
	struct session *s, struct stream **link, struct slice received, uint64_t peer_received)
{
	int err;

	session_close_link(s);
	err = mux_link_found(s->mux, peer_received);
	if (err) {
		stream_close(link);
		return err;
	}
	session_take_link(s, link);
	buf_append_slice(&s->early, received);
	loop_defer(s->loop, &s->turn);
	return 0;
}

bool session_can_resume(const struct session *s, uint64_t peer_received)
{
	return mux_can_continue(s->mux, peer_received);
}

void session_drop_link(struct session *s)
{
	session_close_link(s);
}

bool session_has_link(const struct session *s)
{
	return s->link != NULL;
}

/* ---- streams ---- */

struct stream *session_open(struct session *s)
{
	struct mux_stream *stream = chan_new(s->loop, s->supplies.streams, s->supplies.silence);

	if (!mux_open(s->mux, stream)) {
		chan_discard(stream);
		return NULL;
	}
	return chan_stream(stream);
}

uint32_t session_stream_id(const struct stream *stream)
{
	return chan_mux_stream(stream)->id;
}

/* ---- what its owner asks ---- */

void session_agree(struct session *s, bool resume, uint32_t window)
{
	mux_agree(s->mux, resume, window);
}

void session_go_away(struct session *s)
{
	mux_go_away(s->mux);
}

uint64_t session_received(const struct session *s)
{
	return mux_received(s->mux);
}

uint64_t session_rtt_us(const struct session *s)
{
	return s->rtt_us;
}

size_t session_memory(const struct session *s)
{
	return mux_memory(s->mux) + buf_len(&s->early);
}

unsigned session_stream_count(const struct session *s)
{
	return mux_stream_count(s->mux);
}

enum mux_fault session_fault(const struct session *s)
{
	return mux_fault_of(s->mux);
}

const char *session_fault_text(enum mux_fault fault)
{
	return mux_fault_text(fault);
}
