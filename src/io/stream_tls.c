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

#include "base/check.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "io/stream_parcel.h"
#include "io/stream_tls_engine.h"
#include "io/stream_tls_priv.h"

#define STREAM_TLS_RECORD 16384u

static const struct stream_ops stream_tls_ops;

static struct stream_tls *stream_tls_of(const struct stream *s)
{
	return CONTAINER_OF(s, struct stream_tls, base);
}

static void stream_tls_on_grave(struct loop_task *task)
{
	mem_free(CONTAINER_OF(task, struct stream_tls, grave));
}

/* Its own callbacks may still be on the stack. */
static void stream_tls_bury(struct stream_tls *t)
{
	t->state = STREAM_TLS_CLOSED;
	loop_cancel(&t->later);
	tls_free(&t->tls);
	buf_release(&t->parked);
	buf_release(&t->early);
	loop_defer(t->loop, &t->grave);
}

static void stream_tls_read_start(struct stream *s)
{
	struct stream_tls *t = stream_tls_of(s);

	if (t->state >= STREAM_TLS_FAILED)
		return;
	t->reading = true;
	stream_tls_engine_begin(t);
	stream_tls_engine_settle(t);
}

static void stream_tls_read_stop(struct stream *s)
{
	struct stream_tls *t = stream_tls_of(s);

	t->reading = false;
	stream_tls_engine_settle(t);
}

static bool stream_tls_write(struct stream *s, const struct slice *parts, size_t count)
{
	struct stream_tls *t = stream_tls_of(s);

	if (stream_tls_is_up(t))
		return stream_tls_engine_send_parts(t, parts, count);
	if (t->state >= STREAM_TLS_FAILED)
		return false;
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
	size_t room = stream_tls_is_up(t) ? stream_room(t->lower) : 0;

	return room > 64 ? room - room / 256 - 64 : 0;
}

static void stream_tls_set_bulk(struct stream *s, bool bulk)
{
	struct stream_tls *t = stream_tls_of(s);

	t->most = bulk ? STREAM_READ_BULK : STREAM_READ_SMALL;
	stream_set_bulk(t->lower, bulk);
}

/* There is no room for less than a record. */
static void stream_tls_set_step(struct stream *s, uint32_t most)
{
	struct stream_tls *t = stream_tls_of(s);

	t->most = most < STREAM_TLS_RECORD ? STREAM_TLS_RECORD : most;
	stream_set_step(t->lower, t->most);
}

static void stream_tls_keep_buffers(struct stream *s, bool keep)
{
	tls_keep_buffers(stream_tls_of(s)->tls, keep);
}

static void stream_tls_shutdown(struct stream *s)
{
	struct stream_tls *t = stream_tls_of(s);

	if (t->state >= STREAM_TLS_FAILED || t->shutdown_wanted)
		return;
	t->shutdown_wanted = true;
	if (stream_tls_is_up(t))
		stream_tls_engine_send_end(t);
}

static void stream_tls_close(struct stream *s, bool reset)
{
	struct stream_tls *t = stream_tls_of(s);

	if (!reset && stream_tls_is_up(t) && !t->lower_full)
		stream_tls_engine_send_alert(t);
	if (reset)
		stream_abort(&t->lower);
	else
		stream_close(&t->lower);
	stream_tls_bury(t);
}

static int stream_tls_detach(struct stream *s, struct stream_parcel *out)
{
	struct stream_tls *t = stream_tls_of(s);
	int err = stream_tls_is_up(t) && !t->lower_full ? 0 : ERR_BUSY;

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
	.set_step = stream_tls_set_step,
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
	t->most = STREAM_READ_SMALL;
	t->loop = loop;
	t->lower = *lower;
	t->tls = *tls;
	t->state = tls_is_ready(*tls) ? STREAM_TLS_READY : STREAM_TLS_NEW;
	loop_task_init(&t->later, stream_tls_engine_on_later);
	loop_task_init(&t->grave, stream_tls_on_grave);
	stream_listen(t->lower, &stream_tls_engine_events, t);
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

	CHECK(t->state < STREAM_TLS_READY);
	t->ready_fn = ready;
	t->ready_ctx = ctx;
	stream_tls_engine_begin(t);
	stream_tls_engine_settle(t);
}

const struct tls *stream_tls_get(const struct stream *s)
{
	return s->ops == &stream_tls_ops ? stream_tls_of(s)->tls : NULL;
}
