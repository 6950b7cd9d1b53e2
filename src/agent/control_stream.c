/* Cuts the bytes of stream 1 into lines. A line that was not whole is kept, bounded by the
 * protocol. */
#include "agent/control_stream.h"

#include "base/buf.h"
#include "base/mem.h"
#include "io/stream.h"
#include "wire/control.h"
#include "wire/session.h"

struct control_stream {
	struct stream *stream; /* owned; NULL once it is over */
	const struct control_stream_events *events; /* borrowed */
	void *ctx; /* borrowed */
	struct buf line; /* the beginning of one */
	bool is_full; /* the relay does not read */
};

static void control_stream_fail(struct control_stream *c, struct slice why)
{
	if (!c->stream)
		return;
	control_stream_end(c);
	c->events->failed(c->ctx, why);
}

/* The welcome has the session's secret. */
static void control_stream_forget_line(struct control_stream *c)
{
	if (c->line.base)
		mem_wipe(c->line.base, c->line.cap);
	buf_release(&c->line);
}

static void control_stream_take_line(struct control_stream *c, struct slice line)
{
	struct buf why = {0};
	struct control message;

	if (control_read(line, &message, &why) == 0) {
		if (message.type != CONTROL_UNKNOWN)
			c->events->message(c->ctx, &message);
		control_deinit(&message);
	} else {
		control_stream_fail(c, buf_slice(&why));
	}
	buf_release(&why);
}

static void control_stream_on_data(void *ctx, struct slice data)
{
	struct control_stream *c = ctx;

	while (c->stream && data.len) {
		size_t at = slice_find(data, '\n');
		struct slice line = slice_first(data, at);

		if (buf_len(&c->line) + line.len >= CONTROL_LINE_MAX) {
			control_stream_fail(c, SLICE("A message of the relay is too long."));
			return;
		}
		if (at == data.len || buf_len(&c->line)) {
			buf_append_slice(&c->line, line);
			line = buf_slice(&c->line);
		}
		if (at == data.len)
			return;
		data = slice_from(data, at + 1);
		control_stream_take_line(c, line);
		control_stream_forget_line(c);
	}
}

static void control_stream_on_drained(void *ctx)
{
	struct control_stream *c = ctx;

	c->is_full = false;
}

static void control_stream_on_ended(void *ctx)
{
	control_stream_fail(ctx, SLICE("The relay closed the control stream."));
}

static void control_stream_on_failed(void *ctx, int err)
{
	control_stream_fail(ctx, SLICE("The relay reset the control stream."));
}

static const struct stream_events control_stream_events = {
	.data = control_stream_on_data,
	.drained = control_stream_on_drained,
	.ended = control_stream_on_ended,
	.failed = control_stream_on_failed,
};

struct control_stream *control_stream_open(
	struct session *session, const struct control_stream_events *events, void *ctx)
{
	struct stream *stream = session_open(session);
	struct control_stream *c;

	if (!stream)
		return NULL;
	c = MEM_NEW(struct control_stream);
	c->stream = stream;
	c->events = events;
	c->ctx = ctx;
	stream_listen(stream, &control_stream_events, c);
	stream_read_start(stream);
	return c;
}

void control_stream_end(struct control_stream *c)
{
	stream_abort(&c->stream);
}

void control_stream_free(struct control_stream **c_ptr)
{
	struct control_stream *c = *c_ptr;

	if (!c)
		return;
	*c_ptr = NULL;
	control_stream_end(c);
	control_stream_forget_line(c);
	mem_free(c);
}

void control_stream_send(struct control_stream *c, const struct control *message)
{
	struct buf line = {0};
	struct slice part;

	if (!c->stream)
		return;
	/* In one piece of memory: growing would leave copies behind. */
	if (message->password || message->verify.secret)
		buf_reserve(&line, CONTROL_LINE_MAX);
	control_write(&line, message);
	part = buf_slice(&line);
	if (!stream_write(c->stream, &part, 1))
		c->is_full = true;
	if (message->password || message->verify.secret)
		mem_wipe(line.base, line.cap);
	buf_release(&line);
}

void control_stream_send_failed(
	struct control_stream *c, uint32_t stream_id, struct slice code, struct slice message)
{
	struct control failed = {.type = CONTROL_FAILED, .stream = stream_id};

	/* A courtesy; a relay that does not read shall not make us keep it. */
	if (!c->stream || c->is_full)
		return;
	failed.code = mem_dup_str(code.ptr, code.len);
	failed.message = mem_dup_str(message.ptr, message.len);
	control_stream_send(c, &failed);
	control_deinit(&failed);
}
