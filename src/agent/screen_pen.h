/*
 * Writes one row of a terminal: counts cells, cuts at the width, colours, and escapes what peers
 * chose, so that none of their bytes reaches the terminal as more than a letter. Pure.
 */
#ifndef AGENT_SCREEN_PEN_H
#define AGENT_SCREEN_PEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum screen_style {
	SCREEN_PLAIN,
	SCREEN_BOLD,
	SCREEN_DIM,
	SCREEN_GREEN,
	SCREEN_CYAN,
	SCREEN_YELLOW,
	SCREEN_RED,
	SCREEN_LINK, /* what a reader is here for */
};

struct screen_pen {
	struct buf *out; /* borrowed */
	unsigned width;
	unsigned used; /* cells so far */
	bool colour; /* without it, bold remains */
	bool utf8; /* else ASCII only */
};

/* Cells that the value takes once it is escaped. */
unsigned screen_pen_measure(const struct screen_pen *pen, struct slice value);
/* Escaped, in at most so many cells: an ellipsis says that there was more. */
void screen_pen_put(
	struct screen_pen *pen, enum screen_style style, struct slice value, unsigned cells);
/* A text of ours, as much as there is room for. */
void screen_pen_text(struct screen_pen *pen, enum screen_style style, const char *text);
/* Right-aligned in so many cells. */
void screen_pen_right(
	struct screen_pen *pen, enum screen_style style, struct slice value, unsigned cells);
/* Blanks up to the column, at least one if anything stands before it. */
void screen_pen_go(struct screen_pen *pen, unsigned column);
/* A line across the row. */
void screen_pen_rule(struct screen_pen *pen, enum screen_style style);
unsigned screen_pen_room(const struct screen_pen *pen);

/* "950 us" as "0.9 ms", "12 ms", "3.4 s", "2m05s", "3h12m": at most seven cells. */
void screen_put_duration(struct buf *out, uint64_t us);
/* "<1 min", "12 min", "3 h 05 min", "2 d 4 h" */
void screen_put_uptime(struct buf *out, uint64_t ms);
/* "950 B", "1.2 kB" */
void screen_put_bytes(struct buf *out, uint64_t bytes);

#endif
