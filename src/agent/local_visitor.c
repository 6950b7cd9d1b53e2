/*
 * A visitor that is over lives until the end of the turn, because its own callbacks may be
 * running. Then it is used again: its buffers keep their memory as long as that is little.
 */
#include "agent/local_visitor.h"

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "agent/local_tunnel.h"
#include "base/mem.h"
#include "io/pump.h"
#include "wire/session.h"

#define LOCAL_SPARE_MAX 64u
#define LOCAL_SPARE_BUF_MAX 4096u
#define LOCAL_PATH_SHOWN_MAX 512u

struct local_visitor *local_visitor_new(struct local *l, void *session, struct stream **stream)
{
	struct list *node = list_pop(&l->spare);
	struct local_visitor *v;

	if (node) {
		v = CONTAINER_OF(node, struct local_visitor, node);
		l->spare_count--;
	} else {
		v = MEM_NEW(struct local_visitor);
		list_init(&v->node);
	}
	v->local = l;
	v->session = session;
	v->stream = *stream;
	v->stream_id =
		l->events.stream_id ? l->events.stream_id(v->stream) : session_stream_id(v->stream);
	v->started_us = loop_event_us(l->loop);
	*stream = NULL;
	return v;
}

static void local_visitor_tell(
	struct local_visitor *v, enum report_kind kind, struct slice code, struct slice message)
{
	struct local *l = v->local;
	struct slice head = buf_slice(&v->head);
	struct report r;

	if (l->conf.quiet)
		return;
	r = (struct report) {
		.kind = kind,
		.code = code,
		.message = message,
		.visitor = slice_of(v->address, v->address_len),
		.request_id = slice_of(v->id, v->id_len),
		.method = slice_first(slice_from(head, v->method_at), v->method_len),
		.status = v->status,
		.bytes_in = v->bytes_in,
		.bytes_out = v->bytes_out,
		.upgraded = v->status == 101,
		.reused = v->reused,
	};

	r.path = slice_first(slice_from(head, v->method_at + v->method_len + 1),
		v->path_len < LOCAL_PATH_SHOWN_MAX ? v->path_len : LOCAL_PATH_SHOWN_MAX);
	if (v->tunnel) {
		r.tunnel = slice_from_str(v->tunnel->spec.label);
		r.target = buf_slice(&v->tunnel->shown);
		r.tcp = v->tunnel->spec.proto == TUNNEL_TCP;
	}
	if (kind == REPORT_REQUEST) {
		r.duration_us = loop_event_us(l->loop) - v->started_us;
		r.first_byte_us = v->first_byte_us ? v->first_byte_us - v->started_us : 0;
	}
	l->events.report(l->events.report_ctx, &r);
}

void local_visitor_opened(struct local_visitor *v)
{
	v->is_opened = true;
	local_visitor_tell(v, REPORT_REQUEST_OPENED, SLICE(""), SLICE(""));
}

/* Closes what there is. */
static void local_visitor_let_go(struct local_visitor *v)
{
	local_connect_cancel(&v->connect);
	local_conn_free(&v->conn);
	pump_free(&v->pump);
	stream_abort(&v->stream);
}

void local_visitor_over(struct local_visitor *v, struct slice code, struct slice message)
{
	struct local *l = v->local;

	if (v->pump) {
		v->bytes_in += pump_bytes(v->pump, PUMP_A);
		v->bytes_out += pump_bytes(v->pump, PUMP_B);
	}
	v->state = LOCAL_OVER;
	local_visitor_let_go(v);
	if (v->is_opened)
		local_visitor_tell(v, REPORT_REQUEST, code, message);
	local_tunnel_unref(&v->tunnel);
	l->count -= v->counted;
	list_remove(&v->node);
	list_append(&l->dead, &v->node);
	loop_defer(l->loop, &l->task);
}

void local_visitor_fail(struct local_visitor *v, struct slice code, struct slice message)
{
	v->local->events.failed(v->session, v->stream_id, code, message);
	local_visitor_over(v, code, message);
}

void local_visitor_fail_target(struct local_visitor *v, const char *code, const char *message)
{
	struct buf text = {0};

	buf_append_slice(&text, buf_slice(&v->tunnel->shown));
	buf_printf(&text, " %s", message);
	local_visitor_fail(v, slice_from_str(code), buf_slice(&text));
	buf_release(&text);
}

void local_visitor_gone(struct local_visitor *v)
{
	local_visitor_over(v, SLICE("visitor-gone"),
		SLICE("the visitor has left, or the session with the relay is over"));
}

void local_visitor_done(struct local_visitor *v)
{
	stream_close(&v->stream);
	local_visitor_over(v, SLICE(""), SLICE(""));
}

/* ---- two pipes ---- */

static void local_visitor_on_moved(void *ctx)
{
	struct local_visitor *v = ctx;

	if (!v->first_byte_us && v->pump && pump_bytes(v->pump, PUMP_B))
		v->first_byte_us = loop_event_us(v->local->loop);
}

static void local_visitor_on_pump_done(void *ctx, enum pump_end end)
{
	struct local_visitor *v = ctx;

	switch (end) {
	case PUMP_END_BOTH:
		local_visitor_done(v);
		break;
	case PUMP_END_A:
		local_visitor_gone(v);
		break;
	case PUMP_END_B:
		local_visitor_over(v, SLICE("local-reset"), SLICE("the service has reset it"));
		break;
	}
}

static const struct pump_events local_visitor_pump_events = {
	.moved = local_visitor_on_moved,
	.done = local_visitor_on_pump_done,
};

void local_visitor_pipe(struct local_visitor *v, struct slice received)
{
	v->state = LOCAL_PIPED;
	v->pump = pump_new(&v->stream, &v->conn->stream, &local_visitor_pump_events, v);
	local_conn_free(&v->conn);
	pump_feed(v->pump, PUMP_A, buf_slice(&v->in));
	pump_feed(v->pump, PUMP_B, received);
	if (v->ended)
		pump_end_side(v->pump, PUMP_A);
	pump_start(v->pump);
}

/* ---- memory ---- */

static struct buf local_visitor_keep_buf(struct buf *b)
{
	if (b->cap > LOCAL_SPARE_BUF_MAX)
		buf_release(b);
	buf_clear(b);
	return *b;
}

void local_visitor_free(struct local_visitor **v_ptr)
{
	struct local_visitor *v = *v_ptr;

	*v_ptr = NULL;
	if (!v)
		return;
	local_visitor_let_go(v);
	local_tunnel_unref(&v->tunnel);
	list_remove(&v->node);
	buf_release(&v->in);
	buf_release(&v->prefix);
	buf_release(&v->head);
	buf_release(&v->origin);
	buf_release(&v->answer);
	mem_free(v);
}

void local_visitor_recycle(struct local_visitor *v)
{
	struct local *l = v->local;

	if (l->spare_count == LOCAL_SPARE_MAX) {
		local_visitor_free(&v);
		return;
	}
	*v = (struct local_visitor) {
		.in = local_visitor_keep_buf(&v->in),
		.prefix = local_visitor_keep_buf(&v->prefix),
		.head = local_visitor_keep_buf(&v->head),
		.origin = local_visitor_keep_buf(&v->origin),
		.answer = local_visitor_keep_buf(&v->answer),
	};
	list_init(&v->node);
	list_append(&l->spare, &v->node);
	l->spare_count++;
}
