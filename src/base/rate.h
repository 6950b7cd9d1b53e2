/*
 * How often and how fast something may happen, on a clock that the caller gives: so many events in
 * a minute that slides, so many bytes a second. Pure: no clock, no memory of its own.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdint.h>

/* So many events fit one window. All zero at first. */
struct rate_window {
	uint64_t began_ms; /* the window that runs */
	uint32_t before; /* events of the window before it */
	uint32_t now; /* events of the one that runs */
};

#define RATE_WINDOW_MS 60000u

/*
 * Counts an event and returns 0, or counts nothing and returns in how many milliseconds there is
 * room for one. The window before counts for the part of it that the last minute still covers.
 */
uint64_t rate_window_take(struct rate_window *w, uint32_t limit, uint64_t now_ms);

/* Bytes in a row, each at the time when those before it are through. All zero at first. */
struct rate_pace {
	uint64_t free_us; /* when all that was sent is paid for */
};

/*
 * Pays for bytes that went already; returns when the next may go, which is now or later. What was
 * not used before gives a quarter of a second's worth in advance, at the most.
 */
uint64_t rate_pace_spend(
	struct rate_pace *p, uint64_t bytes_per_s, uint64_t bytes, uint64_t now_us);

#endif
