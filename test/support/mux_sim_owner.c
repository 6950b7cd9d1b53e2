/*
 * Each stream says bytes that follow from its number and their place, and a ledger that both sides
 * share knows how many: so each byte that comes can be checked at once.
 */
#include "support/mux_sim_owner.h"

#include "base/mem.h"
#include "proto/mux_priv.h"

void mux_sim_owner_expect(struct sim *sim, bool good, const char *problem)
{
	if (!good && !sim->result.problem)
		sim->result.problem = problem;
}

uint32_t mux_sim_owner_random(struct sim *sim, uint32_t below)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return (uint32_t)(sim->random >> 32) % below;
}

char mux_sim_byte(uint32_t id, unsigned side, uint64_t at)
{
	return (char)(((at + id * 7919u + side * 104729u) * 2654435761u) >> 13);
}

struct sim_ledger *mux_sim_owner_ledger_of(const struct sim_stream *s)
{
	return &s->side->sim->ledger[s->stream.id];
}

/* ---- owners of streams ---- */

static struct sim_stream *sim_stream_new(struct sim_side *side)
{
	struct sim_stream *s = MEM_NEW(struct sim_stream);

	s->side = side;
	list_append(&side->streams, &s->node);
	side->count++;
	return s;
}

static void sim_stream_drop(struct sim_stream *s)
{
	s->side->count--;
	list_remove(&s->node);
	mux_sim_owner_ledger_of(s)->open[s->side->index] = false;
	mem_free(s);
}

static void sim_write(struct sim_stream *s)
{
	struct sim *sim = s->side->sim;
	struct sim_ledger *l = mux_sim_owner_ledger_of(s);
	unsigned me = s->side->index, count = 1 + mux_sim_owner_random(sim, 4);
	size_t len = mux_sim_owner_random(sim, 3) ? mux_sim_owner_random(sim, 2000)
						  : mux_sim_owner_random(sim, sim->conf.write_max);
	size_t part = len / count;
	struct slice parts[4];
	char *bytes;

	if (s->blocked || l->finished[me])
		return;
	bytes = mem_alloc(len + 1);
	for (size_t i = 0; i < len; i++)
		bytes[i] = mux_sim_byte(s->stream.id, me, l->sent[me] + i);
	for (unsigned i = 0; i < count; i++)
		parts[i] = slice_of(bytes + i * part, i + 1 < count ? part : len - i * part);
	l->sent[me] += len;
	s->side->quiet++;
	s->blocked = !mux_stream_write(&s->stream, parts, count);
	mux_sim_owner_expect(sim, s->blocked == (buf_len(&s->stream.out) != 0),
		"a write is full exactly when bytes were parked");
	s->side->quiet--;
	mem_free(bytes);
}

/* The same from where the mux would have it, from the beginning of that or not, at once or when
 * another stream has said something. */
static void sim_write_placed(struct sim_stream *s)
{
	struct sim *sim = s->side->sim;
	struct sim_ledger *l = mux_sim_owner_ledger_of(s);
	unsigned me = s->side->index;
	struct slice data = mux_stream_place(&s->stream);

	if (s->blocked || l->finished[me] || !data.len)
		return;
	data = slice_first(data, 1 + mux_sim_owner_random(sim, sim->conf.write_max));
	if (mux_sim_owner_random(sim, 4) == 0)
		data = slice_from(data, mux_sim_owner_random(sim, (uint32_t)data.len));
	for (size_t i = 0; i < data.len; i++)
		((char *)data.ptr)[i] = mux_sim_byte(s->stream.id, me, l->sent[me] + i);
	if (mux_sim_owner_random(sim, 4) == 0 && s->node.next != &s->side->streams)
		sim_write(CONTAINER_OF(s->node.next, struct sim_stream, node));
	l->sent[me] += data.len;
	s->side->quiet++;
	s->blocked = !mux_stream_write(&s->stream, &data, 1);
	s->side->quiet--;
}

void mux_sim_owner_finish(struct sim_stream *s)
{
	s->side->quiet++;
	mux_sim_owner_ledger_of(s)->finished[s->side->index] = true;
	mux_stream_finish(&s->stream);
	s->side->quiet--;
}

