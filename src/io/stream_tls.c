/*
 * TLS between two streams. Ciphertext is decrypted from where the lower stream has it into the
 * loop's second buffer, and records are written from a buffer of the loop, so that an idle stream
 * owns this struct and what OpenSSL keeps, and nothing else.
 *
 * The end of the lower stream without a closing alert is a failure, ERR_ENDED: somebody may have
 * cut off what was sent. A half-close sends the alert first, and so does an orderly close when
 * nothing is parked.
 */
#include "io/stream_tls.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "io/loop.h"
#include "io/stream_parcel.h"

/* Of answers to the other side's own alerts and key updates, while it does not read them. */
#define STREAM_TLS_REPLIES_MAX 16384u
#define STREAM_TLS_OUT_KEEP (1u << 20) /* the loop's buffer is given back beyond it */

struct stream_tls {
	struct stream base;
	struct loop *loop; /* borrowed */
	struct stream *lower; /* owned */
	struct tls *tls; /* owned */
	stream_tls_ready_fn ready_fn; /* NULL once it was called */
	void *ready_ctx; /* borrowed */
	struct slice in; /* borrowed while it works: not decrypted yet */
	struct buf parked; /* the same, when reading was stopped: at most one read */
	struct buf early; /* written before the handshake was over */
	struct loop_task later; /* goes on with what is parked, or reports later_err */
	struct loop_task grave; /* frees it at the end of the turn */
	int later_err;
	uint32_t replies; /* bytes of our own that are parked below */
	bool reading, lower_reading; /* the owner wants data; it is asked for */
	bool begun, ready; /* the handshake */
	bool working; /* inside stream_tls_take */
	bool stalled; /* there may be plaintext without any more ciphertext */
	bool full; /* the owner waits for drained */
	bool lower_full, shutdown_wanted, bulk, much, failed, closed;
	bool ended; /* the closing alert came */
};

static const struct stream_ops stream_tls_ops;

static struct stream_tls *stream_tls_of(const struct stream *s)
{
	return CONTAINER_OF(s, struct stream_tls, base);
}

/* ---- ends ---- */

/* Only from the loop. The stream may be closed afterwards. */
static void stream_tls_fail(struct stream_tls *t, int err)
{
	stream_tls_ready_fn ready_fn = t->ready_fn;

	if (t->failed)
		return;
	t->failed = true;
	t->ready_fn = NULL;
	stream_read_stop(t->lower);
	if (ready_fn)
		ready_fn(t->ready_ctx, err);
	if (!t->closed)
		t->base.events->failed(t->base.ctx, err);
}

/* From inside a call of the owner's. */
static void stream_tls_fail_later(struct stream_tls *t, int err)
{
	if (!t->later_err)
		t->later_err = err;
	loop_defer(t->loop, &t->later);
}

static void stream_tls_on_grave(struct loop_task *task)
{
	mem_free(CONTAINER_OF(task, struct stream_tls, grave));
}

/* Nothing is owned any more, but its own callbacks may still be on the stack. */
static void stream_tls_bury(struct stream_tls *t)
{
	t->closed = true;
	loop_cancel(&t->later);
	tls_free(&t->tls);
	buf_release(&t->parked);
	buf_release(&t->early);
	loop_defer(t->loop, &t->grave);
}

/* ---- downwards ---- */

static struct buf *stream_tls_out(struct stream_tls *t)
{
	struct buf *out = loop_out(t->loop);

	if (out->cap > STREAM_TLS_OUT_KEEP)
		buf_release(out);
	buf_clear(out);
	return out;
}

static void stream_tls_send(struct stream_tls *t, const struct buf *out)
{
	struct slice records = buf_slice(out);

	if (records.len && !stream_write(t->lower, &records, 1))
		t->lower_full = true;
}

/* What the other side made us say. Who makes us say much without reading it is cut. */
static bool stream_tls_send_reply(struct stream_tls *t, const struct buf *out)
{
	stream_tls_send(t, out);
	t->replies = t->lower_full ? t->replies + (uint32_t)buf_len(out) : 0;
	return t->replies <= STREAM_TLS_REPLIES_MAX || !t->ready;
}

static bool stream_tls_send_parts(struct stream_tls *t, const struct slice *parts, size_t count)
{
	struct buf *out = stream_tls_out(t);
	int err = tls_write(t->tls, parts, count, out);

	if (err) {
		stream_tls_fail_later(t, err);
		return false;
	}
	stream_tls_send(t, out);
	t->full = t->lower_full;
	return !t->full;
}

static void stream_tls_send_alert(struct stream_tls *t)
{
	struct buf *out = stream_tls_out(t);

	tls_shutdown(t->tls, out);
	stream_tls_send(t, out);
}

static void stream_tls_send_end(struct stream_tls *t)
{
	stream_tls_send_alert(t);
	stream_shutdown(t->lower);
}

static void stream_tls_begin(struct stream_tls *t)
{
	struct slice none = {NULL, 0};
	struct buf *out;

	if (t->begun)
		return;
	t->begun = true;
	out = stream_tls_out(t);
	if (tls_handshake(t->tls, &none, out) == TLS_FAILED)
		stream_tls_fail_later(t, ERR_TLS);
	stream_tls_send(t, out);
}

