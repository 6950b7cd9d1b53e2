/*
 * Joins the mux's idea of a stream with that of all other code. The memory goes at the end of the
 * turn in which both the owner and the mux have let go.
 */
#include "wire/chan.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"

struct chan {
	struct stream base;
	struct mux_stream mux;
	struct loop *loop; /* borrowed */
	struct pool *pool; /* borrowed; its memory goes there, or NULL */
	struct timeout_queue *linger_queue; /* borrowed */
	struct timeout linger;
	struct loop_task task; /* tells of a failure, or frees, at the end of the turn */
	bool closed; /* by its owner */
	bool end_is_sent; /* when linger began */
};

static const struct stream_ops chan_ops;

static struct chan *chan_of(const struct stream *s)
{
	CHECK(s->ops == &chan_ops);
	return CONTAINER_OF(s, struct chan, base);
}

static struct chan *chan_of_mux(struct mux_stream *s)
{
	return CONTAINER_OF(s, struct chan, mux);
}

static void chan_free(struct chan *c)
{
	if (c->pool)
		pool_put(c->pool, c);
	else
		mem_free(c);
}

static void chan_on_task(struct loop_task *task)
{
	struct chan *c = CONTAINER_OF(task, struct chan, task);

	if (!c->closed)
		c->base.events->failed(c->base.ctx, ERR_RESET);
	else if (!c->mux.mux)
		chan_free(c);
}

static void chan_linger(struct chan *c)
{
	c->end_is_sent = !buf_len(&c->mux.out);
	timeout_arm(c->linger_queue, &c->linger);
}

/* The peer has so long from when it was sent the end. While there are bytes that it has not taken,
 * it is only slow, or there is no link: they would be lost with the reset. */
static void chan_on_linger(struct timeout *timeout)
{
	struct chan *c = CONTAINER_OF(timeout, struct chan, linger);

	if (!c->end_is_sent) {
		chan_linger(c);
		return;
	}
	mux_stream_reset(&c->mux);
	loop_defer(c->loop, &c->task);
}

size_t chan_size(void)
{
	return sizeof(struct chan);
}

struct mux_stream *chan_new(struct loop *loop, struct pool *pool, struct timeout_queue *linger)
{
	struct chan *c = pool ? pool_take(pool) : MEM_NEW(struct chan);

	c->base.ops = &chan_ops;
	c->loop = loop;
	c->pool = pool;
	c->linger_queue = linger;
	timeout_init(&c->linger, chan_on_linger);
	loop_task_init(&c->task, chan_on_task);
	return &c->mux;
}

void chan_discard(struct mux_stream *s)
{
	struct chan *c = chan_of_mux(s);

	CHECK(!s->mux);
	chan_free(c);
}

struct stream *chan_stream(struct mux_stream *s)
{
	return &chan_of_mux(s)->base;
}

struct mux_stream *chan_mux_stream(const struct stream *stream)
{
	return &chan_of(stream)->mux;
}

/* ---- from the mux ---- */

void chan_on_data(struct mux_stream *s, struct slice data)
{
	struct chan *c = chan_of_mux(s);

	c->base.events->data(c->base.ctx, data);
}

void chan_on_writable(struct mux_stream *s)
{
	struct chan *c = chan_of_mux(s);

	c->base.events->drained(c->base.ctx);
}

void chan_on_ended(struct mux_stream *s)
{
	struct chan *c = chan_of_mux(s);

	c->base.events->ended(c->base.ctx);
}

/* A session may end in the middle of anything: the owner hears of it when that is over. */
void chan_on_reset(struct mux_stream *s)
{
	struct chan *c = chan_of_mux(s);

	loop_defer(c->loop, &c->task);
}

void chan_on_gone(struct mux_stream *s)
{
	struct chan *c = chan_of_mux(s);

	timeout_disarm(&c->linger);
	loop_defer(c->loop, &c->task);
}

/* ---- from the owner ---- */

static void chan_read_start(struct stream *s)
{
	mux_stream_read_start(&chan_of(s)->mux);
}

static void chan_read_stop(struct stream *s)
{
	mux_stream_read_stop(&chan_of(s)->mux);
}

static bool chan_write(struct stream *s, const struct slice *parts, size_t count)
{
	return mux_stream_write(&chan_of(s)->mux, parts, count);
}

static size_t chan_room(const struct stream *s)
{
	return mux_stream_room(&chan_of(s)->mux);
}

static struct slice chan_place(struct stream *s)
{
	return mux_stream_place(&chan_of(s)->mux);
}

static void chan_set_step(struct stream *s, uint32_t most)
{
	mux_stream_set_piece(&chan_of(s)->mux, most);
}

static void chan_shutdown(struct stream *s)
{
	mux_stream_finish(&chan_of(s)->mux);
}

static void chan_close(struct stream *s, bool reset)
{
	struct chan *c = chan_of(s);

	c->closed = true;
	if (reset)
		mux_stream_reset(&c->mux);
	else if (!mux_stream_release(&c->mux))
		chan_linger(c);
	if (!c->mux.mux)
		loop_defer(c->loop, &c->task);
}

static const struct stream_ops chan_ops = {
	.read_start = chan_read_start,
	.read_stop = chan_read_stop,
	.write = chan_write,
	.room = chan_room,
	.place = chan_place,
	.set_step = chan_set_step,
	.shutdown = chan_shutdown,
	.close = chan_close,
};
