/* A row is begun, written with its pen, and ended; what it took of the frame is noted then. */
#include "agent/screen_paint.h"

#include <string.h>

#include "agent/screen.h"

void screen_paint_begin(struct screen_paint *p)
{
	p->pen = (struct screen_pen) {.out = &p->frame->text,
		.width = p->conf->columns,
		.colour = p->conf->colour,
		.utf8 = p->conf->utf8};
	p->frame->rows[p->frame->count].at = buf_len(&p->frame->text);
}

void screen_paint_end(struct screen_paint *p)
{
	struct screen_row *row = &p->frame->rows[p->frame->count];

	row->len = buf_len(&p->frame->text) - row->at;
	row->goes_on = false;
	p->frame->count++;
	p->rows_left--;
}

void screen_paint_blank(struct screen_paint *p)
{
	if (!p->rows_left)
		return;
	screen_paint_begin(p);
	screen_paint_end(p);
}

void screen_paint_put(
	struct screen_paint *p, enum screen_style style, const char *value, unsigned cells)
{
	screen_pen_put(&p->pen, style, slice_from_str(value), cells);
}

/* As many of them as the row has room for. */
void screen_paint_items(struct screen_paint *p, const struct screen_item *items, size_t count)
{
	unsigned gap = p->conf->columns < SCREEN_PAINT_ROOMY ? 2 : 3;

	for (size_t i = 0; i < count; i++) {
		size_t value = strlen(items[i].value), name = strlen(items[i].name);

		if (!value ||
			(p->pen.used > 1 ? gap : 0) + value + 1 + name > screen_pen_room(&p->pen))
			continue;
		if (p->pen.used > 1)
			screen_pen_go(&p->pen, p->pen.used + gap);
		screen_paint_put(p, items[i].style, items[i].value, SCREEN_COLUMNS_MAX);
		screen_pen_go(&p->pen, p->pen.used + 1);
		screen_paint_put(p, SCREEN_DIM, items[i].name, SCREEN_COLUMNS_MAX);
	}
}
