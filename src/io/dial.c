/*
 * The race of addresses: the next one starts when the one before it failed or has had its head
 * start, and the first that is connected ends all others. A numeric address and a path are races
 * of one.
 */
#include "io/dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/connect.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/stream.h"
#include "io/timeout.h"

#define DIAL_HEAD_START_MS 250u /* RFC 8305, 8 */

struct dial_try {
	struct dial *dial; /* borrowed */
	struct connect *connect; /* owned; NULL when it is over */
};

struct dial {
	struct loop *loop; /* borrowed */
	dial_done_fn done;
	void *ctx; /* borrowed */
	char *host; /* owned; the path of a unix socket */
	uint16_t port;
	bool is_named; /* the host is a name that had to be resolved */
	struct resolve *resolve; /* owned, while it runs */
	struct addr addrs[RESOLVE_MAX];
	struct dial_try tries[RESOLVE_MAX];
	size_t count, started, running;
	size_t last; /* the address that the error is about */
	int number; /* errno of that address; 0: none has failed */
	struct loop_task begin;
	struct timeout_queue *head_starts, *limits; /* owned, with one entry each */
	struct timeout head_start, limit;
	uint64_t timeout_ms;
	uint64_t started_us, resolved_us;
};

static void dial_free(struct dial *d)
{
	resolve_cancel(&d->resolve);
	for (size_t i = 0; i < d->started; i++)
		connect_cancel(&d->tries[i].connect);
	loop_cancel(&d->begin);
	timeout_queue_free(&d->head_starts);
	timeout_queue_free(&d->limits);
	mem_free(d->host);
	mem_free(d);
}

/* Tells, and is gone. The stream is NULL on an error. */
static void dial_finish(struct dial *d, int err, struct stream *stream, struct slice detail)
{
	const struct addr *addr = d->started ? &d->addrs[d->last] : NULL;
	uint64_t now = loop_clock_us(), resolved = d->resolved_us ? d->resolved_us : now;
	struct dial_result result = {
		.err = err,
		.resolved = d->count > 0,
		.stream = stream,
		.addr = addr && addr->storage.ss_family != AF_UNIX ? addr : NULL,
		.detail = detail,
		.resolve_us = resolved - d->started_us,
		.connect_us = now - resolved,
	};

	/* Nothing else of the race may speak up any more. */
	resolve_cancel(&d->resolve);
	for (size_t i = 0; i < d->started; i++)
		connect_cancel(&d->tries[i].connect);
	timeout_disarm(&d->head_start);
	timeout_disarm(&d->limit);
	d->done(d->ctx, &result);
	dial_free(d);
}

/* "connect to " and where, as a person would say it. */
static void dial_print_place(const struct dial *d, struct buf *out)
{
	const struct addr *addr = &d->addrs[d->last];
	char text[ADDR_TEXT_MAX];

	if (addr->storage.ss_family == AF_UNIX) {
		buf_printf(out, "connect to %s", d->host);
		return;
	}
	addr_print(addr, text);
	if (!d->is_named && strchr(text, ':'))
		buf_printf(out, "connect to [%s]:%u", text, d->port);
	else if (!d->is_named)
		buf_printf(out, "connect to %s:%u", text, d->port);
	else if (d->started == 1)
		buf_printf(out, "connect to %s (%s) port %u", d->host, text, d->port);
	else
		buf_printf(out, "connect to %s (%s and %zu more) port %u", d->host, text,
			d->started - 1, d->port);
}

static void dial_finish_failed(struct dial *d)
{
	struct buf detail = {0};

	dial_print_place(d, &detail);
	/* A unix socket whose queue is full says this. */
	if (d->number == EAGAIN)
		buf_append_str(&detail, ": too many connections wait there");
	else
		buf_printf(&detail, ": %s", uv_strerror(-d->number));
	dial_finish(d, err_from_errno(d->number), NULL, buf_slice(&detail));
	buf_release(&detail);
}

static void dial_on_limit(struct timeout *timeout)
{
	struct dial *d = CONTAINER_OF(timeout, struct dial, limit);
	struct buf detail = {0};

	if (!d->started) {
		buf_printf(&detail, "look up %s", d->host);
	} else {
		d->last = d->started - 1;
		dial_print_place(d, &detail);
	}
	buf_printf(&detail, ": no answer in %.3g s", (double)d->timeout_ms / 1000);
	dial_finish(d, ERR_TIMEOUT, NULL, buf_slice(&detail));
	buf_release(&detail);
}

static void dial_on_connected(void *ctx, int number, struct stream *stream);

