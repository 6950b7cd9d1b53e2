/* Every call is checked against the contract of streams. */
#include "support/stream_mem.h"

#include <string.h>

#include "base/check.h"

static struct stream_mem *stream_mem_of(struct stream *s)
{
	return CONTAINER_OF(s, struct stream_mem, base);
}

static void stream_mem_read_start(struct stream *s)
{
	CHECK(!stream_mem_of(s)->closed);
	stream_mem_of(s)->reading = true;
}

static void stream_mem_read_stop(struct stream *s)
{
	CHECK(!stream_mem_of(s)->closed);
	stream_mem_of(s)->reading = false;
}

/* As a stream of a session does: a head of its own goes in front of each write. */
static void stream_mem_use_room(struct stream_mem *m, struct slice written)
{
	if (m->room_is_used)
		memset((char *)m->room.ptr, '#', m->room.len);
	m->room_is_used = written.len && written.ptr == m->room.ptr;
	if (m->room_is_used)
		m->room = slice_from(m->room, written.len);
}

static bool stream_mem_write(struct stream *s, const struct slice *parts, size_t count)
{
	struct stream_mem *m = stream_mem_of(s);

	CHECK(!m->closed && !m->shut && count && count <= STREAM_PARTS_MAX);
	stream_mem_use_room(m, parts[0]);
	for (size_t i = 0; i < count; i++)
		buf_append_slice(&m->out, parts[i]);
	m->writes++;
	return !m->full;
}

static size_t stream_mem_room(const struct stream *s)
{
	return STREAM_READ_BULK;
}

static struct slice stream_mem_place(struct stream *s)
{
	return stream_mem_of(s)->room;
}

static void stream_mem_set_bulk(struct stream *s, bool bulk)
{
	/* Pieces are as large as the test makes them. */
}

static void stream_mem_shutdown(struct stream *s)
{
	CHECK(!stream_mem_of(s)->closed);
	stream_mem_of(s)->shut = true;
}

static void stream_mem_close(struct stream *s, bool reset)
{
	struct stream_mem *m = stream_mem_of(s);

	CHECK(!m->closed);
	m->closed = true;
	m->aborted = reset;
	m->reading = false;
}

static const struct stream_ops stream_mem_ops = {
	.read_start = stream_mem_read_start,
	.read_stop = stream_mem_read_stop,
	.write = stream_mem_write,
	.room = stream_mem_room,
	.place = stream_mem_place,
	.set_bulk = stream_mem_set_bulk,
	.shutdown = stream_mem_shutdown,
	.close = stream_mem_close,
};

void stream_mem_init(struct stream_mem *m)
{
	*m = (struct stream_mem) {.base.ops = &stream_mem_ops};
}

void stream_mem_deinit(struct stream_mem *m)
{
	buf_release(&m->out);
}

void stream_mem_feed(struct stream_mem *m, struct slice data)
{
	CHECK(m->reading);
	m->base.events->data(m->base.ctx, data);
}

void stream_mem_end(struct stream_mem *m)
{
	CHECK(m->reading);
	m->reading = false;
	m->base.events->ended(m->base.ctx);
}

void stream_mem_fail(struct stream_mem *m, int err)
{
	CHECK(!m->closed);
	m->base.events->failed(m->base.ctx, err);
}

void stream_mem_drain(struct stream_mem *m)
{
	CHECK(m->full && !m->closed);
	m->full = false;
	m->base.events->drained(m->base.ctx);
}
