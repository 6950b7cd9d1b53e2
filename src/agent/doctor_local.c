/*
 * One GET over one connection, of which only the first line is read. Silence is no fault: what is
 * asked for HTTP may be a database that waits for its own greeting, behind adit tcp.
 */
#include "agent/doctor_local.h"

#include "agent/local_connect.h"
#include "agent/tunnel_spec.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tls.h"
#include "io/timeout.h"

#define DOCTOR_LOCAL_ANSWER_MS 3000u
#define DOCTOR_LOCAL_LINE_MAX 512u
#define DOCTOR_LOCAL_ALPN "http/1.1"

struct doctor_local {
	struct loop *loop; /* borrowed */
	struct doctor_local_conf conf;
	const struct doctor_local_events *events; /* borrowed */
	void *ctx; /* borrowed */
	struct stream *stream; /* owned */
	struct timeout_queue *queue; /* owned */
	struct timeout limit; /* of the answer; before it, of the handshake */
	bool is_asked;
	struct buf line; /* the first of the answer, as far as it has come */
	uint64_t asked_us;
};

static void doctor_local_finish(struct doctor_local *l, struct slice detail)
{
	timeout_disarm(&l->limit);
	stream_close(&l->stream);
	l->events->tell(l->ctx, "local http", true, loop_clock_us() - l->asked_us, detail);
	l->events->done(l->ctx);
}

static void doctor_local_say_silent(struct doctor_local *l)
{
	doctor_local_finish(l,
		SLICE("no answer to GET /; this is right for adit tcp, or it is a service of "
		      "https"));
}

static void doctor_local_say_answer(struct doctor_local *l, struct slice line)
{
	struct buf detail = {0};
	bool is_http = slice_starts(line, SLICE("HTTP/"));

	buf_append_str(&detail, is_http ? "GET /: " : "no HTTP, right for adit tcp only: ");
	buf_append_slice(&detail, slice_trim_lines(line));
	doctor_local_finish(l, buf_slice(&detail));
	buf_release(&detail);
}

static void doctor_local_on_data(void *ctx, struct slice data)
{
	struct doctor_local *l = ctx;
	size_t end;

	buf_append_slice(&l->line, slice_first(data, DOCTOR_LOCAL_LINE_MAX - buf_len(&l->line)));
	end = slice_find(buf_slice(&l->line), '\n');
	if (end < buf_len(&l->line) || buf_len(&l->line) == DOCTOR_LOCAL_LINE_MAX)
		doctor_local_say_answer(l, slice_first(buf_slice(&l->line), end));
}

static void doctor_local_on_drained(void *ctx)
{
	/* A request of a hundred bytes does not wait. */
}

static void doctor_local_fail_tls(struct doctor_local *l, const char *why);

static void doctor_local_on_ended(void *ctx)
{
	struct doctor_local *l = ctx;

	if (!l->is_asked)
		doctor_local_fail_tls(l, err_text(ERR_ENDED));
	else if (buf_len(&l->line))
		doctor_local_say_answer(l, buf_slice(&l->line));
	else
		doctor_local_say_silent(l);
}

static void doctor_local_on_failed(void *ctx, int err)
{
	doctor_local_on_ended(ctx);
}

static void doctor_local_on_limit(struct timeout *timeout)
{
	struct doctor_local *l = CONTAINER_OF(timeout, struct doctor_local, limit);

	if (l->is_asked)
		doctor_local_on_ended(l);
	else
		doctor_local_fail_tls(l, "the handshake took too long");
}

static const struct stream_events doctor_local_stream_events = {
	.data = doctor_local_on_data,
	.drained = doctor_local_on_drained,
	.ended = doctor_local_on_ended,
	.failed = doctor_local_on_failed,
};

