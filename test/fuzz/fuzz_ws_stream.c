/*
 * Frames from a peer, however they are cut: the same bytes, and the same end. The first byte of an
 * input says which role the stream has.
 */
#include "base/buf.h"
#include "base/check.h"
#include "io/loop.h"
#include "support/loop_turn.h"
#include "wire/ws_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTEWISE_MAX 2048
#define LOWER_WRITTEN_MAX (6u + 125u + 6u + 2u)

/* What is below the WebSocket: takes all, remembers nothing but how much. */
struct lower {
	struct stream base;
	size_t written;
	bool reading;
};

struct outcome {
	struct buf data;
	unsigned ended, failed;
	int err;
};

static void lower_read_start(struct stream *s)
{
	CONTAINER_OF(s, struct lower, base)->reading = true;
}

static void lower_read_stop(struct stream *s)
{
	CONTAINER_OF(s, struct lower, base)->reading = false;
}

static bool lower_write(struct stream *s, const struct slice *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		CONTAINER_OF(s, struct lower, base)->written += parts[i].len;
	return true;
}

static size_t lower_room(const struct stream *s)
{
	return STREAM_READ_BULK;
}

static void lower_set_bulk(struct stream *s, bool bulk)
{
}

static void lower_shutdown(struct stream *s)
{
}

static void lower_close(struct stream *s, bool reset)
{
	lower_read_stop(s);
}

static const struct stream_ops lower_ops = {
	.read_start = lower_read_start,
	.read_stop = lower_read_stop,
	.write = lower_write,
	.room = lower_room,
	.set_bulk = lower_set_bulk,
	.shutdown = lower_shutdown,
	.close = lower_close,
};

static void on_data(void *ctx, struct slice data)
{
	struct outcome *o = ctx;

	CHECK(data.len && !o->ended && !o->failed);
	buf_append_slice(&o->data, data);
}

static void on_drained(void *ctx)
{
	CHECK(false);
}

static void on_ended(void *ctx)
{
	((struct outcome *)ctx)->ended++;
}

static void on_failed(void *ctx, int err)
{
	struct outcome *o = ctx;

	o->failed++;
	o->err = err;
}

static const struct stream_events events = {
	.data = on_data, .drained = on_drained, .ended = on_ended, .failed = on_failed};

static struct outcome run(struct loop *loop, enum ws_role role, struct slice in, size_t step)
{
	struct lower lower = {.base.ops = &lower_ops};
	struct stream *base = &lower.base, *ws = ws_stream_new(loop, &base, role);
	struct outcome o = {0};
	size_t reads = 0;

	stream_listen(ws, &events, &o);
	stream_read_start(ws);
	for (; in.len && lower.reading; in = slice_from(in, step), reads++)
		lower.base.events->data(lower.base.ctx, slice_first(in, step));
	CHECK(o.ended + o.failed <= 1);
	CHECK(lower.reading == !(o.ended + o.failed));
	/* A pong and a close at most for each read. */
	CHECK(lower.written <= reads * LOWER_WRITTEN_MAX);
	stream_close(&ws);
	loop_turn(loop);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	struct slice in = slice_from(slice_of(data, size), 1);
	enum ws_role role = size && *data % 2 ? WS_SERVER : WS_CLIENT;
	struct outcome whole, part;

	if (!loop)
		loop = loop_new();
	whole = run(loop, role, in, in.len);
	CHECK(buf_len(&whole.data) <= in.len);
	for (size_t step = in.len <= BYTEWISE_MAX ? 1 : 7; step < 12; step += 5) {
		part = run(loop, role, in, step);
		CHECK(slice_eq(buf_slice(&whole.data), buf_slice(&part.data)));
		CHECK(whole.ended == part.ended && whole.failed == part.failed);
		CHECK(whole.err == part.err);
		buf_release(&part.data);
	}
	buf_release(&whole.data);
	return 0;
}
