/*
 * A row of hops, each of which begins when the one before it is through. The stream grows on the
 * way: TCP, TLS over it. Whatever ends the row goes through reach_tell.
 */
#include "wire/reach.h"

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "io/dial.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tls.h"
#include "io/timeout.h"
#include "proto/http_host.h"
#include "wire/uplink_http.h"

#define REACH_WORDS_MAX 64u /* of the proxy, in a sentence for people */

struct reach {
	struct loop *loop; /* borrowed */
	struct uplink_request request; /* its texts are borrowed */
	uplink_done_fn done;
	void *ctx; /* borrowed */
	enum uplink_hop at;
	struct dial *dial; /* owned, while it runs */
	struct stream *stream; /* owned */
	struct loop_task refuse; /* tells of a proxy that cannot be read */
	struct timeout_queue *limits; /* owned; NULL while the dial counts the time */
	struct timeout limit;
	uint64_t started_us, hop_began_us;
	uint64_t hop_us[UPLINK_DONE];
	struct buf in; /* of the proxy's answer */
	struct uplink_answer answer; /* likewise */
	bool answered; /* its head is there */
};

uint64_t reach_time_left(const struct uplink_request *request, uint64_t began_us)
{
	uint64_t used = (loop_clock_us() - began_us) / 1000, all = request->timeout_ms;

	return used < all ? all - used : 1;
}

static void reach_free(struct reach *r)
{
	dial_cancel(&r->dial);
	stream_close(&r->stream);
	loop_cancel(&r->refuse);
	timeout_queue_free(&r->limits);
	buf_release(&r->in);
	mem_free(r);
}

static void reach_tell(struct reach *r, struct uplink_result *result)
{
	memcpy(result->hop_us, r->hop_us, sizeof(r->hop_us));
	if (r->answered)
		uplink_answer_tell(&r->answer, result);
	timeout_disarm(&r->limit);
	r->done(r->ctx, result);
	reach_free(r);
}

/* Detail is a buffer of the caller's, released here. */
static void reach_fail(struct reach *r, int err, struct buf *detail)
{
	struct uplink_result result = {.hop = r->at, .err = err, .detail = buf_slice(detail)};

	stream_close(&r->stream);
	reach_tell(r, &result);
	buf_release(detail);
}

/* Who is spoken to just now. */
static void reach_print_peer(const struct reach *r, struct buf *out)
{
	if (r->at == UPLINK_PROXY)
		buf_printf(out, "proxy %s", r->request.proxy);
	else
		uplink_http_write_authority(out, &r->request);
}

static void reach_fail_peer(struct reach *r, int err, const char *what)
{
	struct buf detail = {0};

	reach_print_peer(r, &detail);
	buf_printf(&detail, ": %s", what);
	reach_fail(r, err, &detail);
}

static void reach_pass(struct reach *r)
{
	uint64_t now = loop_clock_us();

	r->hop_us[r->at] = now - r->hop_began_us;
	r->hop_began_us = now;
}

static void reach_enter(struct reach *r, enum uplink_hop hop)
{
	r->at = hop;
	r->hop_began_us = loop_clock_us();
}

static void reach_on_limit(struct timeout *timeout)
{
	struct reach *r = CONTAINER_OF(timeout, struct reach, limit);
	struct buf detail = {0};

	reach_print_peer(r, &detail);
	buf_printf(&detail, ": no answer to the %s in %.3g s",
		r->at == UPLINK_TLS ? "TLS handshake" : "request",
		(double)r->request.timeout_ms / 1000);
	reach_fail(r, ERR_TIMEOUT, &detail);
}

static void reach_succeed(struct reach *r)
{
	struct uplink_result result = {.hop = UPLINK_HTTP, .link = r->stream};

	r->stream = NULL;
	reach_tell(r, &result);
}

/* ---- the proxy ---- */

static void reach_fail_answer(struct reach *r, const char *fault)
{
	const struct http_head *head = &r->answer.head;
	struct slice code =
		slice_first(http_head_value(head, HTTP_FIELD_X_ADIT_ERROR), REACH_WORDS_MAX);
	struct slice reason = slice_first(head->reason, REACH_WORDS_MAX);
	struct buf detail = {0};

	reach_print_peer(r, &detail);
	buf_printf(&detail, " answered %u", head->status);
	if (code.len)
		buf_printf(&detail, " (%.*s)", SLICE_ARG(code));
	else if (reason.len)
		buf_printf(&detail, " %.*s", SLICE_ARG(reason));
	buf_printf(&detail, ": %s", fault);
	reach_fail(r, ERR_DENIED, &detail);
}

static void reach_begin_tls(struct reach *r);

static void reach_take_proxy(struct reach *r)
{
	unsigned status = r->answer.head.status;

	if (status < 200 || status > 299) {
		reach_fail_answer(r,
			status == 407 ? "the proxy wants a user and a password"
				      : "the proxy does not let us through");
		return;
	}
	/* Behind a proxy we speak first. What stands here was slipped in. */
	if (uplink_answer_rest(&r->answer, buf_slice(&r->in)).len) {
		reach_fail_peer(r, ERR_SYNTAX, "more came behind its answer");
		return;
	}
	r->answered = false;
	reach_pass(r);
	if (r->request.tls)
		reach_begin_tls(r);
	else
		reach_succeed(r);
}

static void reach_fail_syntax(struct reach *r)
{
	struct buf detail = {0};

	reach_print_peer(r, &detail);
	buf_printf(&detail, ": its answer is not HTTP as it should be: %s",
		http_fault_text(r->answer.parser.fault));
	reach_fail(r, ERR_SYNTAX, &detail);
}