static void sim_reset(struct sim_stream *s)
{
	s->side->quiet++;
	mux_sim_owner_ledger_of(s)->broken = true;
	mux_stream_reset(&s->stream);
	s->side->quiet--;
	sim_stream_drop(s);
}

void mux_sim_owner_release(struct sim_stream *s)
{
	struct sim_side *side = s->side;
	struct sim_ledger *l = mux_sim_owner_ledger_of(s);
	unsigned me = side->index;
	bool gone;

	if (!l->ended[me] || (!l->finished[me] && s->blocked))
		l->broken = true;
	l->finished[me] = true;
	l->open[me] = false;
	side->quiet++;
	gone = mux_stream_release(&s->stream);
	side->quiet--;
	list_remove(&s->node);
	side->count--;
	if (gone)
		mem_free(s);
	else
		side->released++;
}

static uint64_t sim_window(const struct sim_stream *s)
{
	return (uint64_t)s->stream.recv_window + s->stream.recv_grown + 1;
}

uint64_t mux_sim_owner_granted(struct sim_stream *s)
{
	const struct mux_stream *m = &s->stream;
	const struct mux *mux = m->mux;
	uint64_t coming = mux && mux->current == m ? mux->payload_left : 0;

	if (sim_window(s) > s->granted ||
		buf_len(&m->in) + coming + m->recv_credit <= sim_window(s))
		s->granted = sim_window(s);
	return s->granted;
}

/* A window grows only while it is read, and shrinks only when that has stopped. */
void mux_sim_owner_read(struct sim_stream *s, bool on)
{
	if (sim_window(s) > s->granted)
		s->granted = sim_window(s);
	s->side->quiet++;
	if (on)
		mux_stream_read_start(&s->stream);
	else
		mux_stream_read_stop(&s->stream);
	s->side->quiet--;
}

/* One of the things an owner may do at any time. The stream may be gone after it. */
void mux_sim_owner_act(struct sim_stream *s)
{
	struct sim *sim = s->side->sim;
	unsigned what = mux_sim_owner_random(sim, 100);

	if (what < 60 && what % 8)
		sim_write(s);
	else if (what < 60)
		sim_write_placed(s);
	else if (what < 75)
		mux_sim_owner_read(s, true);
	else if (what < 85)
		mux_sim_owner_read(s, false);
	else if (what < 91)
		mux_sim_owner_finish(s);
	else if (what < 94 && sim->conf.rough)
		sim_reset(s);
	else if (what < 96 && sim->conf.rough)
		mux_sim_owner_release(s);
	else if (what < 98 && mux_sim_owner_ledger_of(s)->ended[s->side->index] &&
		mux_sim_owner_ledger_of(s)->finished[s->side->index])
		mux_sim_owner_release(s);
}

void mux_sim_owner_open(struct sim_side *side)
{
	struct sim_stream *s;
	bool opened;

	if (side->count >= side->sim->conf.streams || side->sim->result.opened >= SIM_STREAMS / 2)
		return;
	s = sim_stream_new(side);
	side->quiet++;
	opened = mux_open(side->mux, &s->stream);
	side->quiet--;
	mux_sim_owner_expect(
		side->sim, opened && s->stream.id < SIM_STREAMS, "a stream can be opened");
	side->sim->result.opened++;
	mux_sim_owner_ledger_of(s)->open[side->index] = true;
	mux_sim_owner_read(s, mux_sim_owner_random(side->sim, 2));
	sim_write(s);
}

/* ---- events ---- */

static struct sim_stream *sim_stream_of(struct mux_stream *stream)
{
	struct sim_stream *s = CONTAINER_OF(stream, struct sim_stream, stream);

	mux_sim_owner_expect(s->side->sim, !s->side->quiet, "no event comes inside a call");
	return s;
}

static struct mux_stream *sim_on_make(void *ctx)
{
	struct sim_side *side = ctx;

	mux_sim_owner_expect(side->sim, !side->quiet, "no event comes inside a call");
	return &sim_stream_new(side)->stream;
}

