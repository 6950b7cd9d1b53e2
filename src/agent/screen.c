/*
 * From top to bottom: title, state, tunnels, totals, requests, the last note, a hint. Tunnels get
 * what is left of half the rows, requests the rest; blank rows come only where rows abound.
 */
#include "agent/screen.h"

#include <stdio.h>

#include "agent/screen_model.h"
#include "agent/screen_paint.h"
#include "agent/screen_pen.h"
#include "agent/screen_request.h"
#include "agent/screen_tunnels.h"
#include "base/attr.h"

#define SCREEN_AIRY_ROWS 16u /* from here on there are blank rows */
#define SCREEN_NARROW_COLUMNS 50u /* below it words are short */
#define SCREEN_TOTALS 5u

/* ---- title and state ---- */

static void screen_title(struct screen_paint *p)
{
	struct slice relay = slice_from_str(p->m->relay);

	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	screen_pen_text(&p->pen, SCREEN_BOLD, "adit");
	if (relay.len && screen_pen_room(&p->pen) > 6) {
		screen_pen_go(&p->pen, p->pen.used + 2);
		screen_pen_right(&p->pen, SCREEN_DIM, relay, screen_pen_room(&p->pen) - 1);
	}
	screen_paint_end(p);
}

static void screen_say_lost(const struct screen_paint *p, struct buf *out, const char *verb)
{
	const struct screen_model *m = p->m;

	buf_append_str(out, verb);
	if (m->retry_at > p->now)
		buf_printf(
			out, " in %llu s", (unsigned long long)(m->retry_at - p->now + 999) / 1000);
	else
		buf_append_str(out, p->conf->utf8 ? "\u2026" : "...");
	if (m->attempt > 1)
		buf_printf(out, " (attempt %u)", m->attempt);
}

static enum screen_style screen_say_state(const struct screen_paint *p, struct buf *out)
{
	const struct screen_model *m = p->m;

	if (m->is_stopping) {
		buf_append_str(out, "stopping");
		if (m->open)
			buf_printf(
				out, ": %llu may finish, Ctrl-C ends", (unsigned long long)m->open);
		return SCREEN_YELLOW;
	}
	switch (m->state) {
	case SCREEN_CONNECTING:
		screen_say_lost(p, out, "connecting");
		return SCREEN_YELLOW;
	case SCREEN_LOST:
		screen_say_lost(p, out, "reconnecting");
		return SCREEN_RED;
	case SCREEN_FAILED:
		buf_append_str(out, "failed");
		return SCREEN_RED;
	case SCREEN_CONNECTED:
		break;
	}
	if (m->resumed_at && p->now - m->resumed_at < SCREEN_RESUMED_MS) {
		buf_append_str(out, "resumed after ");
		screen_put_duration(out, m->resumed_us);
	} else {
		buf_append_str(out, "connected");
	}
	return SCREEN_GREEN;
}

