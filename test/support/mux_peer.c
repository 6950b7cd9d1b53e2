/* Frames in, text out. */
#include "support/mux_peer.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"

static struct mux_peer *peer_of(const struct mux_stream *s)
{
	return CONTAINER_OF(s, struct mux_peer_stream, stream)->peer;
}

static void peer_tell(struct mux_stream *s, const char *what)
{
	struct mux_peer *p = peer_of(s);

	buf_printf(&p->told, "%s %u;", what, s->id);
	if (p->then)
		p->then(p, s);
}

static struct mux_stream *peer_stream_new(struct mux_peer *p)
{
	struct mux_peer_stream *s = &p->streams[p->count++];

	CHECK(p->count <= MUX_PEER_STREAMS);
	s->peer = p;
	return &s->stream;
}

static struct mux_stream *peer_on_make(void *ctx)
{
	struct mux_peer *p = ctx;

	return p->refuse ? NULL : peer_stream_new(p);
}

static void peer_on_opened(void *ctx, struct mux_stream *s)
{
	struct mux_peer *p = ctx;

	CHECK(peer_of(s) == p);
	if (p->read)
		mux_stream_read_start(s);
	peer_tell(s, "opened");
}

static void peer_on_data(struct mux_stream *s, struct slice data)
{
	struct mux_peer *p = peer_of(s);

	buf_printf(&p->told, "data %u %zu;", s->id, data.len);
	if (p->then)
		p->then(p, s);
}

static void peer_on_writable(struct mux_stream *s)
{
	peer_tell(s, "writable");
}

static void peer_on_ended(struct mux_stream *s)
{
	peer_tell(s, "ended");
}

static void peer_on_reset(struct mux_stream *s)
{
	peer_tell(s, "reset");
}

static void peer_on_gone(struct mux_stream *s)
{
	peer_tell(s, "gone");
}

static void peer_on_pong(void *ctx, uint64_t rtt_us)
{
	buf_printf(&((struct mux_peer *)ctx)->told, "pong %u;", (unsigned)rtt_us);
}

static void peer_on_go_away(void *ctx)
{
	buf_append_str(&((struct mux_peer *)ctx)->told, "go-away;");
}

static void peer_on_wake(void *ctx)
{
	CHECK(ctx);
}

static const struct mux_events peer_events = {
	.make = peer_on_make,
	.opened = peer_on_opened,
	.data = peer_on_data,
	.writable = peer_on_writable,
	.ended = peer_on_ended,
	.reset = peer_on_reset,
	.gone = peer_on_gone,
	.pong = peer_on_pong,
	.go_away = peer_on_go_away,
	.wake = peer_on_wake,
};

void mux_peer_init(struct mux_peer *p, struct mux_conf conf)
{
	*p = (struct mux_peer) {.read = true, .now_us = 1000000};
	if (!conf.max_streams)
		conf.max_streams = MUX_PEER_STREAMS;
	if (!conf.window_max)
		conf.window_max = 8388608;
	if (!conf.window_budget)
		conf.window_budget = 16777216;
	if (!conf.tail_max)
		conf.tail_max = 1048576;
	p->mux = mux_new(&conf, &peer_events, p);
	CHECK(mux_link_found(p->mux, 0) == 0);
}

void mux_peer_deinit(struct mux_peer *p)
{
	p->then = NULL;
	mux_end(p->mux);
	mux_free(&p->mux);
	buf_release(&p->told);
	buf_release(&p->sent);
}

static int peer_receive(struct mux_peer *p, struct slice bytes)
{
	char *copy = mem_dup(bytes.ptr, bytes.len);
	size_t step = p->bytewise ? 1 : bytes.len;
	int err = 0;

	for (size_t at = 0; !err && at < bytes.len; at += step)
		err = mux_receive(p->mux, slice_of(copy + at, step), p->now_us);
	mem_free(copy);
	return err;
}