static void sim_on_opened(void *ctx, struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	mux_sim_owner_expect(s->side->sim, !mux_sim_owner_ledger_of(s)->open[s->side->index],
		"a stream opens once");
	mux_sim_owner_ledger_of(s)->open[s->side->index] = true;
	if (mux_sim_owner_random(s->side->sim, 4))
		mux_sim_owner_read(s, true);
	if (!s->side->sim->calm && s->stream.id != 1)
		mux_sim_owner_act(s);
}

static void sim_on_data(struct mux_stream *stream, struct slice data)
{
	struct sim_stream *s = sim_stream_of(stream);
	struct sim *sim = s->side->sim;
	struct sim_ledger *l = mux_sim_owner_ledger_of(s);
	unsigned me = s->side->index;
	bool same = true;

	mux_sim_owner_expect(sim, l->open[me] && s->stream.reading, "bytes come to a reader only");
	mux_sim_owner_expect(sim, !l->ended[me] && data.len, "no bytes come behind the end");
	mux_sim_owner_expect(
		sim, l->got[me] + data.len <= l->sent[!me], "no more comes than was sent");
	for (size_t i = 0; i < data.len; i++)
		same = same && data.ptr[i] == mux_sim_byte(stream->id, !me, l->got[me] + i);
	mux_sim_owner_expect(sim, same, "bytes are right and in order");
	l->got[me] += data.len;
	sim->result.bytes += data.len;
	if (!sim->calm && !mux_sim_owner_random(sim, 4))
		mux_sim_owner_act(s);
}

static void sim_on_writable(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	mux_sim_owner_expect(
		s->side->sim, s->blocked, "only who was told to stop is told to go on");
	mux_sim_owner_expect(
		s->side->sim, !buf_len(&stream->out), "a drained stream has nothing parked");
	s->blocked = false;
	if (!s->side->sim->calm && mux_sim_owner_random(s->side->sim, 2))
		mux_sim_owner_act(s);
}

static void sim_on_ended(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);
	struct sim_ledger *l = mux_sim_owner_ledger_of(s);
	unsigned me = s->side->index;

	mux_sim_owner_expect(
		s->side->sim, l->open[me] && !l->ended[me], "an end comes once, to a listener");
	mux_sim_owner_expect(
		s->side->sim, l->finished[!me], "an end comes when the other side finished");
	mux_sim_owner_expect(
		s->side->sim, l->got[me] == l->sent[!me], "an end comes behind all bytes");
	l->ended[me] = true;
	if (!s->side->sim->calm && !mux_sim_owner_random(s->side->sim, 4))
		mux_sim_owner_act(s);
}

static void sim_on_reset(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	mux_sim_owner_expect(
		s->side->sim, mux_sim_owner_ledger_of(s)->broken, "nobody is reset for nothing");
	mux_sim_owner_expect(s->side->sim, !stream->mux, "a reset stream has left the mux");
	s->side->sim->result.reset++;
	sim_stream_drop(s);
}

static void sim_on_gone(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	mux_sim_owner_expect(
		s->side->sim, stream->released && !stream->mux, "only who was let go of is gone");
	s->side->released--;
	mem_free(s);
}

static void sim_on_pong(void *ctx, uint64_t rtt_us)
{
	struct sim_side *side = ctx;

	mux_sim_owner_expect(side->sim, rtt_us <= side->sim->now_us,
		"a round trip takes no longer than the run");
}

static void sim_on_go_away(void *ctx)
{
	mux_sim_owner_expect(((struct sim_side *)ctx)->sim, false, "nobody leaves");
}

static void sim_on_wake(void *ctx)
{
	mux_sim_owner_expect(((struct sim_side *)ctx)->sim, true, "");
}

const struct mux_events mux_sim_owner_events = {
	.make = sim_on_make,
	.opened = sim_on_opened,
	.data = sim_on_data,
	.writable = sim_on_writable,
	.ended = sim_on_ended,
	.reset = sim_on_reset,
	.gone = sim_on_gone,
	.pong = sim_on_pong,
	.go_away = sim_on_go_away,
	.wake = sim_on_wake,
};
