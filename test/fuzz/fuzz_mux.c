/*
 * Any bytes, in any pieces, go into a server's mux. Its owner echoes, stops reading, half-closes,
 * resets and lets go as the input says; the link breaks and is found again. The first bytes of the
 * input are that script, the rest is what the peer says. Whatever it is: no stream gets an event
 * that it may not get, memory stays bounded, and at the end nothing is left.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "proto/mux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SCRIPT 24u
#define STREAMS_MAX 8u
#define TAIL_MAX 262144u
#define MEMORY_MAX (TAIL_MAX + 2097152u + (STREAMS_MAX + 1) * 4u * 1048576u)

struct fuzz_stream {
	struct mux_stream stream;
	struct fuzz *fuzz;
	bool full;
	bool ended;
};

struct fuzz {
	struct mux *mux;
	struct slice script;
	size_t at;
	uint64_t now_us;
	unsigned streams; /* all there are, let go of or not */
	unsigned quiet;
};

/* The script again and again, so that each stream sees another part of it. */
static unsigned fuzz_next(struct fuzz *f)
{
	return f->script.len ? (uint8_t)f->script.ptr[f->at++ % f->script.len] : 0;
}

static struct fuzz_stream *fuzz_stream_of(struct mux_stream *s)
{
	struct fuzz_stream *stream = CONTAINER_OF(s, struct fuzz_stream, stream);

	CHECK(!stream->fuzz->quiet);
	return stream;
}

static void fuzz_drop(struct fuzz_stream *s)
{
	s->fuzz->streams--;
	mem_free(s);
}

static struct fuzz_stream *fuzz_stream_new(struct fuzz *f)
{
	struct fuzz_stream *s = MEM_NEW(struct fuzz_stream);

	s->fuzz = f;
	f->streams++;
	return s;
}

static void fuzz_open(struct fuzz *f)
{
	struct fuzz_stream *s;

	if (f->streams > STREAMS_MAX * 2)
		return;
	s = fuzz_stream_new(f);
	if (mux_open(f->mux, &s->stream))
		mux_stream_read_start(&s->stream);
	else
		fuzz_drop(s);
}

static void fuzz_say(struct fuzz_stream *s, struct slice data)
{
	if (!s->full && !s->stream.fin_wanted)
		s->full = !mux_stream_write(&s->stream, &data, 1);
}

/* What an owner does about an event; the stream may be gone after it. */
static void fuzz_act(struct fuzz_stream *s, struct slice data)
{
	struct fuzz *f = s->fuzz;
	unsigned what = fuzz_next(f);
	static const char much[70000];

	f->quiet++;
	switch (what & 15) {
	case 0:
		mux_stream_reset(&s->stream);
		fuzz_drop(s);
		break;
	case 1:
		if (mux_stream_release(&s->stream))
			fuzz_drop(s);
		break;
	case 2:
		mux_stream_read_stop(&s->stream);
		break;
	case 3:
		mux_stream_finish(&s->stream);
		break;
	case 4:
		fuzz_say(s, slice_of(much, sizeof(much)));
		break;
	case 5:
		fuzz_open(f);
		break;
	case 6:
		mux_link_lost(f->mux);
		break;
	default:
		fuzz_say(s, data);
	}
	f->quiet--;
}

static struct mux_stream *fuzz_on_make(void *ctx)
{
	struct fuzz *f = ctx;

	return fuzz_next(f) == 255 ? NULL : &fuzz_stream_new(f)->stream;
}

static void fuzz_on_opened(void *ctx, struct mux_stream *stream)
{
	if (fuzz_next(ctx) & 3)
		mux_stream_read_start(stream);
	fuzz_act(fuzz_stream_of(stream), SLICE("opened"));
}

static void fuzz_on_data(struct mux_stream *stream, struct slice data)
{
	struct fuzz_stream *s = fuzz_stream_of(stream);

	CHECK(data.len && stream->reading && !s->ended && !stream->released);
	fuzz_act(s, data);
}

static void fuzz_on_writable(struct mux_stream *stream)
{
	struct fuzz_stream *s = fuzz_stream_of(stream);

	CHECK(s->full && !stream->released);
	s->full = false;
	fuzz_act(s, SLICE("more"));
}