int mux_peer_says(struct mux_peer *p, struct mux_frame f)
{
	size_t most = f.length < MUX_PEER_PAYLOAD_MAX ? f.length : MUX_PEER_PAYLOAD_MAX;
	size_t payload = f.type == MUX_FRAME_DATA ? most : 0;
	char *bytes = mem_zero(MUX_FRAME_HEAD + payload);
	int err;

	mux_frame_write(bytes, &f);
	err = peer_receive(p, slice_of(bytes, MUX_FRAME_HEAD + payload));
	mem_free(bytes);
	return err;
}

int mux_peer_acks(struct mux_peer *p, uint64_t position)
{
	char bytes[MUX_FRAME_HEAD + 8];

	mux_frame_write(bytes, &(struct mux_frame) {.type = MUX_FRAME_ACK, .length = 8});
	mux_frame_write_u64(bytes + MUX_FRAME_HEAD, position);
	return peer_receive(p, slice_of(bytes, sizeof(bytes)));
}

struct mux_stream *mux_peer_open(struct mux_peer *p)
{
	struct mux_stream *s = peer_stream_new(p);

	if (!mux_open(p->mux, s))
		return NULL;
	mux_stream_read_start(s);
	return s;
}

bool mux_peer_write(struct mux_stream *s, size_t len)
{
	char *bytes = mem_zero(len + 1);
	struct slice part = slice_of(bytes, len);
	bool room = mux_stream_write(s, &part, 1);

	mem_free(bytes);
	return room;
}

void mux_peer_tick(struct mux_peer *p)
{
	if (mux_tick(p->mux, p->now_us))
		buf_append_str(&p->told, "owing;");
}

static const char *peer_text(struct buf *b)
{
	buf_append_char(b, '\0');
	b->end = b->start; /* the text stays until the next one */
	return b->base + b->start;
}

const char *mux_peer_told(struct mux_peer *p)
{
	return peer_text(&p->told);
}

static void peer_describe(struct mux_peer *p, struct mux_frame f, const char *payload)
{
	static const char *const names[] = {"data", "window", "ping", "go-away"};
	static const char *const flags[] = {" SYN", " ACK", " FIN", " RST"};

	if (f.type == MUX_FRAME_ACK) {
		buf_printf(&p->sent, "ack %u;", (unsigned)mux_frame_read_u64(payload));
		return;
	}
	CHECK(!f.version && f.type < 4 && f.flags < 16);
	buf_append_str(&p->sent, names[f.type]);
	for (unsigned i = 0; i < 4; i++)
		buf_append_str(&p->sent, f.flags & 1u << i ? flags[i] : "");
	buf_printf(&p->sent, " %u %u;", f.stream, f.length);
	if (f.type != MUX_FRAME_PING)
		p->counted += MUX_FRAME_HEAD;
}

const char *mux_peer_sent(struct mux_peer *p)
{
	struct slice parts[8];
	struct buf bytes = {0};
	size_t n;

	while ((n = mux_output(p->mux, parts, 8)) != 0) {
		for (size_t i = 0; i < n; i++)
			buf_append_slice(&bytes, parts[i]);
		mux_sent(p->mux);
	}
	while (buf_len(&bytes)) {
		struct mux_frame f;
		size_t payload;

		CHECK(buf_len(&bytes) >= MUX_FRAME_HEAD);
		f = mux_frame_read(bytes.base + bytes.start);
		payload = f.type == MUX_FRAME_DATA || f.type == MUX_FRAME_ACK ? f.length : 0;
		CHECK(buf_len(&bytes) >= MUX_FRAME_HEAD + payload);
		peer_describe(p, f, bytes.base + bytes.start + MUX_FRAME_HEAD);
		p->counted += f.type == MUX_FRAME_DATA ? payload : 0;
		buf_consume(&bytes, MUX_FRAME_HEAD + payload);
	}
	return peer_text(&p->sent);
}
