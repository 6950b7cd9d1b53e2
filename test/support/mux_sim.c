/*
 * A step of the simulation does one random thing: it moves bytes, lets time pass, or plays the
 * owner of a stream. At the end all owners finish what they began, and then nothing may be left.
 */
#include "support/mux_sim.h"

#include "base/mem.h"

#define SIM_STREAMS 40000u /* ids that a run may use */
#define SIM_PARTS 32u
#define SIM_CALM_TURNS 200000u /* so many turns at the end without an end are a stuck state */
#define SIM_CONTROL_MAX 262144u /* frames without payload that may wait */

/* What both sides know of a stream, by its number; side 0 is the client. */
struct sim_ledger {
	uint64_t sent[2];
	uint64_t got[2]; /* by that side */
	bool finished[2];
	bool ended[2]; /* that side was told */
	bool open[2];
	bool broken; /* reset, or let go of early: then bytes may be missing, never wrong */
};

struct sim_stream {
	struct mux_stream stream;
	struct sim_side *side;
	struct list node;
	bool blocked; /* until `writable` */
};

struct sim_side {
	struct sim *sim;
	unsigned index;
	struct mux *mux;
	struct list streams; /* struct sim_stream whose owner holds them */
	unsigned count;
	struct buf wire; /* what this side sent and the other did not receive */
	bool linked;
	unsigned quiet; /* inside a call that may not tell anything */
	unsigned released; /* let go of, not gone yet */
};

struct sim {
	struct mux_sim_conf conf;
	struct mux_sim_result result;
	struct sim_side sides[2];
	struct sim_ledger *ledger; /* owned; by id */
	uint64_t random;
	uint64_t now_us;
	bool calm; /* the end: everybody reads and finishes */
};

static void sim_expect(struct sim *sim, bool good, const char *problem)
{
	if (!good && !sim->result.problem)
		sim->result.problem = problem;
}

static uint32_t sim_random(struct sim *sim, uint32_t below)
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

static struct sim_ledger *sim_ledger_of(const struct sim_stream *s)
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
	sim_ledger_of(s)->open[s->side->index] = false;
	mem_free(s);
}

static void sim_write(struct sim_stream *s)
{
	struct sim *sim = s->side->sim;
	struct sim_ledger *l = sim_ledger_of(s);
	unsigned me = s->side->index, count = 1 + sim_random(sim, 4);
	size_t len =
		sim_random(sim, 3) ? sim_random(sim, 2000) : sim_random(sim, sim->conf.write_max);
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
	sim_expect(sim, s->blocked == (buf_len(&s->stream.out) != 0),
		"a write is full exactly when bytes were parked");
	s->side->quiet--;
	mem_free(bytes);
}

static void sim_finish(struct sim_stream *s)
{
	s->side->quiet++;
	sim_ledger_of(s)->finished[s->side->index] = true;
	mux_stream_finish(&s->stream);
	s->side->quiet--;
}

static void sim_reset(struct sim_stream *s)
{
	s->side->quiet++;
	sim_ledger_of(s)->broken = true;
	mux_stream_reset(&s->stream);
	s->side->quiet--;
	sim_stream_drop(s);
}

