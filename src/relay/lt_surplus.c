/* Each of them has a second from its refusal to its end, whatever it says meanwhile. */
#include "relay/lt_surplus.h"

#include "base/mem.h"
#include "io/stream.h"
#include "relay/worker.h"

#define LT_SURPLUS_MAX 64u /* more than these wait for their close: the oldest goes at once */

struct lt_surplus_socket {
	struct list node;
	struct lt_surplus *surplus; /* borrowed */
	struct stream *stream; /* owned */
	struct timeout timeout;
};

static void lt_surplus_drop(struct lt_surplus_socket *x)
{
	timeout_disarm(&x->timeout);
	list_remove(&x->node);
	x->surplus->count--;
	stream_close(&x->stream);
	mem_free(x);
}

static void lt_surplus_on_data(void *ctx, struct slice data)
{
	/* Whatever it says goes unheard until its time is up. */
}

static void lt_surplus_on_drained(void *ctx)
{
	/* The refusal is out; the close waits for the timeout. */
}

static void lt_surplus_on_ended(void *ctx)
{
	lt_surplus_drop(ctx);
}

static void lt_surplus_on_failed(void *ctx, int err)
{
	lt_surplus_drop(ctx);
}

static void lt_surplus_on_timeout(struct timeout *timeout)
{
	lt_surplus_drop(CONTAINER_OF(timeout, struct lt_surplus_socket, timeout));
}

static const struct stream_events lt_surplus_events = {
	.data = lt_surplus_on_data,
	.drained = lt_surplus_on_drained,
	.ended = lt_surplus_on_ended,
	.failed = lt_surplus_on_failed,
};

/* S84, byte for byte what clients of the protocol look for. */
static void lt_surplus_tell(
	struct worker *w, struct stream *stream, const struct lt_surplus_reason *why)
{
	struct buf body;
	struct slice part;

	buf_init(&body);
	buf_printf(&body,
		"{\"error\":\"Too Many Connections\",\"code\":429,\"max_sockets\":%u,"
		"\"current_sockets\":%u,\"available_sockets\":%u,\"waiting_requests\":%u}",
		why->max, why->now, why->idle, why->waiting);
	buf_clear(&w->out);
	buf_printf(&w->out,
		"HTTP/1.1 429 Too Many Connections\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\nX-LT-Max-Sockets: %u\r\nX-LT-Current-Sockets: %u\r\n"
		"X-LT-Available-Sockets: %u\r\nX-LT-Waiting-Requests: %u\r\n"
		"Connection: close\r\n\r\n",
		buf_len(&body), why->max, why->now, why->idle, why->waiting);
	buf_append_slice(&w->out, buf_slice(&body));
	buf_release(&body);
	part = buf_slice(&w->out);
	stream_write(stream, &part, 1);
}

void lt_surplus_init(struct lt_surplus *s, struct worker *w)
{
	s->worker = w;
	s->count = 0;
	list_init(&s->sockets);
}

static void lt_surplus_drop_oldest(struct lt_surplus *s)
{
	lt_surplus_drop(CONTAINER_OF(s->sockets.next, struct lt_surplus_socket, node));
}

void lt_surplus_refuse(
	struct lt_surplus *s, struct stream *stream, const struct lt_surplus_reason *why)
{
	struct worker *w = s->worker;
	struct lt_surplus_socket *x;

	metrics_add(w->metrics, METRIC_SOCKETS_REFUSED, 1);
	if (s->count >= LT_SURPLUS_MAX)
		lt_surplus_drop_oldest(s);
	x = MEM_NEW(struct lt_surplus_socket);
	x->surplus = s;
	x->stream = stream;
	timeout_init(&x->timeout, lt_surplus_on_timeout);
	list_init(&x->node);
	list_append(&s->sockets, &x->node);
	s->count++;
	stream_listen(stream, &lt_surplus_events, x);
	lt_surplus_tell(w, stream, why);
	stream_read_start(stream);
	timeout_arm(w->timeouts[WORKER_SURPLUS], &x->timeout);
}

void lt_surplus_drop_all(struct lt_surplus *s)
{
	while (s->count)
		lt_surplus_drop_oldest(s);
}