static void fuzz_on_ended(struct mux_stream *stream)
{
	struct fuzz_stream *s = fuzz_stream_of(stream);

	CHECK(!s->ended && stream->reading && !stream->released);
	s->ended = true;
	fuzz_act(s, SLICE("end"));
}

static void fuzz_on_reset(struct mux_stream *stream)
{
	CHECK(!stream->mux && !stream->released);
	fuzz_drop(fuzz_stream_of(stream));
}

static void fuzz_on_gone(struct mux_stream *stream)
{
	CHECK(!stream->mux && stream->released);
	fuzz_drop(fuzz_stream_of(stream));
}

static void fuzz_on_pong(void *ctx, uint64_t rtt_us)
{
	CHECK(!((struct fuzz *)ctx)->quiet);
}

static void fuzz_on_go_away(void *ctx)
{
	CHECK(!((struct fuzz *)ctx)->quiet);
}

static void fuzz_on_wake(void *ctx)
{
	CHECK(ctx);
}

static const struct mux_events fuzz_events = {
	.make = fuzz_on_make,
	.opened = fuzz_on_opened,
	.data = fuzz_on_data,
	.writable = fuzz_on_writable,
	.ended = fuzz_on_ended,
	.reset = fuzz_on_reset,
	.gone = fuzz_on_gone,
	.pong = fuzz_on_pong,
	.go_away = fuzz_on_go_away,
	.wake = fuzz_on_wake,
};

static void fuzz_send(struct fuzz *f)
{
	struct slice parts[4];
	unsigned what = fuzz_next(f);
	size_t n = what & 8 ? mux_output(f->mux, parts, 1 + what % 4) : 0;
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum ^= (uint8_t)parts[i].ptr[0] ^ (uint8_t)parts[i].ptr[parts[i].len - 1];
	if (n && (what & 128 || sum))
		mux_sent(f->mux);
}

/* Between two pieces. */
static void fuzz_pause(struct fuzz *f)
{
	unsigned what = fuzz_next(f);

	f->now_us += what * 10;
	fuzz_send(f);
	if (what & 1 && mux_tick(f->mux, f->now_us) && what & 2)
		mux_accept(f->mux);
	if ((what & 15) == 15)
		mux_ping(f->mux, f->now_us);
	if ((what & 31) == 31)
		fuzz_open(f);
	if ((what & 63) == 62)
		mux_link_lost(f->mux);
	/* 0 is a lie, unless nothing was acknowledged; it may be refused. */
	if (mux_fault_of(f->mux) == MUX_FAULT_NONE && (what & 4) &&
		mux_link_found(f->mux, what & 64 ? what : 0) != 0)
		mux_link_lost(f->mux);
	CHECK(mux_memory(f->mux) <= MEMORY_MAX);
}

static void fuzz_run(struct fuzz *f, struct slice bytes)
{
	while (bytes.len) {
		unsigned what = fuzz_next(f);
		size_t len = what & 1 ? what / 8 + 1 : bytes.len;
		struct slice piece = slice_first(bytes, len);
		char *copy = mem_dup(piece.ptr, piece.len);
		bool faulty = mux_fault_of(f->mux) != MUX_FAULT_NONE;
		int err = mux_receive(f->mux, slice_of(copy, piece.len), f->now_us);

		mem_free(copy);
		CHECK(err == (mux_fault_of(f->mux) == MUX_FAULT_NONE ? 0 : ERR_SYNTAX));
		CHECK(!faulty || err);
		bytes = slice_from(bytes, piece.len);
		fuzz_pause(f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mux_conf conf = {
		.role = MUX_SERVER,
		.max_streams = STREAMS_MAX,
		.window_max = 1048576,
		.window_budget = 2097152,
		.tail_max = TAIL_MAX,
	};
	struct slice all = slice_of(data, size);
	struct fuzz f = {.script = slice_first(all, SCRIPT)};

	f.mux = mux_new(&conf, &fuzz_events, &f);
	CHECK(mux_link_found(f.mux, 0) == 0);
	if (fuzz_next(&f) & 3)
		mux_agree(f.mux, fuzz_next(&f) & 1, fuzz_next(&f) & 1 ? 16384 : 0);
	fuzz_run(&f, slice_from(all, SCRIPT));
	fuzz_pause(&f);
	mux_end(f.mux);
	CHECK(!f.streams);
	mux_free(&f.mux);
	return 0;
}