static void sim_release(struct sim_stream *s)
{
	struct sim_side *side = s->side;
	struct sim_ledger *l = sim_ledger_of(s);
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

static void sim_read(struct sim_stream *s, bool on)
{
	s->side->quiet++;
	if (on)
		mux_stream_read_start(&s->stream);
	else
		mux_stream_read_stop(&s->stream);
	s->side->quiet--;
}

/* One of the things an owner may do at any time. The stream may be gone after it. */
static void sim_act(struct sim_stream *s)
{
	struct sim *sim = s->side->sim;
	unsigned what = sim_random(sim, 100);

	if (what < 60)
		sim_write(s);
	else if (what < 75)
		sim_read(s, true);
	else if (what < 85)
		sim_read(s, false);
	else if (what < 91)
		sim_finish(s);
	else if (what < 94 && sim->conf.rough)
		sim_reset(s);
	else if (what < 96 && sim->conf.rough)
		sim_release(s);
	else if (what < 98 && sim_ledger_of(s)->ended[s->side->index] &&
		sim_ledger_of(s)->finished[s->side->index])
		sim_release(s);
}

static void sim_open(struct sim_side *side)
{
	struct sim_stream *s;
	bool opened;

	if (side->count >= side->sim->conf.streams || side->sim->result.opened >= SIM_STREAMS / 2)
		return;
	s = sim_stream_new(side);
	side->quiet++;
	opened = mux_open(side->mux, &s->stream);
	side->quiet--;
	sim_expect(side->sim, opened && s->stream.id < SIM_STREAMS, "a stream can be opened");
	side->sim->result.opened++;
	sim_ledger_of(s)->open[side->index] = true;
	sim_read(s, sim_random(side->sim, 2));
	sim_write(s);
}

/* ---- events ---- */

static struct sim_stream *sim_stream_of(struct mux_stream *stream)
{
	struct sim_stream *s = CONTAINER_OF(stream, struct sim_stream, stream);

	sim_expect(s->side->sim, !s->side->quiet, "no event comes inside a call");
	return s;
}

static struct mux_stream *sim_on_make(void *ctx)
{
	struct sim_side *side = ctx;

	sim_expect(side->sim, !side->quiet, "no event comes inside a call");
	return &sim_stream_new(side)->stream;
}

static void sim_on_opened(void *ctx, struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	sim_expect(s->side->sim, !sim_ledger_of(s)->open[s->side->index], "a stream opens once");
	sim_ledger_of(s)->open[s->side->index] = true;
	if (sim_random(s->side->sim, 4))
		sim_read(s, true);
	if (!s->side->sim->calm && s->stream.id != 1)
		sim_act(s);
}

static void sim_on_data(struct mux_stream *stream, struct slice data)
{
	struct sim_stream *s = sim_stream_of(stream);
	struct sim *sim = s->side->sim;
	struct sim_ledger *l = sim_ledger_of(s);
	unsigned me = s->side->index;
	bool same = true;

	sim_expect(sim, l->open[me] && s->stream.reading, "bytes come to a reader only");
	sim_expect(sim, !l->ended[me] && data.len, "no bytes come behind the end");
	sim_expect(sim, l->got[me] + data.len <= l->sent[!me], "no more comes than was sent");
	for (size_t i = 0; i < data.len; i++)
		same = same && data.ptr[i] == mux_sim_byte(stream->id, !me, l->got[me] + i);
	sim_expect(sim, same, "bytes are right and in order");
	l->got[me] += data.len;
	sim->result.bytes += data.len;
	if (!sim->calm && !sim_random(sim, 4))
		sim_act(s);
}

static void sim_on_writable(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	sim_expect(s->side->sim, s->blocked, "only who was told to stop is told to go on");
	sim_expect(s->side->sim, !buf_len(&stream->out), "a drained stream has nothing parked");
	s->blocked = false;
	if (!s->side->sim->calm && sim_random(s->side->sim, 2))
		sim_act(s);
}

static void sim_on_ended(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);
	struct sim_ledger *l = sim_ledger_of(s);
	unsigned me = s->side->index;

	sim_expect(s->side->sim, l->open[me] && !l->ended[me], "an end comes once, to a listener");
	sim_expect(s->side->sim, l->finished[!me], "an end comes when the other side finished");
	sim_expect(s->side->sim, l->got[me] == l->sent[!me], "an end comes behind all bytes");
	l->ended[me] = true;
	if (!s->side->sim->calm && !sim_random(s->side->sim, 4))
		sim_act(s);
}

static void sim_on_reset(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	sim_expect(s->side->sim, sim_ledger_of(s)->broken, "nobody is reset for nothing");
	sim_expect(s->side->sim, !stream->mux, "a reset stream has left the mux");
	s->side->sim->result.reset++;
	sim_stream_drop(s);
}

static void sim_on_gone(struct mux_stream *stream)
{
	struct sim_stream *s = sim_stream_of(stream);

	sim_expect(
		s->side->sim, stream->released && !stream->mux, "only who was let go of is gone");
	s->side->released--;
	mem_free(s);
}

static void sim_on_pong(void *ctx, uint64_t rtt_us)
{
	struct sim_side *side = ctx;

	sim_expect(side->sim, rtt_us <= side->sim->now_us,
		"a round trip takes no longer than the run");
}

static void sim_on_go_away(void *ctx)
{
	sim_expect(((struct sim_side *)ctx)->sim, false, "nobody leaves");
}

static void sim_on_wake(void *ctx)
{
	sim_expect(((struct sim_side *)ctx)->sim, true, "");
}

