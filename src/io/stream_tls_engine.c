/*
 * Ciphertext is decrypted from where the lower stream has it into the loop's second buffer, and
 * records are written from a buffer of the loop. What cannot be passed on is parked.
 */
#include "io/stream_tls_engine.h"

#include "base/check.h"
#include "base/err.h"
#include "crypto/tls.h"
#include "io/stream_tls_priv.h"

/* Of answers to the other side's own alerts and key updates, while it does not read them. */
#define STREAM_TLS_REPLIES_MAX 16384u
#define STREAM_TLS_OUT_KEEP (1u << 20) /* the loop's buffer is given back beyond it */

/* ---- ends ---- */

/* Only from the loop. The stream may be closed afterwards. */
static void stream_tls_fail(struct stream_tls *t, int err)
{
	stream_tls_ready_fn ready_fn = t->ready_fn;

	if (t->state >= STREAM_TLS_FAILED)
		return;
	t->state = STREAM_TLS_FAILED;
	t->ready_fn = NULL;
	stream_read_stop(t->lower);
	if (ready_fn)
		ready_fn(t->ready_ctx, err);
	if (t->state != STREAM_TLS_CLOSED)
		t->base.events->failed(t->base.ctx, err);
}

/* From inside a call of the owner's. */
static void stream_tls_fail_later(struct stream_tls *t, int err)
{
	if (!t->later_err)
		t->later_err = err;
	loop_defer(t->loop, &t->later);
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
	return t->replies <= STREAM_TLS_REPLIES_MAX || t->state < STREAM_TLS_READY;
}

bool stream_tls_engine_send_parts(struct stream_tls *t, const struct slice *parts, size_t count)
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

void stream_tls_engine_send_alert(struct stream_tls *t)
{
	struct buf *out = stream_tls_out(t);

	tls_shutdown(t->tls, out);
	stream_tls_send(t, out);
}

void stream_tls_engine_send_end(struct stream_tls *t)
{
	stream_tls_engine_send_alert(t);
	stream_shutdown(t->lower);
}

void stream_tls_engine_begin(struct stream_tls *t)
{
	struct slice none = {NULL, 0};
	struct buf *out;

	if (t->state != STREAM_TLS_NEW)
		return;
	t->state = STREAM_TLS_SHAKING;
	out = stream_tls_out(t);
	if (tls_handshake(t->tls, &none, out) == TLS_FAILED)
		stream_tls_fail_later(t, ERR_TLS);
	stream_tls_send(t, out);
}

/* ---- upwards ---- */

/* Whether the lower stream is read, and whether there is work without it. */
void stream_tls_engine_settle(struct stream_tls *t)
{
	bool wants = t->reading && !t->stalled && t->state == STREAM_TLS_READY;

	if (t->working || t->state >= STREAM_TLS_FAILED)
		return;
	if (t->state < STREAM_TLS_READY)
		wants = t->reading || t->ready_fn;
	if (wants && !t->lower_reading)
		stream_read_start(t->lower);
	else if (!wants && t->lower_reading)
		stream_read_stop(t->lower);
	t->lower_reading = wants;
	if (t->reading && t->stalled && t->state == STREAM_TLS_READY)
		loop_defer(t->loop, &t->later);
}

static void stream_tls_drained(struct stream_tls *t)
{
	if (!t->full || t->lower_full || !stream_tls_is_up(t))
		return;
	t->full = false;
	t->base.events->drained(t->base.ctx);
}

static void stream_tls_became_ready(struct stream_tls *t)
{
	stream_tls_ready_fn ready_fn = t->ready_fn;
	struct slice early = buf_slice(&t->early);
	bool waits = t->full;

	t->state = STREAM_TLS_READY;
	t->ready_fn = NULL;
	if (early.len)
		stream_tls_engine_send_parts(t, &early, 1);
	t->full = waits;
	buf_release(&t->early);
	if (t->shutdown_wanted)
		stream_tls_engine_send_end(t);
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
		stream_read_room(&t->base, loop_plain_buffer(t->loop), t->much, t->most);
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
		t->state = STREAM_TLS_ENDED;
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
	if (t->state == STREAM_TLS_READY)
		return t->reading && stream_tls_step_read(t);
	return t->state < STREAM_TLS_READY && stream_tls_step_handshake(t);
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
	if (t->state == STREAM_TLS_CLOSED)
		return;
	if (t->state <= STREAM_TLS_READY)
		buf_append_slice(&t->parked, t->in);
	t->in = (struct slice) {NULL, 0};
	stream_tls_engine_settle(t);
}

void stream_tls_engine_on_later(struct loop_task *task)
{
	struct stream_tls *t = CONTAINER_OF(task, struct stream_tls, later);
	struct buf parked = t->parked;

	if (t->later_err) {
		stream_tls_fail(t, t->later_err);
		return;
	}
	if (t->state >= STREAM_TLS_FAILED || !t->reading || !t->stalled)
		return;
	buf_init(&t->parked);
	stream_tls_take(t, buf_slice(&parked));
	buf_release(&parked);
}

/* ---- events of the lower stream ---- */

static void stream_tls_on_data(void *ctx, struct slice data)
{
	struct stream_tls *t = ctx;

	if (t->state <= STREAM_TLS_READY)
		stream_tls_take(t, data);
}

static void stream_tls_on_drained(void *ctx)
{
	struct stream_tls *t = ctx;

	t->lower_full = false;
	t->replies = 0;
	stream_tls_drained(t);
}

static void stream_tls_on_ended(void *ctx)
{
	struct stream_tls *t = ctx;

	if (t->state != STREAM_TLS_ENDED)
		stream_tls_fail(t, ERR_ENDED);
}

static void stream_tls_on_failed(void *ctx, int err)
{
	stream_tls_fail(ctx, err);
}

const struct stream_events stream_tls_engine_events = {
	.data = stream_tls_on_data,
	.drained = stream_tls_on_drained,
	.ended = stream_tls_on_ended,
	.failed = stream_tls_on_failed,
};
