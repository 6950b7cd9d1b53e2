/*
 * From top to bottom: title, state, tunnels, totals, requests, the last note, a hint. Tunnels get
 * what is left of half the rows, requests the rest; blank rows come only where rows abound.
 */
#include "agent/screen.h"

#include <stdio.h>
#include <string.h>

#include "agent/screen_model.h"
#include "agent/screen_pen.h"
#include "agent/screen_request.h"
#include "base/attr.h"

#define SCREEN_AIRY_ROWS 16u /* from here on there are blank rows */
#define SCREEN_ROOMY_COLUMNS 64u /* and here more than one blank between things */

struct screen_drawing {
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

/* ---- rows ---- */

static void screen_begin_row(struct screen_drawing *d)
{
	d->pen = (struct screen_pen) {.out = &d->frame->text,
		.width = d->conf->columns,
		.colour = d->conf->colour,
		.utf8 = d->conf->utf8};
	d->frame->rows[d->frame->count].at = buf_len(&d->frame->text);
}

static void screen_end_row(struct screen_drawing *d)
{
	struct screen_row *row = &d->frame->rows[d->frame->count];

	row->len = buf_len(&d->frame->text) - row->at;
	row->goes_on = false;
	d->frame->count++;
	d->rows_left--;
}

static void screen_blank(struct screen_drawing *d)
{
	if (!d->rows_left)
		return;
	screen_begin_row(d);
	screen_end_row(d);
}

static void screen_put(
	struct screen_drawing *d, enum screen_style style, const char *value, unsigned cells)
{
	screen_pen_put(&d->pen, style, slice_from_str(value), cells);
}

/* As many of them as the row has room for. */
static void screen_items(struct screen_drawing *d, const struct screen_item *items, size_t count)
{
	unsigned gap = d->conf->columns < SCREEN_ROOMY_COLUMNS ? 2 : 3;

	for (size_t i = 0; i < count; i++) {
		size_t value = strlen(items[i].value), name = strlen(items[i].name);

		if (!value ||
			(d->pen.used > 1 ? gap : 0) + value + 1 + name > screen_pen_room(&d->pen))
			continue;
		screen_pen_go(&d->pen, d->pen.used > 1 ? d->pen.used + gap : 1);
		screen_put(d, items[i].style, items[i].value, SCREEN_COLUMNS_MAX);
		screen_pen_go(&d->pen, d->pen.used + 1);
		screen_put(d, SCREEN_DIM, items[i].name, SCREEN_COLUMNS_MAX);
	}
}

/* ---- title and state ---- */

static void screen_title(struct screen_drawing *d)
{
	struct slice relay = slice_from_str(d->m->relay);

	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	screen_pen_text(&d->pen, SCREEN_BOLD, "adit");
	if (relay.len && screen_pen_room(&d->pen) > 6) {
		screen_pen_go(&d->pen, d->pen.used + 2);
		screen_pen_right(&d->pen, SCREEN_DIM, relay, screen_pen_room(&d->pen) - 1);
	}
	screen_end_row(d);
}

static void screen_say_lost(const struct screen_drawing *d, struct buf *out, const char *verb)
{
	const struct screen_model *m = d->m;

	buf_append_str(out, verb);
	if (m->retry_at > d->now)
		buf_printf(
			out, " in %llu s", (unsigned long long)(m->retry_at - d->now + 999) / 1000);
	else
		buf_append_str(out, d->conf->utf8 ? "\u2026" : "...");
	if (m->attempt > 1)
		buf_printf(out, " (attempt %u)", m->attempt);
}

static enum screen_style screen_say_state(const struct screen_drawing *d, struct buf *out)
{
	const struct screen_model *m = d->m;

