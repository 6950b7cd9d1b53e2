/*
 * struct stream over a WebSocket. wslay reads and writes frames; what may follow what is decided
 * here. Of a lower read all payload is gathered and told in one event; nothing is kept between
 * reads but the payload of a control frame. Pings are answered by the last one only while the
 * lower stream is full, so that a flood of them parks nothing.
 *
 * A close is answered when the owner is done as well, which keeps half-closed streams useful
 * (RFC 6455, 5.5.1, lets an end finish what it is sending).
 */
#include "wire/ws_stream.h"

#include <wslay/wslay.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/rand.h"
#include "io/loop.h"

#define WS_MESSAGE_MAX 65536u /* bytes of a message that we send */
#define WS_CONTROL_MAX 125u /* RFC 6455, 5.5 */

struct ws_control {
	uint8_t bytes[WS_CONTROL_MAX];
	size_t len;
};

struct ws_stream {
	struct stream base;
	struct loop *loop; /* borrowed */
	struct stream *lower; /* owned */
	wslay_frame_context_ptr frames; /* owned */
	enum ws_role role;
	struct loop_task grave, begin;
	struct buf fed; /* came with the handshake, not yet read */
	struct slice in; /* while lower data is worked through: what is left of it */
	struct buf plain; /* and the payload in it */
	struct buf out; /* while frames are written */
	uint64_t frame_left; /* payload of the frame under way */
	bool in_message; /* more fragments of a message will come */
	struct ws_control control; /* of the control frame under way */
	struct ws_control pong; /* what the last ping wants back */
	bool pong_wanted;
	bool reading;
	bool lower_full, owner_waits; /* until drained */
	bool close_sent, close_received;
	bool failed, closed;
};

static const struct stream_ops ws_stream_ops;

static struct ws_stream *ws_stream_of(const struct stream *s)
{
	return CONTAINER_OF(s, struct ws_stream, base);
}

/* ---- writing ---- */

static ssize_t ws_on_send(const uint8_t *data, size_t len, int flags, void *ctx)
{
	struct ws_stream *w = ctx;

	buf_append(&w->out, data, len);
	return (ssize_t)len;
}

static int ws_on_mask(uint8_t *mask, size_t len, void *ctx)
{
	rand_bytes(mask, len);
	return 0;
}

/* Appends a part of a frame to what goes out; the header comes before the first. */
static void ws_put(struct ws_stream *w, uint8_t opcode, size_t total, struct slice part)
{
	struct wslay_frame_iocb frame = {
		.fin = 1,
		.opcode = opcode,
		.payload_length = total,
		.mask = w->role == WS_CLIENT,
		.data = (const uint8_t *)part.ptr,
		.data_length = part.len,
	};

	CHECK(wslay_frame_send(w->frames, &frame) == (ssize_t)part.len);
}

static void ws_flush(struct ws_stream *w)
{
	struct slice out = buf_slice(&w->out);

	if (out.len && !stream_write(w->lower, &out, 1))
		w->lower_full = true;
	buf_release(&w->out);
}

static void ws_send_control(struct ws_stream *w, uint8_t opcode, struct slice payload)
{
	ws_put(w, opcode, payload.len, payload);
	ws_flush(w);
}

static void ws_send_close(struct ws_stream *w, uint16_t code)
{
	uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	if (w->close_sent)
		return;
	w->close_sent = true;
	ws_send_control(w, WSLAY_CONNECTION_CLOSE, slice_of(payload, sizeof(payload)));
}

static void ws_send_pong(struct ws_stream *w)
{
	if (!w->pong_wanted || w->lower_full || w->close_sent)
		return;
	w->pong_wanted = false;
	ws_send_control(w, WSLAY_PONG, slice_of(w->pong.bytes, w->pong.len));
}

static bool ws_write(struct stream *s, const struct slice *parts, size_t count)
{
	struct ws_stream *w = ws_stream_of(s);
	size_t total = 0, message = 0;

	if (w->failed || w->close_sent)
		return false;
	for (size_t i = 0; i < count; i++)
		total += parts[i].len;
	for (size_t i = 0; i < count; i++) {
		struct slice rest = parts[i];

		while (rest.len) {
			size_t size = total < WS_MESSAGE_MAX ? total : WS_MESSAGE_MAX;
			struct slice part = slice_first(rest, size - message);

			ws_put(w, WSLAY_BINARY_FRAME, size, part);
			rest = slice_from(rest, part.len);
			message += part.len;
			if (message < size)
				continue;
			total -= size;
			message = 0;
		}
	}
	ws_flush(w);
	w->owner_waits = w->lower_full;
	return !w->lower_full;
}

