/*
 * What is escaped is UTF-8 without control characters (base/log_text.h); here it is cut into cells.
 * The C library's widths depend on the locale, so that the few ranges that matter stand here.
 */
#include "agent/screen_pen.h"

#include "base/attr.h"
#include "base/log_text.h"

static const char *const screen_pen_codes[] = {
	[SCREEN_PLAIN] = "",
	[SCREEN_BOLD] = "\x1b[1m",
	[SCREEN_DIM] = "\x1b[2m",
	[SCREEN_GREEN] = "\x1b[32m",
	[SCREEN_CYAN] = "\x1b[36m",
	[SCREEN_YELLOW] = "\x1b[33m",
	[SCREEN_RED] = "\x1b[31m",
	[SCREEN_LINK] = "\x1b[1;36m",
};

/* One character that stands in a row. */
struct screen_glyph {
	struct slice bytes;
	unsigned cells;
};

struct screen_range {
	uint32_t first, last;
};

static bool screen_pen_is_in(const struct screen_range *ranges, size_t count, uint32_t rune)
{
	for (size_t i = 0; i < count; i++) {
		if (rune >= ranges[i].first && rune <= ranges[i].last)
			return true;
	}
	return false;
}

/* Characters that join the one before them, or take no room: a row of them could hide anything. */
static bool screen_pen_is_mark(uint32_t rune)
{
	static const struct screen_range marks[] = {{0xad, 0xad}, {0x300, 0x36f}, {0x483, 0x489},
		{0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x6d6, 0x6ed}, {0x900, 0x903},
		{0x93a, 0x94f}, {0xe31, 0xe31}, {0xe34, 0xe3a}, {0xe47, 0xe4e}, {0x115f, 0x1160},
		{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2060, 0x206f},
		{0x20d0, 0x20ff}, {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
		{0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0x1f3fb, 0x1f3ff}, {0xe0000, 0xe0fff}};

	return screen_pen_is_in(marks, ARRAY_LEN(marks), rune);
}

static bool screen_pen_is_wide(uint32_t rune)
{
	static const struct screen_range wide[] = {{0x1100, 0x115e}, {0x2e80, 0x303e},
		{0x3041, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
		{0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
		{0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};

	return screen_pen_is_in(wide, ARRAY_LEN(wide), rune);
}

/* Takes the next character off the front; the text is valid. */
static struct screen_glyph screen_pen_next(const struct screen_pen *pen, struct slice *rest)
{
	unsigned char first = (unsigned char)rest->ptr[0];
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	struct screen_glyph glyph = {slice_first(*rest, len), 1};
	uint32_t rune = first < 0x80 ? first : first & (0x7fu >> len);

	/* Nothing is quoted here. */
	if (slice_starts(*rest, SLICE("\\\""))) {
		glyph.bytes = SLICE("\"");
		len = 2;
	}
	for (size_t i = 1; i < glyph.bytes.len; i++)
		rune = rune << 6 | ((unsigned char)rest->ptr[i] & 0x3f);
	*rest = slice_from(*rest, len);
	if (first < 0x80)
		return glyph;
	if (!pen->utf8)
		glyph.bytes = SLICE("?");
	else if (screen_pen_is_mark(rune))
		glyph.bytes = SLICE("\xef\xbf\xbd");
	else if (screen_pen_is_wide(rune))
		glyph.cells = 2;
	return glyph;
}

static unsigned screen_pen_cells(const struct screen_pen *pen, struct slice escaped)
{
	unsigned cells = 0;

	while (escaped.len)
		cells += screen_pen_next(pen, &escaped).cells;
	return cells;
}

static struct slice screen_pen_escape(char text[LOG_TEXT_ROOM], struct slice value)
{
	return slice_of(text, (size_t)(log_text_bare(text, value) - text));
}

static const char *screen_pen_begin(const struct screen_pen *pen, enum screen_style style)
{
	const char *code = screen_pen_codes[style];

	if (!pen->colour)
		code = style == SCREEN_BOLD || style == SCREEN_LINK ? screen_pen_codes[SCREEN_BOLD]
								    : "";
	buf_append_str(pen->out, code);
	return *code ? "\x1b[m" : "";
}

unsigned screen_pen_room(const struct screen_pen *pen)
{
	return pen->width - pen->used;
}

unsigned screen_pen_measure(const struct screen_pen *pen, struct slice value)
{
	char text[LOG_TEXT_ROOM];

	return screen_pen_cells(pen, screen_pen_escape(text, value));
}

static void screen_pen_draw(
	struct screen_pen *pen, enum screen_style style, struct slice text, unsigned cells)
{
	bool is_cut = screen_pen_cells(pen, text) > cells;
	unsigned left = is_cut ? cells - 1 : cells;
	const char *end = screen_pen_begin(pen, style);

	while (text.len) {
		struct screen_glyph glyph = screen_pen_next(pen, &text);

		if (glyph.cells > left)
			break;
		buf_append_slice(pen->out, glyph.bytes);
		left -= glyph.cells;
		pen->used += glyph.cells;
	}
	if (is_cut) {
		buf_append_str(pen->out, pen->utf8 ? "\u2026" : "~");
		pen->used++;
	}
	buf_append_str(pen->out, end);
}

void screen_pen_put(
	struct screen_pen *pen, enum screen_style style, struct slice value, unsigned cells)
{
	char text[LOG_TEXT_ROOM];

	if (cells > screen_pen_room(pen))
		cells = screen_pen_room(pen);
	if (cells && value.len)
		screen_pen_draw(pen, style, screen_pen_escape(text, value), cells);
}

void screen_pen_text(struct screen_pen *pen, enum screen_style style, const char *text)
{
	unsigned room = screen_pen_room(pen);

	if (room && *text)
		screen_pen_draw(pen, style, slice_from_str(text), room);
}

void screen_pen_right(
	struct screen_pen *pen, enum screen_style style, struct slice value, unsigned cells)
{
	unsigned needed = screen_pen_measure(pen, value);

	if (needed < cells)
		screen_pen_go(pen, pen->used + cells - needed);
	screen_pen_put(pen, style, value, cells);
}

void screen_pen_go(struct screen_pen *pen, unsigned column)
{
	if (column <= pen->used && pen->used)
		column = pen->used + 1;
	for (; pen->used < column && screen_pen_room(pen); pen->used++)
		buf_append_char(pen->out, ' ');
}

void screen_pen_rule(struct screen_pen *pen, enum screen_style style)
{
	const char *end;

	screen_pen_go(pen, 1);
	end = screen_pen_begin(pen, style);
	for (; screen_pen_room(pen) > 1; pen->used++)
		buf_append_str(pen->out, pen->utf8 ? "\u2500" : "-");
	buf_append_str(pen->out, end);
}

/* ---- numbers ---- */

void screen_put_duration(struct buf *out, uint64_t us)
{
	unsigned long long s = us / 1000000;

	if (us < 10000)
		buf_printf(out, "%llu.%llu ms", (unsigned long long)us / 1000,
			(unsigned long long)us / 100 % 10);
	else if (us < 1000000)
		buf_printf(out, "%llu ms", (unsigned long long)us / 1000);
	else if (s < 60)
		buf_printf(out, "%llu.%llu s", s, (unsigned long long)us / 100000 % 10);
	else if (s < 3600)
		buf_printf(out, "%llum%02llus", s / 60, s % 60);
	else if (s < 360000)
		buf_printf(out, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		buf_printf(out, "%llud", s / 86400);
}

void screen_put_uptime(struct buf *out, uint64_t ms)
{
	unsigned long long minutes = ms / 60000;

	if (!minutes)
		buf_append_str(out, "<1 min");
	else if (minutes < 60)
		buf_printf(out, "%llu min", minutes);
	else if (minutes < 24 * 60)
		buf_printf(out, "%llu h %02llu min", minutes / 60, minutes % 60);
	else
		buf_printf(out, "%llu d %llu h", minutes / (24 * 60), minutes / 60 % 24);
}

void screen_put_bytes(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	size_t unit = 0;

	if (bytes < 1000) {
		buf_printf(out, "%u B", (unsigned)bytes);
		return;
	}
	for (; bytes >= 1000000; bytes /= 1000)
		unit++;
	buf_printf(out, "%u.%u %s", (unsigned)(bytes / 1000), (unsigned)(bytes / 100 % 10),
		units[unit]);
}