	if (m->is_stopping) {
		buf_append_str(out, "stopping");
		if (m->open)
			buf_printf(
				out, ": %llu may finish, Ctrl-C ends", (unsigned long long)m->open);
		return SCREEN_YELLOW;
	}
	switch (m->state) {
	case SCREEN_CONNECTING:
		screen_say_lost(d, out, "connecting");
		return SCREEN_YELLOW;
	case SCREEN_LOST:
		screen_say_lost(d, out, "reconnecting");
		return SCREEN_RED;
	case SCREEN_FAILED:
		buf_append_str(out, "failed");
		return SCREEN_RED;
	case SCREEN_CONNECTED:
		break;
	}
	if (m->resumed_at && d->now - m->resumed_at < SCREEN_RESUMED_MS) {
		buf_append_str(out, "resumed after ");
		screen_put_duration(out, m->resumed_us);
	} else {
		buf_append_str(out, "connected");
	}
	return SCREEN_GREEN;
}

static void screen_state(struct screen_drawing *d)
{
	struct screen_item items[] = {{"", "RTT", SCREEN_PLAIN}, {"", "up", SCREEN_PLAIN}};
	const struct screen_model *m = d->m;
	enum screen_style style;
	struct buf text = {0};
	unsigned gap = d->conf->columns < SCREEN_ROOMY_COLUMNS ? 2 : 3;

	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	style = screen_say_state(d, &text);
	screen_pen_text(&d->pen, style, d->conf->utf8 ? "\u25cf" : "*");
	screen_pen_go(&d->pen, d->pen.used + 1);
	screen_pen_put(&d->pen, style == SCREEN_GREEN ? SCREEN_PLAIN : style, buf_slice(&text),
		SCREEN_COLUMNS_MAX);
	for (size_t i = 0; i < ARRAY_LEN(items) && m->state == SCREEN_CONNECTED; i++) {
		buf_clear(&text);
		if (i == 0 && m->rtt_us)
			screen_put_duration(&text, m->rtt_us);
		else if (i == 1 && m->up_since)
			screen_put_uptime(&text, d->now - m->up_since);
		if (!buf_len(&text) ||
			gap + strlen(items[i].name) + 1 + buf_len(&text) > screen_pen_room(&d->pen))
			continue;
		screen_pen_go(&d->pen, d->pen.used + gap);
		screen_put(d, SCREEN_DIM, items[i].name, SCREEN_COLUMNS_MAX);
		screen_pen_go(&d->pen, d->pen.used + 1);
		screen_pen_put(&d->pen, SCREEN_PLAIN, buf_slice(&text), SCREEN_COLUMNS_MAX);
	}
	buf_release(&text);
	screen_end_row(d);
}

/* ---- tunnels ---- */

static unsigned screen_url_rows(const struct screen_drawing *d, const struct screen_tunnel *t)
{
	size_t len = strlen(t->url);
	unsigned columns = d->conf->columns;

	return len + 1 <= columns ? 1 : (unsigned)((len + columns - 1) / columns);
}

static const char *screen_arrow(const struct screen_drawing *d)
{
	return d->conf->utf8 ? "\u2192" : "->";
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
static void screen_url(struct screen_drawing *d, const struct screen_tunnel *t, unsigned rows)
{
	enum screen_style style = t->state == SCREEN_TUNNEL_UP ? SCREEN_LINK : SCREEN_DIM;
	struct slice url = slice_from_str(t->url[0] ? t->url : screen_tunnel_trouble(t));

	if (rows == 1 || screen_pen_measure(&d->pen, url) != url.len) {
		screen_begin_row(d);
		screen_pen_go(&d->pen, 1);
		screen_pen_put(&d->pen, style, url, SCREEN_COLUMNS_MAX);
		screen_end_row(d);
		return;
	}
	while (url.len && d->rows_left) {
		screen_begin_row(d);
		screen_pen_put(
			&d->pen, style, slice_first(url, d->conf->columns), SCREEN_COLUMNS_MAX);
		url = slice_from(url, d->conf->columns);
		screen_end_row(d);
		d->frame->rows[d->frame->count - 1].goes_on = url.len > 0 && d->rows_left;
	}
}

static void screen_target(struct screen_drawing *d, const struct screen_tunnel *t)
{
	screen_pen_text(&d->pen, SCREEN_DIM, screen_arrow(d));
	screen_pen_go(&d->pen, d->pen.used + 1);
	screen_put(d, SCREEN_PLAIN, t->target, SCREEN_COLUMNS_MAX);
	if (d->m->tunnel_count > 1 && screen_pen_room(&d->pen) > 8) {
		screen_pen_go(&d->pen, d->pen.used + 2);
		screen_put(d, SCREEN_DIM, t->label, 24);
	}
	if (t->state != SCREEN_TUNNEL_UP && t->url[0] && screen_pen_room(&d->pen) > 8) {
		screen_pen_go(&d->pen, d->pen.used + 2);
		screen_put(d, t->state == SCREEN_TUNNEL_DOWN ? SCREEN_RED : SCREEN_YELLOW,
			screen_tunnel_trouble(t), SCREEN_COLUMNS_MAX);
	}
}

static void screen_tunnel_tall(struct screen_drawing *d, const struct screen_tunnel *t)
{
	screen_url(d, t, screen_url_rows(d, t));
	if (!d->rows_left)
		return;
	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	screen_target(d, t);
	screen_end_row(d);
}

static void screen_tunnel_flat(struct screen_drawing *d, const struct screen_tunnel *t)
{
	bool has_room = d->conf->columns >= SCREEN_ROOMY_COLUMNS;

	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	screen_put(d, t->state == SCREEN_TUNNEL_UP ? SCREEN_LINK : SCREEN_DIM,
		t->url[0] ? t->url : screen_tunnel_trouble(t),
		has_room ? d->conf->columns * 2 / 3 : SCREEN_COLUMNS_MAX);
	if (has_room) {
		screen_pen_go(&d->pen, d->pen.used + 1);
		screen_target(d, t);
	}
	screen_end_row(d);
}

static unsigned screen_tunnel_tall_rows(const struct screen_drawing *d)
{
	unsigned rows = 0;

	for (size_t i = 0; i < d->m->tunnel_count; i++)
		rows += screen_url_rows(d, &d->m->tunnels[i]) + 1;
	return rows;
}

static void screen_tunnels(struct screen_drawing *d, unsigned room)
{
	const struct screen_model *m = d->m;
	bool is_tall = screen_tunnel_tall_rows(d) <= room || m->tunnel_count == 1;
	size_t shown = m->tunnel_count;
	char text[64];

	if (!is_tall && (shown > room || m->tunnels_more))
		shown = room - 1 < shown ? room - 1 : shown;
	for (size_t i = 0; i < shown && d->rows_left; i++) {
		if (is_tall)
			screen_tunnel_tall(d, &m->tunnels[i]);
		else
			screen_tunnel_flat(d, &m->tunnels[i]);
	}
	if ((shown == m->tunnel_count && !m->tunnels_more) || !d->rows_left)
		return;
	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	snprintf(text, sizeof(text), "and %zu more tunnels",
		m->tunnel_count - shown + m->tunnels_more);
	screen_put(d, SCREEN_DIM, text, SCREEN_COLUMNS_MAX);
	screen_end_row(d);
}

/* ---- totals ---- */

static void screen_item_count(struct screen_item *item, uint64_t value)
{
	snprintf(item->value, sizeof(item->value), "%llu", (unsigned long long)value);
}

static void screen_item_bytes(struct screen_item *item, uint64_t bytes)
{
	struct buf text = {0};

	screen_put_bytes(&text, bytes);
	slice_to_str(buf_slice(&text), item->value, sizeof(item->value));
	buf_release(&text);
}

static void screen_fill_totals(const struct screen_model *m, struct screen_item items[5])
{
	static const struct screen_item names[] = {{"", "requests", SCREEN_BOLD},
		{"", "errors", SCREEN_BOLD}, {"", "open", SCREEN_BOLD}, {"", "in", SCREEN_BOLD},
		{"", "out", SCREEN_BOLD}};

	memcpy(items, names, sizeof(names));
	screen_item_count(&items[0], m->requests);
	screen_item_count(&items[1], m->errors);
	screen_item_count(&items[2], m->open);
	screen_item_bytes(&items[3], m->bytes_in);
	screen_item_bytes(&items[4], m->bytes_out);
	if (m->requests == 1)
		items[0].name = "request";
	if (m->errors)
		items[1].style = SCREEN_RED;
	if (m->errors == 1)
		items[1].name = "error";
}

static void screen_totals(struct screen_drawing *d)
{
	struct screen_item items[5];

	screen_fill_totals(d->m, items);
	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	screen_items(d, items, ARRAY_LEN(items));
	screen_end_row(d);
}

static void screen_rule(struct screen_drawing *d)
{
	screen_begin_row(d);
	screen_pen_rule(&d->pen, SCREEN_DIM);
	screen_end_row(d);
}

/* ---- requests ---- */

static void screen_requests(struct screen_drawing *d, unsigned rows)
{
	const struct screen_request *q;

	if (!d->m->ring_count && rows) {
		screen_begin_row(d);
		screen_pen_go(&d->pen, 1);
		screen_pen_text(&d->pen, SCREEN_DIM,
			d->m->state == SCREEN_CONNECTED ? "No requests yet." : "");
		screen_end_row(d);
		rows--;
	}
	for (unsigned i = 0; i < rows; i++) {
		screen_begin_row(d);
		q = screen_model_request(d->m, i);
		if (q)
			screen_request_draw(&d->pen, q, d->m->tunnel_count > 1);
		screen_end_row(d);
	}
}

/* ---- the last note ---- */

static void screen_note_text(const struct screen_note *n, struct buf *out)
{
	char time[16];

	screen_request_time(time, n->wall_ms);
	buf_append_str(out, time);
	if (n->about[0])
		buf_printf(out, " %s", n->about);
	if (n->code[0])
		buf_printf(out, " [%s]", n->code);
	if (n->message[0])
		buf_printf(out, ": %s", n->message);
}

/* In two rows where there is room for them, parted between words if possible. */
static void screen_note(struct screen_drawing *d, unsigned rows)
{
	static const enum screen_style styles[] = {
		SCREEN_PLAIN, SCREEN_CYAN, SCREEN_YELLOW, SCREEN_RED};
	enum screen_style style = styles[d->m->note.kind];
	struct buf text = {0};
	struct slice rest;

	if (d->m->note.kind)
		screen_note_text(&d->m->note, &text);
	rest = buf_slice(&text);
	for (unsigned i = 0; i < rows; i++) {
		struct slice part = rest;

		screen_begin_row(d);
		screen_pen_go(&d->pen, 1);
		if (rest.len)
			screen_pen_text(&d->pen, style, i == 0 ? "! " : "  ");
		if (i + 1 < rows && screen_pen_measure(&d->pen, rest) >= screen_pen_room(&d->pen)) {
			part = slice_first(rest, screen_pen_room(&d->pen) - 1);
			part = slice_first(part, slice_find_last(part, ' '));
		}
		screen_pen_put(&d->pen, style, part, screen_pen_room(&d->pen) - 1);
		rest = slice_from(rest, part.len + 1);
		screen_end_row(d);
	}
	buf_release(&text);
}

static void screen_hint(struct screen_drawing *d)
{
	screen_begin_row(d);
	screen_pen_go(&d->pen, 1);
	screen_pen_text(&d->pen, SCREEN_DIM,
		d->m->is_stopping ? "Ctrl-C again ends at once" : "Ctrl-C stops");
	screen_end_row(d);
}

/* ---- all of it ---- */

static void screen_top(struct screen_drawing *d)
{
	unsigned room = d->conf->rows / 2;

	screen_title(d);
	if (d->rows_left)
		screen_state(d);
	if (d->airy)
		screen_blank(d);
	if (d->rows_left)
		screen_tunnels(d, room > 3 ? room - 2 : 1);
	if (d->airy)
		screen_blank(d);
	if (d->rows_left)
		screen_totals(d);
	if (d->airy)
		screen_rule(d);
}

static void screen_bottom(struct screen_drawing *d)
{
	unsigned note_rows = !d->m->note.kind ? 0 : d->airy ? 2 : 1;
	unsigned hint_rows = d->airy ? 2 : 0;

	if (note_rows > d->rows_left)
		note_rows = d->rows_left;
	if (note_rows + hint_rows >= d->rows_left)
		hint_rows = 0;
	screen_requests(d, d->rows_left - note_rows - hint_rows);
	screen_note(d, note_rows);
	if (hint_rows) {
		screen_blank(d);
		screen_hint(d);
	}
}

void screen_draw(struct screen_frame *f, const struct screen_model *m,
	const struct screen_conf *conf, uint64_t now)
{
	struct screen_conf bounded = *conf;
	struct screen_drawing d = {.frame = f, .m = m, .conf = &bounded, .now = now};

	if (bounded.columns > SCREEN_COLUMNS_MAX)
		bounded.columns = SCREEN_COLUMNS_MAX;
	if (bounded.rows > SCREEN_ROWS_MAX)
		bounded.rows = SCREEN_ROWS_MAX;
	d.rows_left = bounded.rows;
	d.airy = bounded.rows >= SCREEN_AIRY_ROWS;
	buf_clear(&f->text);
	f->count = 0;
	if (bounded.columns < 2 || !bounded.rows)
		return;
	screen_top(&d);
	screen_bottom(&d);
}

struct slice screen_frame_row(const struct screen_frame *f, unsigned row)
{
	return slice_first(slice_from(buf_slice(&f->text), f->rows[row].at), f->rows[row].len);
}

void screen_frame_deinit(struct screen_frame *f)
{
	buf_release(&f->text);
	f->count = 0;
}

/* ---- the end ---- */

static void screen_put_line(const struct screen_conf *conf, struct buf *out, const struct buf *line)
{
	struct screen_pen pen = {.out = out, .width = UINT32_MAX, .utf8 = conf->utf8};

	screen_pen_put(&pen, SCREEN_PLAIN, buf_slice(line), SCREEN_PATH_MAX * 6);
	buf_append_char(out, '\n');
}

void screen_put_summary(
	struct buf *out, const struct screen_model *m, const struct screen_conf *conf)
{
	struct screen_item items[5];
	struct buf line = {0};

	for (size_t i = 0; i < m->tunnel_count; i++) {
		if (!m->tunnels[i].url[0])
			continue;
		buf_clear(&line);
		buf_printf(&line, "%s -> %s", m->tunnels[i].url, m->tunnels[i].target);
		screen_put_line(conf, out, &line);
	}
	if (m->note.kind == SCREEN_ERROR || m->note.kind == SCREEN_WARNING) {
		buf_clear(&line);
		screen_note_text(&m->note, &line);
		screen_put_line(conf, out, &line);
	}
	screen_fill_totals(m, items);
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		if (i != 2)
			buf_printf(out, "%s%s %s", i ? ", " : "", items[i].value, items[i].name);
	}
	buf_append_char(out, '\n');
	buf_release(&line);
}