static int ws_fd(const struct stream *s)
{
	return stream_fd(ws_stream_of(s)->lower);
}

static size_t ws_room(const struct stream *s)
{
	const struct ws_stream *w = ws_stream_of(s);

	return w->lower_full ? 0 : stream_room(w->lower);
}

static void ws_set_bulk(struct stream *s, bool bulk)
{
	stream_set_bulk(ws_stream_of(s)->lower, bulk);
}

static void ws_keep_buffers(struct stream *s, bool keep)
{
	stream_keep_buffers(ws_stream_of(s)->lower, keep);
}

static void ws_shutdown(struct stream *s)
{
	struct ws_stream *w = ws_stream_of(s);

	if (w->failed)
		return;
	ws_send_close(w, WSLAY_CODE_NORMAL_CLOSURE);
	if (w->close_received)
		stream_shutdown(w->lower);
}

/* ---- reading ---- */

static ssize_t ws_on_recv(uint8_t *to, size_t len, int flags, void *ctx)
{
	struct ws_stream *w = ctx;
	struct slice part = slice_first(w->in, len);

	if (!part.len)
		return -1;
	memcpy(to, part.ptr, part.len);
	w->in = slice_from(w->in, part.len);
	return (ssize_t)part.len;
}

/* Which codes may stand in a close frame (RFC 6455, 7.4, and the registry behind it). */
static bool ws_is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
		(code >= 3000 && code <= 4999);
}

/* 0, or the code of the close that answers a frame that may not be there. */
static uint16_t ws_judge_frame(struct ws_stream *w, const struct wslay_frame_iocb *f)
{
	if (f->rsv || (f->mask != 0) != (w->role == WS_SERVER))
		return WSLAY_CODE_PROTOCOL_ERROR;
	switch (f->opcode) {
	case WSLAY_CONTINUATION_FRAME:
	case WSLAY_BINARY_FRAME:
		if (w->in_message != (f->opcode == WSLAY_CONTINUATION_FRAME))
			return WSLAY_CODE_PROTOCOL_ERROR;
		w->in_message = !f->fin;
		return 0;
	case WSLAY_TEXT_FRAME:
		return WSLAY_CODE_UNSUPPORTED_DATA;
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG:
		w->control.len = 0;
		return 0;
	default:
		return WSLAY_CODE_PROTOCOL_ERROR;
	}
}

static uint16_t ws_take_close(struct ws_stream *w)
{
	const struct ws_control *c = &w->control;

	if (c->len == 1 || (c->len && !ws_is_close_code(c->bytes[0] * 256u + c->bytes[1])))
		return WSLAY_CODE_PROTOCOL_ERROR;
	w->close_received = true;
	return 0;
}

static uint16_t ws_take_payload(struct ws_stream *w, const struct wslay_frame_iocb *f)
{
	struct ws_control *c = &w->control;

	if (!wslay_is_ctrl_frame(f->opcode)) {
		buf_append(&w->plain, f->data, f->data_length);
		return 0;
	}
	CHECK(f->data_length <= sizeof(c->bytes) - c->len);
	if (f->data_length)
		memcpy(c->bytes + c->len, f->data, f->data_length);
	c->len += f->data_length;
	if (w->frame_left)
		return 0;
	if (f->opcode == WSLAY_CONNECTION_CLOSE)
		return ws_take_close(w);
	if (f->opcode == WSLAY_PING) {
		w->pong = *c;
		w->pong_wanted = true;
	}
	return 0;
}

/* Works through w->in until it is used up or the peer has closed. 0, or the code for a fault. */
static uint16_t ws_take_frames(struct ws_stream *w)
{
	struct wslay_frame_iocb f = {0};
	uint16_t fault = 0;

	while (!fault && !w->close_received) {
		ssize_t n = wslay_frame_recv(w->frames, &f);

		if (n == WSLAY_ERR_WANT_READ)
			return 0;
		if (n < 0)
			return WSLAY_CODE_PROTOCOL_ERROR;
		if (!w->frame_left) {
			fault = ws_judge_frame(w, &f);
			w->frame_left = f.payload_length;
		}
		w->frame_left -= f.data_length;
		if (!fault)
			fault = ws_take_payload(w, &f);
	}
	return fault;
}

/* The last event but for the owner's close. */
static void ws_fail(struct ws_stream *w, int err)
{
	if (w->failed || w->closed)
		return;
	w->failed = true;
	stream_read_stop(w->lower);
	w->base.events->failed(w->base.ctx, err);
}

