/*
 * Two streams joined: bytes both ways, backpressure and half-close passed on. Used once an
 * upgrade was agreed, and for TCP tunnels.
 */
#ifndef IO_PUMP_H
#define IO_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct pump;
struct stream;

enum pump_side { PUMP_A, PUMP_B };
enum pump_end {
	PUMP_END_BOTH, /* both sides finished in order */
	PUMP_END_A, /* side A failed */
	PUMP_END_B, /* side B failed */
};

struct pump_events {
	void (*moved)(
		void *ctx); /* bytes came from some side, or what had waited for one went out */
	/* The pump has closed its streams; the callee frees the pump with pump_free. */
	void (*done)(void *ctx, enum pump_end end);
};

/* Takes both streams. Bytes that were already read from a side are given to pump_feed next. */
struct pump *pump_new(
	struct stream **a, struct stream **b, const struct pump_events *events, void *ctx);
/* Passes on what had been read from that side before. */
void pump_feed(struct pump *p, enum pump_side from, struct slice data);
/* That side had ended before the pump got it. */
void pump_end_side(struct pump *p, enum pump_side side);
/* Starts reading both sides. */
void pump_start(struct pump *p);
/* How much is read of either side at a time (stream_set_step). */
void pump_set_step(struct pump *p, uint32_t most);
/* Nothing more is read from either side until it goes on. */
void pump_pause(struct pump *p);
void pump_go_on(struct pump *p);
/* How many bytes came from that side. */
uint64_t pump_bytes(const struct pump *p, enum pump_side from);
/* Resets both streams if they are still there. */
void pump_free(struct pump **p);

#endif