static const struct mux_events sim_events = {
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

/* ---- the link ---- */

static void sim_send(struct sim_side *side)
{
	struct sim *sim = side->sim;
	struct slice parts[SIM_PARTS];
	size_t n;

	if (!side->linked || buf_len(&side->wire) >= sim->conf.wire_max)
		return;
	n = mux_output(side->mux, parts, 2 + sim_random(sim, SIM_PARTS - 2));
	for (size_t i = 0; i < n; i++)
		buf_append_slice(&side->wire, parts[i]);
	if (n)
		mux_sent(side->mux);
}

static void sim_deliver(struct sim_side *from, size_t most)
{
	struct sim_side *to = &from->sim->sides[!from->index];
	size_t len = buf_len(&from->wire) < most ? buf_len(&from->wire) : most;
	char *piece;

	if (!len || !to->linked)
		return;
	piece = mem_dup(from->wire.base + from->wire.start, len);
	buf_consume(&from->wire, len);
	sim_expect(from->sim, mux_receive(to->mux, slice_of(piece, len), from->sim->now_us) == 0,
		"what one side says the other understands");
	mem_free(piece);
}

static void sim_tick(struct sim_side *side)
{
	if (mux_tick(side->mux, side->sim->now_us) && !sim_random(side->sim, 3))
		mux_accept(side->mux);
}

static void sim_lose(struct sim_side *side)
{
	if (side->linked)
		mux_link_lost(side->mux);
	side->linked = false;
}

/* The client goes first; what the server still gets of the old link, it gets. */
static void sim_cut(struct sim *sim)
{
	struct sim_side *client = &sim->sides[0], *server = &sim->sides[1];

	sim->result.cuts++;
	sim_lose(client);
	if (sim_random(sim, 2))
		sim_deliver(client, sim_random(sim, 100000));
	if (sim_random(sim, 2))
		sim_lose(server);
}

static void sim_resume(struct sim *sim)
{
	struct sim_side *client = &sim->sides[0], *server = &sim->sides[1];
	uint64_t received = mux_received(client->mux);

	if (client->linked)
		return;
	sim_lose(server);
	buf_release(&client->wire);
	buf_release(&server->wire);
	sim_expect(sim, mux_link_found(server->mux, received) == 0, "the server continues");
	received = mux_received(server->mux);
	server->linked = true;
	if (sim_random(sim, 2))
		sim_send(server);
	sim_expect(sim, mux_link_found(client->mux, received) == 0, "the client continues");
	client->linked = true;
}

/* ---- the run ---- */

static void sim_bounds(struct sim_side *side)
{
	const struct mux_sim_conf *conf = &side->sim->conf;
	size_t most = (size_t)conf->tail_max + MUX_FRAME_ALONE + SIM_CONTROL_MAX;
	uint64_t grown = 0;

	LIST_EACH (node, &side->streams) {
		const struct mux_stream *s = &CONTAINER_OF(node, struct sim_stream, node)->stream;

		most += s->recv_window + conf->write_max;
		grown += s->recv_grown;
		side->sim->result.grown += s->recv_grown != 0;
		sim_expect(side->sim, buf_len(&s->in) <= s->recv_window,
			"a reader that stopped holds at most its window");
		sim_expect(side->sim, s->recv_window <= conf->window_max || !s->recv_grown,
			"a window grows to the most it may");
	}
	most += (size_t)side->released * conf->write_max;
	sim_expect(side->sim, grown <= conf->window_budget, "windows keep to their budget");
	sim_expect(side->sim, mux_memory(side->mux) <= most, "memory is bounded");
}

static struct sim_stream *sim_pick(struct sim_side *side)
{
	struct list *node = side->streams.next;
	unsigned skip =
		side->count ? sim_random(side->sim, side->count < 50 ? side->count : 50) : 0;

	for (; skip && node->next != &side->streams; skip--)
		node = node->next;
	return node == &side->streams ? NULL : CONTAINER_OF(node, struct sim_stream, node);
}

static void sim_step(struct sim *sim)
{
	struct sim_side *side = &sim->sides[sim_random(sim, 2)];
	unsigned what = sim_random(sim, 100);
	struct sim_stream *s = sim_pick(side);

	sim->now_us += sim_random(sim, 300);
	if (what < 20)
		sim_send(side);
	else if (what < 45)
		sim_deliver(side, 1 + sim_random(sim, sim_random(sim, 2) ? 40 : 200000));
	else if (what < 55)
		sim_tick(side);
	else if (what < 57)
		mux_ping(side->mux, sim->now_us);
	else if (what < 65)
		sim_open(side);
	else if (s && s->stream.id != 1)
		sim_act(s);
	if (sim->conf.cut_every && !sim_random(sim, sim->conf.cut_every))
		sim_cut(sim);
	if (!sim_random(sim, 20))
		sim_resume(sim);
	sim_bounds(side);
}

/* True when both sides hold nothing any more. */
static bool sim_settle(struct sim *sim)
{
	bool empty = true;

	sim_resume(sim);
	for (unsigned i = 0; i < 2; i++) {
		struct sim_side *side = &sim->sides[i];

		LIST_EACH_SAFE (node, &side->streams) {
			struct sim_stream *s = CONTAINER_OF(node, struct sim_stream, node);

			if (!s->stream.reading)
				sim_read(s, true);
			if (!sim_ledger_of(s)->finished[i])
				sim_finish(s);
			if (sim_ledger_of(s)->ended[i])
				sim_release(s);
		}
		mux_tick(side->mux, sim->now_us);
		mux_accept(side->mux);
		sim_send(side);
		sim_deliver(side, 1 + sim_random(sim, 200000));
		sim_bounds(side);
		empty = empty && !mux_stream_count(side->mux) && !buf_len(&side->wire) &&
			!mux_has_output(side->mux);
	}
	sim->now_us += 100;
	return empty;
}

/* With the windows of yamux both hear of each other, as hello and welcome do; then they agree. */
static void sim_start(struct sim *sim)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sim_side *side = &sim->sides[i];
		const struct mux_conf conf = {
			.role = i == 0 ? MUX_CLIENT : MUX_SERVER,
			.max_streams = sim->conf.streams * 2 + 1000,
			.window_max = sim->conf.window_max,
			.window_budget = sim->conf.window_budget,
			.tail_max = sim->conf.tail_max,
		};

		*side = (struct sim_side) {.sim = sim, .index = i, .linked = true};
		list_init(&side->streams);
		side->mux = mux_new(&conf, &sim_events, side);
		sim_expect(sim, mux_link_found(side->mux, 0) == 0, "a first link is fine");
	}
	sim_open(&sim->sides[0]);
	while (!sim->result.problem && !mux_stream_count(sim->sides[1].mux)) {
		sim_send(&sim->sides[0]);
		sim_deliver(&sim->sides[0], 1000);
	}
	for (unsigned i = 0; i < 2; i++)
		mux_agree(sim->sides[i].mux, sim->conf.resume, sim->conf.window);
}

