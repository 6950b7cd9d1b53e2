/*
 * The status screen as rows of text: from what is known (screen_model.h) to what stands where, at
 * any size. Made for 40 columns and 10 rows at least; smaller ones get what fits. Pure.
 */
#ifndef AGENT_SCREEN_H
#define AGENT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct screen_model;

/* Larger terminals are filled so far. */
#define SCREEN_ROWS_MAX 200u
#define SCREEN_COLUMNS_MAX 400u

struct screen_conf {
	unsigned columns, rows;
	bool colour;
	bool utf8; /* else ASCII only */
};

struct screen_row {
	size_t at, len; /* in text */
	bool goes_on; /* it is full, and the next row continues its text */
};

/* Starts as zeroes; drawn again and again. */
struct screen_frame {
	struct buf text;
	struct screen_row rows[SCREEN_ROWS_MAX];
	unsigned count; /* exactly as many as there are on the terminal */
};

void screen_frame_deinit(struct screen_frame *f);
struct slice screen_frame_row(const struct screen_frame *f, unsigned row);
/* now: as the model was told. */
void screen_draw(struct screen_frame *f, const struct screen_model *m,
	const struct screen_conf *conf, uint64_t now);
/* What remains on the terminal after the end: plain lines, without colours. */
void screen_put_summary(
	struct buf *out, const struct screen_model *m, const struct screen_conf *conf);

#endif
