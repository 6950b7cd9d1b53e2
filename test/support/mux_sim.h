/*
 * Two muxes joined by an imagined link that tears bytes at any place, holds them back, and breaks:
 * then what is under way is lost on both sides, and they resume as docs/protocol.md (5) says.
 * Everything random comes from the seed, and time is a number.
 */
#ifndef SUPPORT_MUX_SIM_H
#define SUPPORT_MUX_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mux.h"

struct mux_sim_conf {
	uint64_t seed;
	unsigned steps;
	unsigned streams; /* open at a time, by each side */
	unsigned cut_every; /* about so many steps; 0: never */
	uint32_t write_max;
	uint32_t wire_max; /* bytes the link holds in each direction */
	uint32_t window; /* what both agree on; 0: that of yamux */
	uint32_t window_max;
	uint32_t window_budget;
	uint32_t tail_max;
	bool scarce; /* all tails together may hold nothing beyond their own */
	bool resume;
	bool rough; /* streams are reset and let go of at any time */
};

struct mux_sim_result {
	const char *problem; /* NULL: all that was promised was kept */
	unsigned opened;
	unsigned whole; /* streams whose bytes all arrived, both ways */
	unsigned reset;
	unsigned cuts;
	unsigned grown; /* times that a window was seen larger than it began */
	uint64_t bytes;
};

struct mux_sim_result mux_sim_run(const struct mux_sim_conf *conf);

/* The byte at a place of what a side says on a stream. */
char mux_sim_byte(uint32_t id, unsigned side, uint64_t at);

#endif