static void sim_stop(struct sim *sim)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sim_side *side = &sim->sides[i];

		sim->calm = true;
		LIST_EACH_SAFE (node, &side->streams)
			sim_ledger_of(CONTAINER_OF(node, struct sim_stream, node))->broken = true;
		mux_end(side->mux);
		sim_expect(sim, !side->released && !side->count, "everybody heard of the end");
		mux_free(&side->mux);
		buf_release(&side->wire);
	}
	mem_free(sim->ledger);
}

struct mux_sim_result mux_sim_run(const struct mux_sim_conf *conf)
{
	struct sim sim = {.conf = *conf, .random = (conf->seed + 1) * 0x9e3779b97f4a7c15u};
	unsigned turns = 0;

	sim.ledger = mem_zero(SIM_STREAMS * sizeof(struct sim_ledger));
	sim_start(&sim);
	for (unsigned i = 0; i < conf->steps && !sim.result.problem; i++)
		sim_step(&sim);
	sim.calm = true;
	while (!sim.result.problem && !sim_settle(&sim))
		sim_expect(&sim, ++turns < SIM_CALM_TURNS, "everything comes to its end");
	for (uint32_t id = 1; id < SIM_STREAMS; id++) {
		const struct sim_ledger *l = &sim.ledger[id];

		if (l->broken || !(l->finished[0] || l->finished[1]))
			continue;
		sim_expect(&sim, l->ended[0] && l->ended[1],
			"each stream in order ends on both sides");
		sim_expect(&sim, l->got[0] == l->sent[1] && l->got[1] == l->sent[0], "whole");
		sim.result.whole++;
	}
	sim_stop(&sim);
	return sim.result;
}