/* ---- upwards ---- */

/* Whether the lower stream is read, and whether there is work without it. */
static void stream_tls_settle(struct stream_tls *t)
{
	bool wants = t->ready ? t->reading && !t->stalled : t->reading || t->ready_fn;

	if (t->working || t->failed || t->closed)
		return;
	wants = wants && !t->ended;
	if (wants && !t->lower_reading)
		stream_read_start(t->lower);
	else if (!wants && t->lower_reading)
		stream_read_stop(t->lower);
	t->lower_reading = wants;
	if (t->ready && t->reading && t->stalled)
		loop_defer(t->loop, &t->later);
}

static void stream_tls_drained(struct stream_tls *t)
{
	if (!t->full || t->lower_full || !t->ready || t->closed)
		return;
	t->full = false;
	t->base.events->drained(t->base.ctx);
}

static void stream_tls_became_ready(struct stream_tls *t)
{
	stream_tls_ready_fn ready_fn = t->ready_fn;
	struct slice early = buf_slice(&t->early);
	bool waits = t->full;

	t->ready = true;
	t->ready_fn = NULL;
	if (early.len)
		stream_tls_send_parts(t, &early, 1);
	t->full = waits;
	buf_release(&t->early);
	if (t->shutdown_wanted)
		stream_tls_send_end(t);
	if (ready_fn)
		ready_fn(t->ready_ctx, 0);
	stream_tls_drained(t);
}

static bool stream_tls_step_handshake(struct stream_tls *t)
{
	struct buf *out = stream_tls_out(t);
	enum tls_result result = tls_handshake(t->tls, &t->in, out);

	stream_tls_send_reply(t, out);
	if (result == TLS_OK)
		stream_tls_became_ready(t);
	else if (result != TLS_MORE)
		stream_tls_fail(t, result == TLS_ENDED ? ERR_ENDED : ERR_TLS);
	return result == TLS_OK;
}

static bool stream_tls_step_read(struct stream_tls *t)
{
	struct slice room =
		stream_read_room(&t->base, loop_plain_buffer(t->loop), t->much, t->bulk);
	struct buf *out = stream_tls_out(t);
	enum tls_result result = tls_read(t->tls, &t->in, out, room, &room.len);

	if (!stream_tls_send_reply(t, out)) {
		stream_tls_fail(t, ERR_LIMIT);
		return false;
	}
	t->stalled = result == TLS_OK && (t->in.len || tls_has_more(t->tls));
	switch (result) {
	case TLS_OK:
		t->much = room.len >= STREAM_READ_MUCH;
		t->base.events->data(t->base.ctx, room);
		return t->stalled;
	case TLS_MORE:
		return false;
	case TLS_ENDED:
		t->ended = true;
		t->base.events->ended(t->base.ctx);
		return false;
	case TLS_FAILED:
		stream_tls_fail(t, ERR_TLS);
		return false;
	}
	UNREACHABLE();
}

/* After each step the owner may have stopped, closed or moved the stream. */
static bool stream_tls_step(struct stream_tls *t)
{
	if (t->closed || t->failed || t->ended)
		return false;
	return t->ready ? t->reading && stream_tls_step_read(t) : stream_tls_step_handshake(t);
}

/* Works through ciphertext; what cannot be passed on is parked. */
static void stream_tls_take(struct stream_tls *t, struct slice data)
{
	t->in = data;
	t->working = true;
	t->stalled = true;
	while (stream_tls_step(t))
		continue;
	t->working = false;
	if (t->closed)
		return;
	if (!t->failed && !t->ended)
		buf_append_slice(&t->parked, t->in);
	t->in = (struct slice) {NULL, 0};
	stream_tls_settle(t);
}

static void stream_tls_on_later(struct loop_task *task)
{
	struct stream_tls *t = CONTAINER_OF(task, struct stream_tls, later);
	struct buf parked = t->parked;

	if (t->later_err) {
		stream_tls_fail(t, t->later_err);
		return;
	}
	if (t->failed || !t->reading || !t->stalled)
		return;
	buf_init(&t->parked);
	stream_tls_take(t, buf_slice(&parked));
	buf_release(&parked);
}

/* ---- events of the lower stream ---- */

static void stream_tls_on_data(void *ctx, struct slice data)
{
	struct stream_tls *t = ctx;

	if (!t->failed && !t->ended)
		stream_tls_take(t, data);
}

static void stream_tls_on_drained(void *ctx)
{
	struct stream_tls *t = ctx;

	t->lower_full = false;
	t->replies = 0;
	if (!t->failed)
		stream_tls_drained(t);
}

static void stream_tls_on_ended(void *ctx)
{
	struct stream_tls *t = ctx;

	if (!t->ended)
		stream_tls_fail(t, ERR_ENDED);
}

static void stream_tls_on_failed(void *ctx, int err)
{
	stream_tls_fail(ctx, err);
}

