/*
 * The two-way pump. Each side stops being read while the other is full, so at most one read's
 * worth of bytes is parked per direction.
 */
#include "io/pump.h"

#include "base/mem.h"
#include "io/stream.h"

struct pump_half {
	struct pump *pump; /* borrowed */
	struct stream *stream; /* owned */
	uint64_t bytes;
	bool full; /* takes no more until drained */
	bool ended; /* sends no more */
};

struct pump {
	struct pump_half half[2];
	const struct pump_events *events; /* borrowed */
	void *ctx; /* borrowed */
	bool paused;
};

static struct pump_half *pump_other(struct pump_half *h)
{
	return &h->pump->half[h == &h->pump->half[0]];
}

static void pump_finish(struct pump *p, enum pump_end end)
{
	for (int i = 0; i < 2; i++) {
		if (end == PUMP_END_BOTH)
			stream_close(&p->half[i].stream);
		else
			stream_abort(&p->half[i].stream);
	}
	p->events->done(p->ctx, end);
}

static void pump_finish_if_over(struct pump *p)
{
	for (int i = 0; i < 2; i++) {
		if (!p->half[i].ended || p->half[i].full)
			return;
	}
	pump_finish(p, PUMP_END_BOTH);
}

static void pump_pass(struct pump_half *from, struct slice data)
{
	struct pump_half *to = pump_other(from);

	from->bytes += data.len;
	stream_tune_reads(from->stream, to->stream, data.len);
	if (!stream_write(to->stream, &data, 1)) {
		to->full = true;
		stream_read_stop(from->stream);
	}
}

static void pump_on_data(void *ctx, struct slice data)
{
	struct pump_half *h = ctx;

	pump_pass(h, data);
	h->pump->events->moved(h->pump->ctx);
}

static void pump_on_drained(void *ctx)
{
	struct pump_half *h = ctx, *from = pump_other(h);

	h->full = false;
	if (!from->ended && !h->pump->paused)
		stream_read_start(from->stream);
	h->pump->events->moved(h->pump->ctx);
	pump_finish_if_over(h->pump);
}

static void pump_on_ended(void *ctx)
{
	struct pump_half *h = ctx;

	h->ended = true;
	stream_shutdown(pump_other(h)->stream);
	pump_finish_if_over(h->pump);
}

static void pump_on_failed(void *ctx, int err)
{
	struct pump_half *h = ctx;

	pump_finish(h->pump, h == &h->pump->half[PUMP_A] ? PUMP_END_A : PUMP_END_B);
}

static bool pump_on_place(void *ctx, struct slice *room)
{
	return stream_place(pump_other(ctx)->stream, room);
}

static const struct stream_events pump_stream_events = {
	.data = pump_on_data,
	.drained = pump_on_drained,
	.ended = pump_on_ended,
	.failed = pump_on_failed,
	.place = pump_on_place,
};

struct pump *pump_new(
	struct stream **a, struct stream **b, const struct pump_events *events, void *ctx)
{
	struct pump *p = MEM_NEW(struct pump);
	struct stream **streams[2] = {a, b};

	p->events = events;
	p->ctx = ctx;
	for (int i = 0; i < 2; i++) {
		p->half[i].pump = p;
		p->half[i].stream = *streams[i];
		*streams[i] = NULL;
		stream_listen(p->half[i].stream, &pump_stream_events, &p->half[i]);
	}
	return p;
}

void pump_feed(struct pump *p, enum pump_side from, struct slice data)
{
	if (data.len)
		pump_pass(&p->half[from], data);
}

void pump_end_side(struct pump *p, enum pump_side side)
{
	p->half[side].ended = true;
	stream_shutdown(p->half[!side].stream);
}

void pump_start(struct pump *p)
{
	for (int i = 0; i < 2 && !p->paused; i++) {
		if (!p->half[i].ended && !p->half[!i].full)
			stream_read_start(p->half[i].stream);
	}
}

void pump_set_step(struct pump *p, uint32_t most)
{
	for (int i = 0; i < 2; i++)
		stream_set_step(p->half[i].stream, most);
}

void pump_pause(struct pump *p)
{
	p->paused = true;
	for (int i = 0; i < 2; i++) {
		stream_set_bulk(p->half[i].stream, false);
		stream_read_stop(p->half[i].stream);
	}
}

void pump_go_on(struct pump *p)
{
	p->paused = false;
	pump_start(p);
}

uint64_t pump_bytes(const struct pump *p, enum pump_side from)
{
	return p->half[from].bytes;
}

void pump_free(struct pump **p)
{
	if (!*p)
		return;
	for (int i = 0; i < 2; i++)
		stream_abort(&(*p)->half[i].stream);
	mem_free(*p);
	*p = NULL;
}
