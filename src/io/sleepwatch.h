/*
 * Notices that the machine, or this process, stood still: lid closed, virtual machine paused,
 * process stopped. Looked for once a second.
 */
#ifndef IO_SLEEPWATCH_H
#define IO_SLEEPWATCH_H

#include <stdbool.h>
#include <stdint.h>

#define SLEEPWATCH_EVERY_MS 1000u
#define SLEEPWATCH_LATE_MS 5000u /* later than this it was no busy machine any more */
#define SLEEPWATCH_SLEPT_MS 500u /* the clocks are not read at the very same moment */

struct loop;
struct sleepwatch;

/* Both in milliseconds: one runs while the machine sleeps, the other does not. */
struct sleepwatch_clocks {
	uint64_t (*with_sleep)(void *ctx);
	uint64_t (*without_sleep)(void *ctx);
};

/* woke: how long it was away, about. clocks and their ctx, which is also that of woke: NULL clocks
 * are the system's; otherwise borrowed. */
struct sleepwatch *sleepwatch_new(struct loop *loop, const struct sleepwatch_clocks *clocks,
	void (*woke)(void *ctx, uint64_t away_ms), void *ctx);
void sleepwatch_free(struct sleepwatch **s);

/* For so much passed between two looks: how long of it nobody was there, or 0. */
uint64_t sleepwatch_judge(uint64_t with_sleep_ms, uint64_t without_sleep_ms);

#endif