static void doctor_local_ask(struct doctor_local *l)
{
	struct buf request = {0};
	struct slice part;

	buf_append_str(&request, "GET / HTTP/1.1\r\nHost: ");
	target_print_host(&request, l->conf.target);
	buf_append_str(&request, "\r\nUser-Agent: adit-doctor\r\nConnection: close\r\n\r\n");
	part = buf_slice(&request);
	l->is_asked = true;
	l->asked_us = loop_clock_us();
	stream_listen(l->stream, &doctor_local_stream_events, l);
	stream_read_start(l->stream);
	stream_write(l->stream, &part, 1);
	timeout_arm(l->queue, &l->limit);
	buf_release(&request);
}

/* ---- TLS ---- */

static void doctor_local_fail_tls(struct doctor_local *l, const char *why)
{
	struct buf detail = {0};

	buf_printf(&detail,
		"%s; --local-ca or --local-verify off for a private certificate, --local-name for "
		"another name, http:// for a service without TLS",
		why);
	timeout_disarm(&l->limit);
	l->events->tell(
		l->ctx, "local tls", false, loop_clock_us() - l->asked_us, buf_slice(&detail));
	buf_release(&detail);
	stream_abort(&l->stream);
	l->events->done(l->ctx);
}

static void doctor_local_on_ready(void *ctx, int err)
{
	struct doctor_local *l = ctx;
	const struct tls *tls = stream_tls_get(l->stream);
	struct buf detail = {0};

	if (err) {
		doctor_local_fail_tls(l, *tls_failure(tls) ? tls_failure(tls) : err_text(err));
		return;
	}
	timeout_disarm(&l->limit);
	buf_printf(&detail, "%s, ", tls_version(tls));
	tls_client_put_peer(&detail, tls);
	l->events->tell(
		l->ctx, "local tls", true, loop_clock_us() - l->asked_us, buf_slice(&detail));
	buf_release(&detail);
	doctor_local_ask(l);
}

static void doctor_local_shake_hands(struct doctor_local *l)
{
	struct stream *lower = l->stream;
	struct tls *tls =
		tls_connect(l->conf.tls, target_tls_name(l->conf.target), DOCTOR_LOCAL_ALPN);

	l->asked_us = loop_clock_us();
	l->stream = stream_tls_new(l->loop, &lower, &tls);
	stream_listen(l->stream, &doctor_local_stream_events, l);
	timeout_arm(l->queue, &l->limit);
	stream_tls_on_ready(l->stream, doctor_local_on_ready, l);
}

static void doctor_local_on_dialled(void *ctx, const struct dial_result *result)
{
	struct doctor_local *l = ctx;
	struct buf detail = {0};

	l->stream = result->stream;
	if (result->err)
		buf_printf(&detail, "%.*s; is the service running?", SLICE_ARG(result->detail));
	else
		buf_append_str(&detail, "takes connections");
	l->events->tell(l->ctx, "local service", !result->err,
		result->resolve_us + result->connect_us, buf_slice(&detail));
	buf_release(&detail);
	if (result->err)
		l->events->done(l->ctx);
	else if (l->conf.tls)
		doctor_local_shake_hands(l);
	else
		doctor_local_ask(l);
}

struct doctor_local *doctor_local_new(struct loop *loop, const struct doctor_local_conf *conf,
	const struct doctor_local_events *events, void *ctx)
{
	struct doctor_local *l = MEM_NEW(struct doctor_local);

	l->loop = loop;
	l->conf = *conf;
	l->events = events;
	l->ctx = ctx;
	l->queue = timeout_queue_new(loop, DOCTOR_LOCAL_ANSWER_MS);
	timeout_init(&l->limit, doctor_local_on_limit);
	local_connect_dial(loop, conf->target, conf->connect_ms, doctor_local_on_dialled, l);
	return l;
}

void doctor_local_free(struct doctor_local **local)
{
	struct doctor_local *l = *local;

	if (!l)
		return;
	*local = NULL;
	timeout_queue_free(&l->queue);
	buf_release(&l->line);
	mem_free(l);
}
