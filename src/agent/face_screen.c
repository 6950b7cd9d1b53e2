/*
 * A report changes the model and arms a timer; the timer draws, and writes only the rows that
 * differ. A terminal that takes nothing gets no further frame until it has taken the last one, so
 * that frames are dropped and never pile up.
 */
#include "agent/face_screen.h"

#include <signal.h>

#include "agent/report.h"
#include "agent/screen.h"
#include "agent/screen_model.h"
#include "agent/term.h"
#include "base/attr.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/signals.h"
#include "io/timeout.h"

#define FACE_SCREEN_FRAME_MS 100u
#define FACE_SCREEN_LOOK_MS 1000u /* whether the terminal is ours again */

static const int face_screen_signals[] = {SIGWINCH, SIGTSTP, SIGCONT};

struct face_screen {
	struct face face;
	struct loop *loop; /* borrowed */
	struct term *term; /* owned */
	struct signals *signals; /* owned */
	struct timeout_queue *soon, *later; /* owned */
	struct timeout frame; /* something has changed */
	struct timeout clock; /* the time itself changes something */
	struct screen_model model;
	struct screen_conf conf;
	struct screen_frame frames[2];
	unsigned shown; /* which of them the terminal has */
	bool is_blank; /* or none */
	struct buf out; /* scratch */
};

/* ---- drawing ---- */

static bool face_screen_is_same(
	const struct screen_frame *a, const struct screen_frame *b, unsigned row)
{
	return a->rows[row].goes_on == b->rows[row].goes_on &&
		slice_eq(screen_frame_row(a, row), screen_frame_row(b, row));
}

/* The rows from here to the end of the text that they share. */
static unsigned face_screen_group(const struct screen_frame *f, unsigned row)
{
	unsigned count = 1;

	while (row + count < f->count && f->rows[row + count - 1].goes_on)
		count++;
	return count;
}

/* Cleared before and not after: a cursor behind the last column would clear that one. */
static void face_screen_put_group(
	struct buf *out, const struct screen_frame *f, unsigned row, unsigned count)
{
	for (unsigned i = row + count; i-- > row;)
		buf_printf(out, "\x1b[%u;1H\x1b[K", i + 1);
	if (count > 1)
		buf_append_str(out, "\x1b[?7h");
	for (unsigned i = row; i < row + count; i++)
		buf_append_slice(out, screen_frame_row(f, i));
	if (count > 1)
		buf_append_str(out, "\x1b[?7l");
}

static void face_screen_put_changes(struct face_screen *s, const struct screen_frame *next)
{
	const struct screen_frame *last = &s->frames[s->shown];

	if (s->is_blank)
		buf_append_str(&s->out, "\x1b[m\x1b[2J");
	for (unsigned row = 0, count; row < next->count; row += count) {
		bool is_same = !s->is_blank && last->count == next->count;

		count = face_screen_group(next, row);
		for (unsigned i = row; i < row + count && is_same; i++)
			is_same = face_screen_is_same(last, next, i);
		if (!is_same)
			face_screen_put_group(&s->out, next, row, count);
	}
}

/* A shell that brings a running job to the foreground does not tell it. */
static bool face_screen_has_terminal(struct face_screen *s)
{
	if (term_is_entered(s->term))
		return true;
	if (!term_enter(s->term))
		return false;
	s->is_blank = true;
	term_size(s->term, &s->conf.columns, &s->conf.rows);
	return true;
}

static void face_screen_arm_clock(struct face_screen *s, uint64_t wait_ms)
{
	timeout_queue_set(s->later, wait_ms);
	timeout_arm(s->later, &s->clock);
}

