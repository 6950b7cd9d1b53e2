/*
 * The one byte pipe of this program: both directions, half-close, backpressure. Layers stack by
 * implementing stream_ops over another stream.
 *
 * The contract:
 * - Events come only from the loop, never inside a call on the stream, and none after
 *   stream_close, stream_abort or stream_detach took it.
 * - Data in an event is valid during the event. A stream starts with reading stopped.
 * - stream_write takes everything. When it returns false the stream is full: what could not be
 *   sent is parked, and the writer must stop its source until `drained`. Whoever writes on
 *   regardless makes the parked part grow.
 * - A write error is reported by `failed`, like any other end with an error. After `failed` the
 *   owner closes the stream; nothing else works on it any more.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

#define STREAM_PARTS_MAX 32u /* of one write */

/*
 * A read brings at most STREAM_READ_SMALL bytes, and so much more is parked at the most when the
 * other end is full. Larger reads make fewer system calls and wake-ups (they cost a third less
 * CPU for 1 MiB answers), but they are only in order while the other end has room for them.
 */
#define STREAM_READ_SMALL 65536u
#define STREAM_READ_BULK 262144u
/* So much less may be left of such a read by the layers in between, TLS for one. */
#define STREAM_READ_OVERHEAD 4096u
/* A read that brought so much asks where the next one should go, */
#define STREAM_READ_MUCH 16384
/* which brings so much when there is no room: it is parked. */
#define STREAM_READ_PARKED 40960u

struct stream;
struct stream_parcel;

struct stream_events {
	void (*data)(void *ctx, struct slice data);
	void (*drained)(void *ctx);
	void (*ended)(void *ctx); /* the other side will send no more; writing still works */
	void (*failed)(void *ctx, int err);
	/* Where the next large read may put its bytes, which `data` then tells of. Empty: little of
	 * it is wanted. False, or NULL: anywhere. */
	bool (*place)(void *ctx, struct slice *room);
};

struct stream_ops {
	void (*read_start)(struct stream *s);
	void (*read_stop)(struct stream *s);
	bool (*write)(struct stream *s, const struct slice *parts, size_t count);
	size_t (*room)(const struct stream *s);
	struct slice (*place)(struct stream *s); /* NULL: it has none */
	void (*set_bulk)(struct stream *s, bool bulk); /* NULL: pieces are as large as they come */
	void (*set_step)(struct stream *s, uint32_t most); /* NULL: it cannot be told */
	void (*keep_buffers)(struct stream *s, bool keep); /* NULL: it has none */
	void (*shutdown)(struct stream *s);
	void (*close)(struct stream *s, bool reset);
	int (*detach)(struct stream *s, struct stream_parcel *out); /* NULL: it cannot move */
	int (*fd)(const struct stream *s); /* NULL: it has none */
};

struct stream {
	const struct stream_ops *ops;
	const struct stream_events *events; /* borrowed */
	void *ctx; /* borrowed */
};

/* Who gets the events from now on. */
static inline void stream_listen(struct stream *s, const struct stream_events *events, void *ctx)
{
	s->events = events;
	s->ctx = ctx;
}

static inline void stream_read_start(struct stream *s)
{
	s->ops->read_start(s);
}

static inline void stream_read_stop(struct stream *s)
{
	s->ops->read_stop(s);
}

/* At most STREAM_PARTS_MAX parts. */
static inline bool stream_write(struct stream *s, const struct slice *parts, size_t count)
{
	return s->ops->write(s, parts, count);
}

/* The socket that carries it, below all layers, still the stream's; or -1. */
static inline int stream_fd(const struct stream *s)
{
	return s->ops->fd ? s->ops->fd(s) : -1;
}

/* About how many bytes it would take just now without parking any. */
static inline size_t stream_room(const struct stream *s)
{
	return s->ops->room(s);
}

static inline void stream_set_bulk(struct stream *s, bool bulk)
{
	if (s->ops->set_bulk)
		s->ops->set_bulk(s, bulk);
}

/* How much `data` brings at a time at the most, until stream_set_bulk says something else. For TLS
 * it is a record at the least. STREAM_READ_SMALL is no limit. */
static inline void stream_set_step(struct stream *s, uint32_t most)
{
	if (s->ops->set_step)
		s->ops->set_step(s, most);
}

/* A stream that is always busy saves work when it keeps its buffers from one use to the next; any
 * other gives them back. */
static inline void stream_keep_buffers(struct stream *s, bool keep)
{
	if (s->ops->keep_buffers)
		s->ops->keep_buffers(s, keep);
}

/* Room where bytes may be put that are written to it next, in one part and from their beginning:
 * they need not be copied then. Good during the read that asks and, for what that write leaves,
 * until another one. Empty: there is none just now, and what is written will be parked. False: it
 * never has any. */
static inline bool stream_place(struct stream *s, struct slice *room)
{
	if (!s->ops->place)
		return false;
	*room = s->ops->place(s);
	return true;
}

/* After a read of that size: whether the next ones may be large. Costs nothing for small ones. */
static inline void stream_tune_reads(struct stream *from, const struct stream *to, size_t size)
{
	if (from->ops->set_bulk && size >= STREAM_READ_SMALL - STREAM_READ_OVERHEAD)
		stream_set_bulk(from, stream_room(to) >= STREAM_READ_BULK);
}

/* Where the next read goes: after one that brought much where the owner wants it, else to `any`. */
static inline struct slice stream_read_room(
	const struct stream *s, const char *any, bool much, uint32_t most)
{
	struct slice place = {NULL, 0};

	if (!much || !s->events->place || !s->events->place(s->ctx, &place))
		return slice_of(any, most);
	return slice_first(place.len ? place : slice_of(any, STREAM_READ_PARKED), most);
}

/* Half-close: what is parked goes out first. */
static inline void stream_shutdown(struct stream *s)
{
	s->ops->shutdown(s);
}

/* Ends both directions in an orderly way; what is still parked is lost. */
static inline void stream_close(struct stream **s)
{
	if (*s)
		(*s)->ops->close(*s, false);
	*s = NULL;
}

/* Ends it so that the other side sees an error (a TCP reset), not an end. */
static inline void stream_abort(struct stream **s)
{
	if (*s)
		(*s)->ops->close(*s, true);
	*s = NULL;
}

/*
 * Takes the stream apart, so that another loop can go on with it (io/stream_parcel.h). On an error
 * it is as it was: ERR_BUSY while something is on its way out, and then `drained` will come;
 * ERR_NO_FDS; ERR_DENIED for a stream that cannot move.
 */
MUST_CHECK static inline int stream_detach(struct stream **s, struct stream_parcel *out)
{
	int err = (*s)->ops->detach ? (*s)->ops->detach(*s, out) : ERR_DENIED;

	if (!err)
		*s = NULL;
	return err;
}

#endif
