/* The owners of streams in the simulation of two muxes: what they do, and what they check. */
#ifndef SUPPORT_MUX_SIM_OWNER_H
#define SUPPORT_MUX_SIM_OWNER_H

#include "proto/mux_tail.h"
#include "support/mux_sim.h"

#define SIM_STREAMS 40000u /* ids that a run may use */

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
	uint64_t granted; /* see mux_sim_owner_granted() */
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
	struct mux_tails tails; /* of both, when memory is scarce */
	uint64_t random;
	uint64_t now_us;
	bool calm; /* the end: everybody reads and finishes */
};

void mux_sim_owner_expect(struct sim *sim, bool good, const char *problem);
uint32_t mux_sim_owner_random(struct sim *sim, uint32_t below);
struct sim_ledger *mux_sim_owner_ledger_of(const struct sim_stream *s);

/* The most that it may hold and may still be sent: its window or, when that has shrunk, what it
 * was. */
uint64_t mux_sim_owner_granted(struct sim_stream *s);
void mux_sim_owner_read(struct sim_stream *s, bool on);
void mux_sim_owner_finish(struct sim_stream *s);
void mux_sim_owner_release(struct sim_stream *s);
/* One of the things an owner may do at any time. The stream may be gone after it. */
void mux_sim_owner_act(struct sim_stream *s);
void mux_sim_owner_open(struct sim_side *side);

extern const struct mux_events mux_sim_owner_events;

#endif