/* Tells what one lower read brought. Each event may close the stream; the grave keeps it. */
static void ws_take(struct ws_stream *w, struct slice data)
{
	struct buf plain;
	uint16_t fault;

	w->in = data;
	fault = ws_take_frames(w);
	w->in = SLICE("");
	plain = w->plain;
	buf_init(&w->plain);
	ws_send_pong(w);
	if (fault)
		ws_send_close(w, fault);
	if (w->close_received)
		stream_read_stop(w->lower);
	if (buf_len(&plain))
		w->base.events->data(w->base.ctx, buf_slice(&plain));
	buf_release(&plain);
	if (w->closed)
		return;
	if (fault) {
		ws_fail(w, ERR_SYNTAX);
	} else if (w->close_received) {
		if (w->close_sent)
			stream_shutdown(w->lower);
		w->base.events->ended(w->base.ctx);
	}
}

static void ws_on_lower_data(void *ctx, struct slice data)
{
	ws_take(ctx, data);
}

static void ws_on_lower_drained(void *ctx)
{
	struct ws_stream *w = ctx;

	w->lower_full = false;
	ws_send_pong(w);
	if (!w->owner_waits || w->lower_full)
		return;
	w->owner_waits = false;
	w->base.events->drained(w->base.ctx);
}

/* Without a close before it this is no end in order. */
static void ws_on_lower_ended(void *ctx)
{
	ws_fail(ctx, ERR_RESET);
}

static void ws_on_lower_failed(void *ctx, int err)
{
	ws_fail(ctx, err);
}

static const struct stream_events ws_lower_events = {
	.data = ws_on_lower_data,
	.drained = ws_on_lower_drained,
	.ended = ws_on_lower_ended,
	.failed = ws_on_lower_failed,
};

/* What came with the handshake goes first; the lower stream is read after it. */
static void ws_on_begin(struct loop_task *task)
{
	struct ws_stream *w = CONTAINER_OF(task, struct ws_stream, begin);
	struct buf fed = w->fed;

	if (!w->reading)
		return;
	buf_init(&w->fed);
	ws_take(w, buf_slice(&fed));
	buf_release(&fed);
	if (w->reading && !w->closed && !w->failed && !w->close_received)
		stream_read_start(w->lower);
}

static void ws_read_start(struct stream *s)
{
	struct ws_stream *w = ws_stream_of(s);

	w->reading = true;
	if (w->failed || w->close_received)
		return;
	if (buf_len(&w->fed))
		loop_defer(w->loop, &w->begin);
	else
		stream_read_start(w->lower);
}

static void ws_read_stop(struct stream *s)
{
	struct ws_stream *w = ws_stream_of(s);

	w->reading = false;
	stream_read_stop(w->lower);
}

/* ---- life ---- */

static void ws_on_grave(struct loop_task *task)
{
	struct ws_stream *w = CONTAINER_OF(task, struct ws_stream, grave);

	wslay_frame_context_free(w->frames);
	buf_release(&w->fed);
	mem_free(w);
}

static void ws_close(struct stream *s, bool reset)
{
	struct ws_stream *w = ws_stream_of(s);

	if (!reset && !w->failed)
		ws_send_close(w, WSLAY_CODE_NORMAL_CLOSURE);
	w->closed = true;
	loop_cancel(&w->begin);
	if (reset)
		stream_abort(&w->lower);
	else
		stream_close(&w->lower);
	loop_defer(w->loop, &w->grave);
}

static const struct stream_ops ws_stream_ops = {
	.read_start = ws_read_start,
	.read_stop = ws_read_stop,
	.write = ws_write,
	.room = ws_room,
	.fd = ws_fd,
	.set_bulk = ws_set_bulk,
	.keep_buffers = ws_keep_buffers,
	.shutdown = ws_shutdown,
	.close = ws_close,
};

struct stream *ws_stream_new(struct loop *loop, struct stream **lower, enum ws_role role)
{
	static const struct wslay_frame_callbacks callbacks = {
		.send_callback = ws_on_send,
		.recv_callback = ws_on_recv,
		.genmask_callback = ws_on_mask,
	};
	struct ws_stream *w = MEM_NEW(struct ws_stream);

	w->base.ops = &ws_stream_ops;
	w->loop = loop;
	w->lower = *lower;
	*lower = NULL;
	w->role = role;
	loop_task_init(&w->grave, ws_on_grave);
	loop_task_init(&w->begin, ws_on_begin);
	CHECK(wslay_frame_context_init(&w->frames, &callbacks, w) == 0);
	stream_read_stop(w->lower); /* or its next bytes would come before those that are fed */
	stream_listen(w->lower, &ws_lower_events, w);
	return &w->base;
}

void ws_stream_feed(struct stream *s, struct slice received)
{
	buf_append_slice(&ws_stream_of(s)->fed, received);
}
