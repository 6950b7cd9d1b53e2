/* One stream of a session as struct stream. Made by session.c, which knows when it begins. */
#ifndef WIRE_CHAN_H
#define WIRE_CHAN_H

#include <stddef.h>
#include <stdint.h>

#include "proto/mux.h"

struct chan;
struct loop;
struct pool;
struct stream;
struct timeout_queue;

size_t chan_size(void);
/* A fresh one, for the mux to put in. Its memory is from the pool of objects of chan_size, if there
 * is one; borrowed. linger: how long the peer may take to finish its side after
 * the owner closed; borrowed. */
struct mux_stream *chan_new(struct loop *loop, struct pool *pool, struct timeout_queue *linger);
/* It never got into a mux. */
void chan_discard(struct mux_stream *s);
struct stream *chan_stream(struct mux_stream *s);
struct mux_stream *chan_mux_stream(const struct stream *stream);

/* The mux's events about it. */
void chan_on_data(struct mux_stream *s, struct slice data);
void chan_on_writable(struct mux_stream *s);
void chan_on_ended(struct mux_stream *s);
void chan_on_reset(struct mux_stream *s);
void chan_on_gone(struct mux_stream *s);

#endif