static void dial_start_next(struct dial *d)
{
	struct dial_try *t = &d->tries[d->started];

	t->dial = d;
	t->connect = connect_start(d->loop, &d->addrs[d->started], dial_on_connected, t);
	d->started++;
	d->running++;
	timeout_disarm(&d->head_start);
	if (d->started < d->count)
		timeout_arm(d->head_starts, &d->head_start);
}

static void dial_on_head_start(struct timeout *timeout)
{
	dial_start_next(CONTAINER_OF(timeout, struct dial, head_start));
}

static void dial_on_connected(void *ctx, int number, struct stream *stream)
{
	struct dial_try *t = ctx;
	struct dial *d = t->dial;
	size_t at = (size_t)(t - d->tries);

	t->connect = NULL;
	d->running--;
	if (stream) {
		d->last = at;
		dial_finish(d, 0, stream, SLICE(""));
		return;
	}
	/* A refusal came from the machine itself, and says more than a route that is missing. */
	if (d->number != ECONNREFUSED) {
		d->number = number;
		d->last = at;
	}
	if (d->started < d->count)
		dial_start_next(d);
	else if (!d->running)
		dial_finish_failed(d);
}

static void dial_on_resolved(void *ctx, const struct resolve_result *result)
{
	struct dial *d = ctx;
	struct buf detail = {0};

	d->resolve = NULL;
	if (result->err) {
		buf_printf(&detail, "look up %s: %s", d->host, result->why);
		dial_finish(d, result->err, NULL, buf_slice(&detail));
		buf_release(&detail);
		return;
	}
	d->resolved_us = loop_clock_us();
	d->count = result->count;
	memcpy(d->addrs, result->addrs, result->count * sizeof(d->addrs[0]));
	dial_start_next(d);
}

/* The addresses are there without asking anybody. */
static void dial_on_begin(struct loop_task *task)
{
	struct dial *d = CONTAINER_OF(task, struct dial, begin);
	struct buf detail = {0};

	if (d->count) {
		d->resolved_us = loop_clock_us();
		dial_start_next(d);
		return;
	}
	buf_printf(&detail, "connect to %s: the path is too long for a socket", d->host);
	dial_finish(d, ERR_RANGE, NULL, buf_slice(&detail));
	buf_release(&detail);
}

static void dial_set_path(struct dial *d)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&d->addrs[0].storage;

	un->sun_family = AF_UNIX;
	d->addrs[0].len = sizeof(*un);
	if (strlen(d->host) < sizeof(un->sun_path)) {
		memcpy(un->sun_path, d->host, strlen(d->host) + 1);
		d->count = 1;
	}
	loop_defer(d->loop, &d->begin);
}

static void dial_set_host(struct dial *d, const struct dial_target *target)
{
	if (target->addr_count) {
		d->is_named = true;
		d->count = target->addr_count < RESOLVE_MAX ? target->addr_count : RESOLVE_MAX;
		memcpy(d->addrs, target->addrs, d->count * sizeof(d->addrs[0]));
		loop_defer(d->loop, &d->begin);
		return;
	}
	if (addr_parse(d->host, d->port, &d->addrs[0]) == 0) {
		d->count = 1;
		loop_defer(d->loop, &d->begin);
		return;
	}
	d->is_named = true;
	d->resolve = resolve_start(d->loop, d->host, d->port, dial_on_resolved, d);
}

struct dial *dial_start(struct loop *loop, const struct dial_target *target, uint64_t timeout_ms,
	dial_done_fn done, void *ctx)
{
	const char *where = target->path ? target->path : target->host;
	struct dial *d = MEM_NEW(struct dial);

	d->loop = loop;
	d->done = done;
	d->ctx = ctx;
	d->host = mem_dup_str(where, strlen(where));
	d->port = target->port;
	d->timeout_ms = timeout_ms;
	d->started_us = loop_clock_us();
	loop_task_init(&d->begin, dial_on_begin);
	d->head_starts = timeout_queue_new(loop, DIAL_HEAD_START_MS);
	d->limits = timeout_queue_new(loop, timeout_ms);
	timeout_init(&d->head_start, dial_on_head_start);
	timeout_init(&d->limit, dial_on_limit);
	timeout_arm(d->limits, &d->limit);
	if (target->path)
		dial_set_path(d);
	else
		dial_set_host(d, target);
	return d;
}

void dial_cancel(struct dial **d_ptr)
{
	struct dial *d = *d_ptr;

	*d_ptr = NULL;
	if (d)
		dial_free(d);
}
