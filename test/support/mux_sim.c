/*
 * A step of the simulation does one random thing: it moves bytes, lets time pass, or plays the
 * owner of a stream. At the end all owners finish what they began, and then nothing may be left.
 */
#include "support/mux_sim.h"

#include "base/mem.h"
#include "support/mux_sim_owner.h"

#define SIM_PARTS 32u
#define SIM_CALM_TURNS 200000u /* so many turns at the end without an end are a stuck state */
#define SIM_CONTROL_MAX 262144u /* frames without payload that may wait */

/* ---- the link ---- */

static void sim_send(struct sim_side *side)
{
	struct sim *sim = side->sim;
	struct slice parts[SIM_PARTS];
	size_t n;

	if (!side->linked || buf_len(&side->wire) >= sim->conf.wire_max)
		return;
	n = mux_output(side->mux, parts, 2 + mux_sim_owner_random(sim, SIM_PARTS - 2));
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
	mux_sim_owner_expect(from->sim,
		mux_receive(to->mux, slice_of(piece, len), from->sim->now_us) == 0,
		"what one side says the other understands");
	mem_free(piece);
}

static void sim_tick(struct sim_side *side)
{
	if (mux_tick(side->mux, side->sim->now_us) && !mux_sim_owner_random(side->sim, 3))
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
	if (mux_sim_owner_random(sim, 2))
		sim_deliver(client, mux_sim_owner_random(sim, 100000));
	if (mux_sim_owner_random(sim, 2))
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
	mux_sim_owner_expect(
		sim, mux_link_found(server->mux, received) == 0, "the server continues");
	received = mux_received(server->mux);
	server->linked = true;
	if (mux_sim_owner_random(sim, 2))
		sim_send(server);
	mux_sim_owner_expect(
		sim, mux_link_found(client->mux, received) == 0, "the client continues");
	client->linked = true;
}

/* ---- the run ---- */

static void sim_bounds(struct sim_side *side)
{
	const struct mux_sim_conf *conf = &side->sim->conf;
	size_t tail = conf->scarce && conf->tail_max > MUX_TAIL_OWN ? MUX_TAIL_OWN : conf->tail_max;
	size_t most = tail + MUX_FRAME_ALONE + SIM_CONTROL_MAX;
	uint64_t grown = 0;

	LIST_EACH (node, &side->streams) {
		struct sim_stream *owner = CONTAINER_OF(node, struct sim_stream, node);
		const struct mux_stream *s = &owner->stream;
		uint64_t granted = mux_sim_owner_granted(owner);

		most += granted + conf->write_max;
		grown += s->recv_grown;
		side->sim->result.grown += s->recv_grown != 0;
		mux_sim_owner_expect(side->sim, buf_len(&s->in) + s->recv_credit <= granted,
			"a reader that stopped holds at most its window");
		mux_sim_owner_expect(side->sim,
			s->recv_window <= conf->window_max || !s->recv_grown,
			"a window grows to the most it may");
	}
	most += (size_t)side->released * conf->write_max;
	mux_sim_owner_expect(
		side->sim, grown <= conf->window_budget, "windows keep to their budget");
	mux_sim_owner_expect(side->sim, mux_memory(side->mux) <= most, "memory is bounded");
}

static struct sim_stream *sim_pick(struct sim_side *side)
{
	struct list *node = side->streams.next;
	unsigned skip = side->count
		? mux_sim_owner_random(side->sim, side->count < 50 ? side->count : 50)
		: 0;

	for (; skip && node->next != &side->streams; skip--)
		node = node->next;
	return node == &side->streams ? NULL : CONTAINER_OF(node, struct sim_stream, node);
}

static void sim_step(struct sim *sim)
{
	struct sim_side *side = &sim->sides[mux_sim_owner_random(sim, 2)];
	unsigned what = mux_sim_owner_random(sim, 100);
	struct sim_stream *s = sim_pick(side);

	/* Every second way is long, as windows see it. */
	sim->now_us += mux_sim_owner_random(sim, sim->conf.seed % 2 ? 3000 : 300);
	if (what < 20)
		sim_send(side);
	else if (what < 45)
		sim_deliver(side,
			1 + mux_sim_owner_random(sim, mux_sim_owner_random(sim, 2) ? 40 : 200000));
	else if (what < 55)
		sim_tick(side);
	else if (what < 57)
		mux_ping(side->mux, sim->now_us);
	else if (what < 65)
		mux_sim_owner_open(side);
	else if (s && s->stream.id != 1)
		mux_sim_owner_act(s);
	if (sim->conf.cut_every && !mux_sim_owner_random(sim, sim->conf.cut_every))
		sim_cut(sim);
	if (!mux_sim_owner_random(sim, 20))
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
				mux_sim_owner_read(s, true);
			if (!mux_sim_owner_ledger_of(s)->finished[i])
				mux_sim_owner_finish(s);
			if (mux_sim_owner_ledger_of(s)->ended[i])
				mux_sim_owner_release(s);
		}
		mux_tick(side->mux, sim->now_us);
		mux_accept(side->mux);
		sim_send(side);
		sim_deliver(side, 1 + mux_sim_owner_random(sim, 200000));
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
			.tails = sim->conf.scarce ? &sim->tails : NULL,
		};

		*side = (struct sim_side) {.sim = sim, .index = i, .linked = true};
		list_init(&side->streams);
		side->mux = mux_new(&conf, &mux_sim_owner_events, side);
		mux_sim_owner_expect(
			sim, mux_link_found(side->mux, 0) == 0, "a first link is fine");
	}
	mux_sim_owner_open(&sim->sides[0]);
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
			mux_sim_owner_ledger_of(CONTAINER_OF(node, struct sim_stream, node))
				->broken = true;
		mux_end(side->mux);
		mux_sim_owner_expect(
			sim, !side->released && !side->count, "everybody heard of the end");
		mux_free(&side->mux);
		buf_release(&side->wire);
	}
	mux_sim_owner_expect(
		sim, atomic_load(&sim->tails.held) == 0, "all memory was counted back");
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
		mux_sim_owner_expect(&sim, ++turns < SIM_CALM_TURNS, "everything comes to its end");
	for (uint32_t id = 1; id < SIM_STREAMS; id++) {
		const struct sim_ledger *l = &sim.ledger[id];

		if (l->broken || !(l->finished[0] || l->finished[1]))
			continue;
		mux_sim_owner_expect(&sim, l->ended[0] && l->ended[1],
			"each stream in order ends on both sides");
		mux_sim_owner_expect(
			&sim, l->got[0] == l->sent[1] && l->got[1] == l->sent[0], "whole");
		sim.result.whole++;
	}
	sim_stop(&sim);
	return sim.result;
}
