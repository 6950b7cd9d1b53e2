/*
 * The terminal behind standard output, opened once more for itself: so that writing never waits,
 * whatever others do with the first descriptor. Whoever enters must leave; a crash leaves as well.
 */
#ifndef AGENT_TERM_H
#define AGENT_TERM_H

#include <stdbool.h>

#include "base/slice.h"

struct term;

/* NULL: there is no terminal to draw on, or it belongs to another job of the shell. */
struct term *term_open(char **environ_list);
/* Leaves, and frees. */
void term_close(struct term **term);
/* Whether it shows UTF-8, by the locale of the environment. */
bool term_is_utf8(char **environ_list);

/* The alternate screen, without cursor and echo. A job in the background does not get in. */
bool term_enter(struct term *t);
/* As it was before. */
void term_leave(struct term *t);
bool term_is_entered(const struct term *t);
/* After a stop from elsewhere: what somebody else has set the terminal to since is how it was
 * before. */
void term_resume(struct term *t);
bool term_is_foreground(const struct term *t);
void term_size(const struct term *t, unsigned *columns_out, unsigned *rows_out);

/* Only after term_flush was true. What the terminal does not take now is kept. */
void term_write(struct term *t, struct slice bytes);
/* True when nothing is kept any more. */
bool term_flush(struct term *t);
/* Waits for the terminal, but not for long: for the end. */
void term_drain(struct term *t);

#endif