static void reach_on_data(void *ctx, struct slice data)
{
	struct reach *r = ctx;

	buf_append_slice(&r->in, data);
	switch (uplink_answer_read(&r->answer, buf_slice(&r->in))) {
	case PARSE_DONE:
		r->answered = true;
		stream_read_stop(r->stream);
		reach_take_proxy(r);
		break;
	case PARSE_BAD:
		reach_fail_syntax(r);
		break;
	case PARSE_MORE:
		break;
	}
}

static void reach_on_drained(void *ctx)
{
}

static void reach_on_ended(void *ctx)
{
	struct reach *r = ctx;

	reach_fail_peer(r, ERR_ENDED,
		buf_len(&r->in) ? "closed the connection in the middle of its answer"
				: "closed the connection without an answer");
}

static void reach_on_failed(void *ctx, int err)
{
	reach_fail_peer(ctx, err, err_text(err));
}

static const struct stream_events reach_stream_events = {
	.data = reach_on_data,
	.drained = reach_on_drained,
	.ended = reach_on_ended,
	.failed = reach_on_failed,
};

/* ---- hops ---- */

static void reach_on_tls(void *ctx, int err)
{
	struct reach *r = ctx;

	if (err) {
		const struct tls *tls = stream_tls_get(r->stream);

		reach_fail_peer(r, err, err == ERR_TLS ? tls_failure(tls) : err_text(err));
		return;
	}
	reach_pass(r);
	reach_succeed(r);
}

static void reach_begin_tls(struct reach *r)
{
	struct stream *lower = r->stream;
	struct tls *tls = tls_connect(r->request.tls, r->request.host, "http/1.1");

	reach_enter(r, UPLINK_TLS);
	r->stream = stream_tls_new(r->loop, &lower, &tls);
	stream_listen(r->stream, &reach_stream_events, r);
	stream_tls_on_ready(r->stream, reach_on_tls, r);
}

static void reach_begin_proxy(struct reach *r)
{
	struct buf out = {0};
	struct slice bytes;

	reach_enter(r, UPLINK_PROXY);
	uplink_http_write_connect(&out, &r->request);
	bytes = buf_slice(&out);
	stream_write(r->stream, &bytes, 1);
	/* The proxy's password may be in it. */
	mem_wipe(out.base, out.cap);
	buf_release(&out);
	stream_read_start(r->stream);
}

/* The dial has used some of the time for all. */
static void reach_arm_limit(struct reach *r)
{
	r->limits = timeout_queue_new(r->loop, reach_time_left(&r->request, r->started_us));
	timeout_arm(r->limits, &r->limit);
}

static void reach_on_dialled(void *ctx, const struct dial_result *result)
{
	struct reach *r = ctx;
	struct buf detail = {0};

	r->dial = NULL;
	r->hop_us[UPLINK_DNS] = result->resolve_us;
	r->hop_us[UPLINK_TCP] = result->connect_us;
	r->at = result->resolved ? UPLINK_TCP : UPLINK_DNS;
	if (result->err) {
		if (r->request.proxy) {
			r->at = UPLINK_PROXY;
			buf_append_str(&detail, "the proxy cannot be reached: ");
		}
		buf_append_slice(&detail, result->detail);
		reach_fail(r, result->err, &detail);
		return;
	}
	r->stream = result->stream;
	stream_listen(r->stream, &reach_stream_events, r);
	reach_arm_limit(r);
	if (r->request.proxy)
		reach_begin_proxy(r);
	else if (r->request.tls)
		reach_begin_tls(r);
	else
		reach_succeed(r);
}

static void reach_on_refuse(struct loop_task *task)
{
	struct reach *r = CONTAINER_OF(task, struct reach, refuse);

	r->at = UPLINK_PROXY;
	reach_fail_peer(r, ERR_SYNTAX, "this is not host:port");
}

/* False when the proxy is no host and port. */
static bool reach_split_proxy(const char *proxy, char host_out[HTTP_HOST_MAX + 1], uint16_t *port)
{
	struct http_host at;
	struct slice host;

	if (http_host_parse(slice_from_str(proxy), &at) != 0 || !at.has_port || !at.port)
		return false;
	host = http_host_slice(&at);
	if (at.kind == HTTP_HOST_IPV6)
		host = slice_of(host.ptr + 1, host.len - 2);
	slice_to_str(host, host_out, HTTP_HOST_MAX + 1);
	*port = at.port;
	return true;
}

struct reach *reach_start(
	struct loop *loop, const struct uplink_request *request, uplink_done_fn done, void *ctx)
{
	struct reach *r = MEM_NEW(struct reach);
	struct dial_target target = {.host = request->host, .port = request->port};
	char proxy[HTTP_HOST_MAX + 1];

	r->loop = loop;
	r->request = *request;
	r->done = done;
	r->ctx = ctx;
	r->at = UPLINK_DNS;
	r->started_us = loop_clock_us();
	loop_task_init(&r->refuse, reach_on_refuse);
	timeout_init(&r->limit, reach_on_limit);
	if (request->proxy && !reach_split_proxy(request->proxy, proxy, &target.port)) {
		loop_defer(loop, &r->refuse);
		return r;
	}
	if (request->proxy)
		target.host = proxy;
	r->dial = dial_start(loop, &target, request->timeout_ms, reach_on_dialled, r);
	return r;
}

void reach_cancel(struct reach **r_ptr)
{
	struct reach *r = *r_ptr;

	*r_ptr = NULL;
	if (r)
		reach_free(r);
}