static void screen_state(struct screen_paint *p)
{
	struct screen_item items[] = {{"", "RTT", SCREEN_PLAIN}, {"", "up", SCREEN_PLAIN}};
	const struct screen_model *m = p->m;
	enum screen_style style;
	struct buf text = {0};
	unsigned gap = p->conf->columns < SCREEN_PAINT_ROOMY ? 2 : 3;

	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	style = screen_say_state(p, &text);
	screen_pen_text(&p->pen, style, p->conf->utf8 ? "\u25cf" : "*");
	screen_pen_go(&p->pen, p->pen.used + 1);
	screen_pen_put(&p->pen, style == SCREEN_GREEN ? SCREEN_PLAIN : style, buf_slice(&text),
		SCREEN_COLUMNS_MAX);
	for (size_t i = 0; i < ARRAY_LEN(items) && m->state == SCREEN_CONNECTED; i++) {
		buf_clear(&text);
		if (i == 0 && m->rtt_us)
			screen_put_duration(&text, m->rtt_us);
		else if (i == 1 && m->up_since)
			screen_put_uptime(&text, p->now - m->up_since);
		if (!buf_len(&text) ||
			gap + strlen(items[i].name) + 1 + buf_len(&text) > screen_pen_room(&p->pen))
			continue;
		screen_pen_go(&p->pen, p->pen.used + gap);
		screen_paint_put(p, SCREEN_DIM, items[i].name, SCREEN_COLUMNS_MAX);
		screen_pen_go(&p->pen, p->pen.used + 1);
		screen_pen_put(&p->pen, SCREEN_PLAIN, buf_slice(&text), SCREEN_COLUMNS_MAX);
	}
	buf_release(&text);
	screen_paint_end(p);
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

static void screen_fill_totals(
	const struct screen_model *m, struct screen_item items[SCREEN_TOTALS])
{
	static const struct screen_item names[SCREEN_TOTALS] = {{"", "requests", SCREEN_BOLD},
		{"", "errors", SCREEN_BOLD}, {"", "in", SCREEN_BOLD}, {"", "out", SCREEN_BOLD},
		{"", "open", SCREEN_BOLD}};

	memcpy(items, names, sizeof(names));
	screen_item_count(&items[0], m->requests);
	screen_item_count(&items[1], m->errors);
	screen_item_bytes(&items[2], m->bytes_in);
	screen_item_bytes(&items[3], m->bytes_out);
	screen_item_count(&items[4], m->open);
	if (m->requests == 1)
		items[0].name = "request";
	if (m->errors)
		items[1].style = SCREEN_RED;
	if (m->errors == 1)
		items[1].name = "error";
}

static void screen_totals(struct screen_paint *p)
{
	struct screen_item items[SCREEN_TOTALS];

	screen_fill_totals(p->m, items);
	if (p->conf->columns < SCREEN_NARROW_COLUMNS) {
		items[0].name = "req";
		items[1].name = "err";
	}
	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	screen_paint_items(p, items, ARRAY_LEN(items));
	screen_paint_end(p);
}

static void screen_rule(struct screen_paint *p)
{
	screen_paint_begin(p);
	screen_pen_rule(&p->pen, SCREEN_DIM);
	screen_paint_end(p);
}

/* ---- requests ---- */

static void screen_requests(struct screen_paint *p, unsigned rows)
{
	const struct screen_request *q;

	if (!p->m->ring_count && rows) {
		screen_paint_begin(p);
		screen_pen_go(&p->pen, 1);
		screen_pen_text(&p->pen, SCREEN_DIM, p->m->tunnel_count ? "No requests yet." : "");
		screen_paint_end(p);
		rows--;
	}
	for (unsigned i = 0; i < rows; i++) {
		screen_paint_begin(p);
		q = screen_model_request(p->m, i);
		if (q)
			screen_request_draw(&p->pen, q, p->m->tunnel_count > 1);
		screen_paint_end(p);
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
static void screen_note(struct screen_paint *p, unsigned rows)
{
	static const enum screen_style styles[] = {
		SCREEN_PLAIN, SCREEN_CYAN, SCREEN_YELLOW, SCREEN_RED};
	enum screen_style style = styles[p->m->note.kind];
	struct buf text = {0};
	struct slice rest;

	if (p->m->note.kind)
		screen_note_text(&p->m->note, &text);
	rest = buf_slice(&text);
	for (unsigned i = 0; i < rows; i++) {
		struct slice part = rest;

		screen_paint_begin(p);
		screen_pen_go(&p->pen, 1);
		if (rest.len)
			screen_pen_text(&p->pen, style, i == 0 ? "! " : "  ");
		if (i + 1 < rows && screen_pen_measure(&p->pen, rest) >= screen_pen_room(&p->pen)) {
			part = slice_first(rest, screen_pen_room(&p->pen) - 1);
			part = slice_first(part, slice_find_last(part, ' '));
		}
		screen_pen_put(&p->pen, style, part, screen_pen_room(&p->pen) - 1);
		rest = slice_from(rest, part.len + 1);
		screen_paint_end(p);
	}
	buf_release(&text);
}

static void screen_hint(struct screen_paint *p)
{
	screen_paint_begin(p);
	screen_pen_go(&p->pen, 1);
	screen_pen_text(&p->pen, SCREEN_DIM,
		p->m->is_stopping ? "Ctrl-C again ends at once" : "Ctrl-C stops");
	screen_paint_end(p);
}

/* ---- all of it ---- */

static void screen_top(struct screen_paint *p)
{
	unsigned room = p->conf->rows / 2;

	screen_title(p);
	if (p->rows_left)
		screen_state(p);
	if (p->airy)
		screen_paint_blank(p);
	if (p->rows_left)
		screen_tunnels_paint(p, room > 3 ? room - 2 : 1);
	if (p->airy)
		screen_paint_blank(p);
	if (p->rows_left)
		screen_totals(p);
	if (p->airy)
		screen_rule(p);
}

static void screen_bottom(struct screen_paint *p)
{
	unsigned note_rows = !p->m->note.kind ? 0 : p->airy ? 2 : 1;
	unsigned hint_rows = p->airy ? 2 : 0;

	if (note_rows > p->rows_left)
		note_rows = p->rows_left;
	if (note_rows + hint_rows >= p->rows_left)
		hint_rows = 0;
	screen_requests(p, p->rows_left - note_rows - hint_rows);
	screen_note(p, note_rows);
	if (hint_rows) {
		screen_paint_blank(p);
		screen_hint(p);
	}
}

void screen_draw(struct screen_frame *f, const struct screen_model *m,
	const struct screen_conf *conf, uint64_t now)
{
	struct screen_conf bounded = *conf;
	struct screen_paint p = {.frame = f, .m = m, .conf = &bounded, .now = now};

	if (bounded.columns > SCREEN_COLUMNS_MAX)
		bounded.columns = SCREEN_COLUMNS_MAX;
	if (bounded.rows > SCREEN_ROWS_MAX)
		bounded.rows = SCREEN_ROWS_MAX;
	p.rows_left = bounded.rows;
	p.airy = bounded.rows >= SCREEN_AIRY_ROWS;
	buf_clear(&f->text);
	f->count = 0;
	if (bounded.columns < 2 || !bounded.rows)
		return;
	screen_top(&p);
	screen_bottom(&p);
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
	struct screen_item items[SCREEN_TOTALS];
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
	/* None is open any more. */
	for (size_t i = 0; i + 1 < ARRAY_LEN(items); i++)
		buf_printf(out, "%s%s %s", i ? ", " : "", items[i].value, items[i].name);
	buf_append_char(out, '\n');
	buf_release(&line);
}
