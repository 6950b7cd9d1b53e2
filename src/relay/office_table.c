/* Every cell is made twice: once to know how wide its column is. */
#include "relay/office_table.h"

#include "base/check.h"
#include "base/log_text.h"

#define OFFICE_TABLE_GAP 2

static void office_table_text(struct slice text, struct buf *out)
{
	char room[LOG_TEXT_ROOM], *end = log_text_bare(room, text);

	buf_append(out, room, (size_t)(end - room));
}

static void office_table_bytes(uint64_t bytes, struct buf *out)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && unit + 1 < ARRAY_LEN(units); unit++)
		value /= 1000;
	buf_printf(out, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void office_table_words(const struct admin_json *array, struct buf *out)
{
	for (size_t i = 0; i < admin_json_count(array); i++) {
		if (i)
			buf_append_char(out, ' ');
		office_table_text(admin_json_text(admin_json_item(array, i)), out);
	}
}

/* "2026-11-29T13:20:00Z" without what nobody reads. */
static void office_table_time(struct slice time, struct buf *out)
{
	size_t start = buf_len(out);

	office_table_text(slice_first(time, sizeof("2026-11-29T13:20") - 1), out);
	if (buf_len(out) - start == sizeof("2026-11-29T13:20") - 1)
		out->base[out->start + start + sizeof("2026-11-29") - 1] = ' ';
}

/* What a member says, or nothing: null, and what is empty, are left out. */
static void office_table_member(const struct admin_json *value, struct buf *out)
{
	if (admin_json_text(value).ptr)
		office_table_text(admin_json_text(value), out);
	else if (admin_json_is_array(value))
		office_table_words(value, out);
	else if (!admin_json_is_null(value))
		admin_json_print(value, out);
}

static void office_table_object(const struct admin_json *object, struct buf *out)
{
	const struct admin_json *value;
	const char *name;
	void *at = NULL;

	while ((value = admin_json_next(object, &at, &name)) != NULL) {
		struct buf text = {0};

		office_table_member(value, &text);
		if (buf_len(&text)) {
			buf_append_str(out, buf_len(out) ? " " : "");
			buf_printf(out, "%s=", name);
			buf_append_slice(out, buf_slice(&text));
		}
		buf_release(&text);
	}
}

static void office_table_cell(
	const struct office_column *column, const struct admin_json *row, struct buf *out)
{
	const struct admin_json *value = admin_json_get(row, column->member);
	size_t before = buf_len(out);

	if (!admin_json_is_null(value)) {
		switch (column->kind) {
		case OFFICE_COLUMN_TEXT:
			office_table_text(admin_json_text(value), out);
			break;
		case OFFICE_COLUMN_NUMBER:
			buf_append_u64(out, admin_json_number(value));
			break;
		case OFFICE_COLUMN_BYTES:
			office_table_bytes(admin_json_number(value), out);
			break;
		case OFFICE_COLUMN_YES:
			buf_append_str(out, admin_json_is_true(value) ? "yes" : "");
			break;
		case OFFICE_COLUMN_WORDS:
			office_table_words(value, out);
			break;
		case OFFICE_COLUMN_TIME:
			office_table_time(admin_json_text(value), out);
			break;
		case OFFICE_COLUMN_OBJECT:
			office_table_object(value, out);
			break;
		}
	}
	if (buf_len(out) == before && column->none)
		buf_append_str(out, column->none);
}

/* Characters, not bytes: a continuation byte takes no room. */
static size_t office_table_width(struct slice text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.len; i++)
		width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return width;
}

static void office_table_pad(struct buf *out, size_t count)
{
	while (count--)
		buf_append_char(out, ' ');
}

static bool office_table_is_right(const struct office_column *column)
{
	return column->kind == OFFICE_COLUMN_NUMBER || column->kind == OFFICE_COLUMN_BYTES;
}

/* The last column is not padded: blanks at the end of a line help nobody. */
static void office_table_put(const struct office_table *table, size_t at, size_t width,
	struct slice text, struct buf *out)
{
	size_t room = width - office_table_width(text);
	bool right = office_table_is_right(&table->columns[at]);

	if (at)
		office_table_pad(out, OFFICE_TABLE_GAP);
	if (right)
		office_table_pad(out, room);
	buf_append_slice(out, text);
	if (!right && at + 1 < table->column_count)
		office_table_pad(out, room);
}

void office_table_print(const struct office_table *table, const struct admin_json *const *rows,
	size_t count, bool colour, struct buf *out)
{
	size_t widths[OFFICE_COLUMNS_MAX];
	struct buf cell = {0};

	CHECK(table->column_count <= OFFICE_COLUMNS_MAX);
	for (size_t at = 0; at < table->column_count; at++) {
		widths[at] = strlen(table->columns[at].title);
		for (size_t i = 0; i < count; i++) {
			buf_clear(&cell);
			office_table_cell(&table->columns[at], rows[i], &cell);
			if (office_table_width(buf_slice(&cell)) > widths[at])
				widths[at] = office_table_width(buf_slice(&cell));
		}
	}
	buf_append_str(out, colour ? "\033[1m" : "");
	for (size_t at = 0; at < table->column_count; at++)
		office_table_put(
			table, at, widths[at], slice_from_str(table->columns[at].title), out);
	buf_append_str(out, colour ? "\033[0m\n" : "\n");
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < table->column_count; at++) {
			buf_clear(&cell);
			office_table_cell(&table->columns[at], rows[i], &cell);
			office_table_put(table, at, widths[at], buf_slice(&cell), out);
		}
		buf_append_char(out, '\n');
	}
	buf_release(&cell);
}
