/* Two rows for each where they fit, else one; what does not fit is counted. */
#include "agent/screen_tunnels.h"

#include <stdio.h>
#include <string.h>

#include "agent/screen.h"
#include "agent/screen_model.h"
#include "agent/screen_paint.h"

static unsigned screen_url_rows(const struct screen_paint *p, const struct screen_tunnel *t)
{
	size_t len = strlen(t->url);
	unsigned columns = p->conf->columns;

	return len + 1 <= columns ? 1 : (unsigned)((len + columns - 1) / columns);
}

static const char *screen_arrow(const struct screen_paint *p)
{
	return p->conf->utf8 ? "\u2192" : "->";
}

static const char *screen_tunnel_trouble(const struct screen_tunnel *t)
{
	static const char *const words[] = {[SCREEN_TUNNEL_UP] = "",
		[SCREEN_TUNNEL_WAITS] = "not open yet",
		[SCREEN_TUNNEL_DOWN] = "closed"};

	return words[t->state];
}

/*
 * A URL that is wider than the terminal begins at the edge and runs over it, so that the terminal
 * takes the rows for one line when it is copied. A relay's URLs are ASCII; what is not stays short.
 */
static void screen_url(struct screen_paint *p, const struct screen_tunnel *t, unsigned rows)
{
	enum screen_style style = t->state == SCREEN_TUNNEL_UP ? SCREEN_LINK : SCREEN_DIM;
	struct slice url = slice_from_str(t->url[0] ? t->url : screen_tunnel_trouble(t));

	if (rows == 1 || screen_pen_measure(&p->pen, url) != url.len) {
		screen_paint_begin(p);
		screen_pen_go(&p->pen, 1);
		screen_pen_put(&p->pen, style, url, SCREEN_COLUMNS_MAX);
		screen_paint_end(p);
		return;
	}
	while (url.len && p->rows_left) {
		screen_paint_begin(p);
		screen_pen_put(
			&p->pen, style, slice_first(url, p->conf->columns), SCREEN_COLUMNS_MAX);
		url = slice_from(url, p->conf->columns);
		screen_paint_end(p);
		p->frame->rows[p->frame->count - 1].goes_on = url.len > 0 && p->rows_left;
	}
}

static void screen_target(struct screen_paint *p, const struct screen_tunnel *t)
{
	screen_pen_text(&p->pen, SCREEN_DIM, screen_arrow(p));
	screen_pen_go(&p->pen, p->pen.used + 1);
	screen_paint_put(p, SCREEN_PLAIN, t->target, SCREEN_COLUMNS_MAX);
	if (p->m->tunnel_count > 1 && screen_pen_room(&p->pen) > 8) {
		screen_pen_go(&p->pen, p->pen.used + 2);
		screen_paint_put(p, SCREEN_DIM, t->label, 24);
	}
	if (t->is_protected && screen_pen_room(&p->pen) > 12) {
		screen_pen_go(&p->pen, p->pen.used + 2);
		screen_paint_put(p, SCREEN_DIM, "protected", SCREEN_COLUMNS_MAX);
	}
	if (t->state != SCREEN_TUNNEL_UP && t->url[0] && screen_pen_room(&p->pen) > 8) {
		screen_pen_go(&p->pen, p->pen.used + 2);
		screen_paint_put(p, t->state == SCREEN_TUNNEL_DOWN ? SCREEN_RED : SCREEN_YELLOW,
			screen_tunnel_trouble(t), SCREEN_COLUMNS_MAX);
	}
}

static void screen_tunnel_tall(struct screen_paint *p, const struct screen_tunnel *t)
{
	screen_url(p, t, screen_url_rows(p, t));
	if (!p->rows_left)
		return;
	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	screen_target(p, t);
	screen_paint_end(p);
}

static void screen_tunnel_flat(struct screen_paint *p, const struct screen_tunnel *t)
{
	bool has_room = p->conf->columns >= SCREEN_PAINT_ROOMY;

	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	screen_paint_put(p, t->state == SCREEN_TUNNEL_UP ? SCREEN_LINK : SCREEN_DIM,
		t->url[0] ? t->url : screen_tunnel_trouble(t),
		has_room ? p->conf->columns * 2 / 3 : SCREEN_COLUMNS_MAX);
	if (has_room) {
		screen_pen_go(&p->pen, p->pen.used + 1);
		screen_target(p, t);
	}
	screen_paint_end(p);
}

static unsigned screen_tunnel_tall_rows(const struct screen_paint *p)
{
	unsigned rows = 0;

	for (size_t i = 0; i < p->m->tunnel_count; i++)
		rows += screen_url_rows(p, &p->m->tunnels[i]) + 1;
	return rows;
}

void screen_tunnels_paint(struct screen_paint *p, unsigned room)
{
	const struct screen_model *m = p->m;
	bool is_tall = screen_tunnel_tall_rows(p) <= room || m->tunnel_count == 1;
	size_t shown = m->tunnel_count;
	char text[64];

	if (!shown) {
		screen_paint_begin(p);
		screen_pen_go(&p->pen, 1);
		screen_pen_text(&p->pen, SCREEN_DIM, "No tunnel is open yet.");
		screen_paint_end(p);
	}
	if (!is_tall && (shown > room || m->tunnels_more))
		shown = room - 1 < shown ? room - 1 : shown;
	for (size_t i = 0; i < shown && p->rows_left; i++) {
		if (is_tall)
			screen_tunnel_tall(p, &m->tunnels[i]);
		else
			screen_tunnel_flat(p, &m->tunnels[i]);
	}
	if ((shown == m->tunnel_count && !m->tunnels_more) || !p->rows_left)
		return;
	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	snprintf(text, sizeof(text), "and %zu more tunnels",
		m->tunnel_count - shown + m->tunnels_more);
	screen_paint_put(p, SCREEN_DIM, text, SCREEN_COLUMNS_MAX);
	screen_paint_end(p);
}
