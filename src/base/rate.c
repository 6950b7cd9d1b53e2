/* Sums on a given clock that neither overflow nor go back when the clock does. */
#include "base/rate.h"

#define RATE_PACE_AHEAD_US 250000u
#define RATE_SECOND_US 1000000u

static void rate_window_move(struct rate_window *w, uint64_t now_ms)
{
	uint64_t age = now_ms > w->began_ms ? now_ms - w->began_ms : 0;

	if (age < RATE_WINDOW_MS)
		return;
	w->before = age < 2 * RATE_WINDOW_MS ? w->now : 0;
	w->now = 0;
	/* A row of full windows keeps its rhythm; after a pause the next event begins one. */
	w->began_ms = w->before ? w->began_ms + RATE_WINDOW_MS : now_ms;
}

uint64_t rate_window_take(struct rate_window *w, uint32_t limit, uint64_t now_ms)
{
	uint64_t age, left, room;

	rate_window_move(w, now_ms);
	age = now_ms > w->began_ms ? now_ms - w->began_ms : 0;
	left = RATE_WINDOW_MS - age;
	if (w->now < limit) {
		room = (uint64_t)(limit - w->now - 1) * RATE_WINDOW_MS;
		if (w->before * left <= room) {
			w->now++;
			return 0;
		}
		return left - room / w->before;
	}
	if (!limit)
		return RATE_WINDOW_MS;
	/* Full by itself: in the next window it becomes the one before, and fades. */
	return left + RATE_WINDOW_MS - (uint64_t)(limit - 1) * RATE_WINDOW_MS / w->now;
}

uint64_t rate_pace_spend(struct rate_pace *p, uint64_t bytes_per_s, uint64_t bytes, uint64_t now_us)
{
	uint64_t ahead = now_us > RATE_PACE_AHEAD_US ? now_us - RATE_PACE_AHEAD_US : 0;
	uint64_t cost;

	if (p->free_us < ahead)
		p->free_us = ahead;
	cost = bytes / bytes_per_s * RATE_SECOND_US;
	cost += bytes % bytes_per_s * RATE_SECOND_US / bytes_per_s;
	p->free_us += cost;
	return p->free_us > now_us ? p->free_us : now_us;
}
