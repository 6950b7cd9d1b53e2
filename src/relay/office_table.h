/* Lists of the API as tables for people. Pure. */
#ifndef RELAY_OFFICE_TABLE_H
#define RELAY_OFFICE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "relay/admin_json.h"

enum office_column_kind {
	OFFICE_COLUMN_TEXT,
	OFFICE_COLUMN_NUMBER, /* to the right */
	OFFICE_COLUMN_BYTES, /* 1.5 MB */
	OFFICE_COLUMN_YES, /* yes, or nothing */
	OFFICE_COLUMN_WORDS, /* an array */
	OFFICE_COLUMN_TIME, /* 2026-11-29 13:20 */
	OFFICE_COLUMN_OBJECT, /* what is inside, as name=value */
};

struct office_column {
	const char *title;
	const char *member;
	enum office_column_kind kind;
	const char *none; /* shown for null and for nothing */
};

struct office_table {
	const struct office_column *columns; /* borrowed */
	size_t column_count;
};

#define OFFICE_COLUMNS_MAX 10u

/* Rows are objects. What could upset a terminal is escaped. */
void office_table_print(const struct office_table *table, const struct admin_json *const *rows,
	size_t count, bool colour, struct buf *out);

#endif
