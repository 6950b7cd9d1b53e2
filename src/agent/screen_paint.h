/* The status screen while it is drawn, row by row. For the screen's own files. */
#ifndef AGENT_SCREEN_PAINT_H
#define AGENT_SCREEN_PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/screen_pen.h"

struct screen_conf;
struct screen_frame;
struct screen_model;

#define SCREEN_PAINT_ROOMY 64u /* from so many columns on, more than one blank between things */

struct screen_paint {
	struct screen_frame *frame;
	const struct screen_model *m;
	const struct screen_conf *conf;
	struct screen_pen pen; /* of the row that is drawn */
	uint64_t now;
	unsigned rows_left;
	bool airy;
};

/* A number and what it counts. */
struct screen_item {
	char value[32];
	const char *name;
	enum screen_style style;
};

void screen_paint_begin(struct screen_paint *p);
void screen_paint_end(struct screen_paint *p);
void screen_paint_blank(struct screen_paint *p);
void screen_paint_put(
	struct screen_paint *p, enum screen_style style, const char *value, unsigned cells);
/* As many of them as the row has room for. */
void screen_paint_items(struct screen_paint *p, const struct screen_item *items, size_t count);

#endif