static const struct stream_events stream_tls_lower_events = {
	.data = stream_tls_on_data,
	.drained = stream_tls_on_drained,
	.ended = stream_tls_on_ended,
	.failed = stream_tls_on_failed,
};

/* ---- the stream ---- */

static void stream_tls_read_start(struct stream *s)
{
	struct stream_tls *t = stream_tls_of(s);

	if (t->failed)
		return;
	t->reading = true;
	stream_tls_begin(t);
	stream_tls_settle(t);
}

static void stream_tls_read_stop(struct stream *s)
{
	struct stream_tls *t = stream_tls_of(s);

	t->reading = false;
	stream_tls_settle(t);
}

static bool stream_tls_write(struct stream *s, const struct slice *parts, size_t count)
{
	struct stream_tls *t = stream_tls_of(s);

	if (t->failed)
		return false;
	if (t->ready)
		return stream_tls_send_parts(t, parts, count);
	for (size_t i = 0; i < count; i++)
		buf_append_slice(&t->early, parts[i]);
	t->full = true;
	return false;
}

static int stream_tls_fd(const struct stream *s)
{
	return stream_fd(stream_tls_of(s)->lower);
}

/* Records cost 22 bytes for 16 KiB, and more where they are small. */
static size_t stream_tls_room(const struct stream *s)
{
	const struct stream_tls *t = stream_tls_of(s);
	size_t room = t->ready ? stream_room(t->lower) : 0;

	return room > 64 ? room - room / 256 - 64 : 0;
}

static void stream_tls_set_bulk(struct stream *s, bool bulk)
{
	struct stream_tls *t = stream_tls_of(s);

	t->bulk = bulk;
	stream_set_bulk(t->lower, bulk);
}

static void stream_tls_keep_buffers(struct stream *s, bool keep)
{
	tls_keep_buffers(stream_tls_of(s)->tls, keep);
}

static void stream_tls_shutdown(struct stream *s)
{
	struct stream_tls *t = stream_tls_of(s);

	if (t->failed || t->shutdown_wanted)
		return;
	t->shutdown_wanted = true;
	if (t->ready)
		stream_tls_send_end(t);
}

static void stream_tls_close(struct stream *s, bool reset)
{
	struct stream_tls *t = stream_tls_of(s);

	if (!reset && !t->failed && t->ready && !t->lower_full)
		stream_tls_send_alert(t);
	if (reset)
		stream_abort(&t->lower);
	else
		stream_close(&t->lower);
	stream_tls_bury(t);
}

static int stream_tls_detach(struct stream *s, struct stream_parcel *out)
{
	struct stream_tls *t = stream_tls_of(s);
	int err = t->ready && !t->lower_full ? 0 : ERR_BUSY;

	if (!err)
		err = stream_detach(&t->lower, out);
	if (err == ERR_BUSY)
		t->full = true;
	if (err)
		return err;
	out->tls = t->tls;
	t->tls = NULL;
	out->ciphertext = t->parked;
	buf_init(&t->parked);
	buf_append_slice(&out->ciphertext, t->in);
	stream_tls_bury(t);
	return 0;
}

static const struct stream_ops stream_tls_ops = {
	.read_start = stream_tls_read_start,
	.read_stop = stream_tls_read_stop,
	.write = stream_tls_write,
	.room = stream_tls_room,
	.set_bulk = stream_tls_set_bulk,
	.keep_buffers = stream_tls_keep_buffers,
	.shutdown = stream_tls_shutdown,
	.close = stream_tls_close,
	.detach = stream_tls_detach,
	.fd = stream_tls_fd,
};

struct stream *stream_tls_new(struct loop *loop, struct stream **lower, struct tls **tls)
{
	struct stream_tls *t = MEM_NEW(struct stream_tls);

	/* Two of them on one loop would decrypt into the buffer that they read from. */
	CHECK(!stream_tls_get(*lower));
	t->base.ops = &stream_tls_ops;
	t->loop = loop;
	t->lower = *lower;
	t->tls = *tls;
	t->ready = t->begun = tls_is_ready(*tls);
	loop_task_init(&t->later, stream_tls_on_later);
	loop_task_init(&t->grave, stream_tls_on_grave);
	stream_listen(t->lower, &stream_tls_lower_events, t);
	*lower = NULL;
	*tls = NULL;
	return &t->base;
}

struct stream *stream_tls_adopt(
	struct loop *loop, struct stream **lower, struct tls **tls, struct buf *ciphertext)
{
	struct stream *s = stream_tls_new(loop, lower, tls);
	struct stream_tls *t = stream_tls_of(s);

	t->parked = *ciphertext;
	buf_init(ciphertext);
	t->stalled = true;
	return s;
}

void stream_tls_on_ready(struct stream *s, stream_tls_ready_fn ready, void *ctx)
{
	struct stream_tls *t = stream_tls_of(s);

	CHECK(!t->ready);
	t->ready_fn = ready;
	t->ready_ctx = ctx;
	stream_tls_begin(t);
	stream_tls_settle(t);
}

const struct tls *stream_tls_get(const struct stream *s)
{
	return s->ops == &stream_tls_ops ? stream_tls_of(s)->tls : NULL;
}