static void face_screen_draw(struct face_screen *s)
{
	uint64_t now = loop_now(s->loop);
	struct screen_frame *next = &s->frames[!s->shown];

	timeout_disarm(&s->frame);
	timeout_disarm(&s->clock);
	if (!face_screen_has_terminal(s)) {
		face_screen_arm_clock(s, FACE_SCREEN_LOOK_MS);
		return;
	}
	if (!term_flush(s->term)) {
		timeout_arm(s->soon, &s->frame);
		return;
	}
	buf_clear(&s->out);
	screen_draw(next, &s->model, &s->conf, now);
	face_screen_put_changes(s, next);
	s->shown = !s->shown;
	s->is_blank = false;
	if (buf_len(&s->out))
		term_write(s->term, buf_slice(&s->out));
	face_screen_arm_clock(s, screen_model_next(&s->model, now));
}

static void face_screen_on_frame(struct timeout *timeout)
{
	face_screen_draw(CONTAINER_OF(timeout, struct face_screen, frame));
}

static void face_screen_on_clock(struct timeout *timeout)
{
	face_screen_draw(CONTAINER_OF(timeout, struct face_screen, clock));
}

static void face_screen_change(struct face_screen *s)
{
	if (!timeout_is_armed(&s->frame))
		timeout_arm(s->soon, &s->frame);
}

/* ---- the terminal ---- */

/* All of it, at the size that the terminal has now. */
static void face_screen_redraw(struct face_screen *s)
{
	s->is_blank = true;
	term_size(s->term, &s->conf.columns, &s->conf.rows);
	face_screen_change(s);
}

static void face_screen_on_signal(void *ctx, int number)
{
	struct face_screen *s = ctx;

	switch (number) {
	case SIGTSTP:
		term_leave(s->term);
		raise(SIGSTOP);
		break;
	case SIGCONT:
		term_resume(s->term);
		face_screen_redraw(s);
		break;
	default:
		face_screen_redraw(s);
		break;
	}
}

/* ---- the face ---- */

static void face_screen_report(struct face *face, const struct report *r)
{
	struct face_screen *s = CONTAINER_OF(face, struct face_screen, face);

	if (screen_model_take(&s->model, r, loop_now(s->loop)))
		face_screen_change(s);
}

static void face_screen_stopping(struct face *face)
{
	struct face_screen *s = CONTAINER_OF(face, struct face_screen, face);

	s->model.is_stopping = true;
	face_screen_draw(s);
}

static void face_screen_free(struct face *face)
{
	struct face_screen *s = CONTAINER_OF(face, struct face_screen, face);

	term_leave(s->term);
	buf_clear(&s->out);
	screen_put_summary(&s->out, &s->model, &s->conf);
	term_write(s->term, buf_slice(&s->out));
	term_drain(s->term);
	term_close(&s->term);
	signals_free(&s->signals);
	timeout_queue_free(&s->soon);
	timeout_queue_free(&s->later);
	screen_model_deinit(&s->model);
	screen_frame_deinit(&s->frames[0]);
	screen_frame_deinit(&s->frames[1]);
	buf_release(&s->out);
	mem_free(s);
}

static const struct face_ops face_screen_ops = {
	.report = face_screen_report,
	.stopping = face_screen_stopping,
	.free = face_screen_free,
};

struct face *face_screen_new(struct loop *loop, char **environ_list, const struct face_conf *conf)
{
	struct term *term = term_open(environ_list);
	struct face_screen *s;

	if (!term)
		return NULL;
	s = MEM_NEW(struct face_screen);
	s->face.ops = &face_screen_ops;
	s->loop = loop;
	s->term = term;
	s->conf.colour = conf->colour;
	s->conf.utf8 = term_is_utf8(environ_list);
	s->soon = timeout_queue_new(loop, FACE_SCREEN_FRAME_MS);
	s->later = timeout_queue_new(loop, FACE_SCREEN_FRAME_MS);
	timeout_init(&s->frame, face_screen_on_frame);
	timeout_init(&s->clock, face_screen_on_clock);
	screen_model_init(&s->model);
	s->signals = signals_new_for(loop, face_screen_signals, ARRAY_LEN(face_screen_signals),
		face_screen_on_signal, s);
	face_screen_redraw(s);
	return &s->face;
}
