/*
 * One attempt as a row of hops, each of which begins when the one before it is through. The
 * stream under it grows on the way: TCP, TLS over it, WebSocket over that. Whatever ends the
 * attempt goes through uplink_finish.
 */
#include "wire/uplink.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "crypto/ws_accept.h"
#include "io/dial.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tls.h"
#include "io/timeout.h"
#include "proto/http_host.h"
#include "wire/uplink_http.h"
#include "wire/ws_stream.h"

#define UPLINK_HEAD_ROOM 1024u
#define UPLINK_WORDS_MAX 64u /* of the other side, in a sentence for people */

struct uplink {
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
	char key[WS_ACCEPT_KEY_LEN + 1];
	struct buf in; /* of the answer under way */
	struct uplink_answer answer;
	bool answered; /* the head is there */
};

static void uplink_free(struct uplink *u)
{
	dial_cancel(&u->dial);
	stream_close(&u->stream);
	loop_cancel(&u->refuse);
	timeout_queue_free(&u->limits);
	buf_release(&u->in);
	mem_free(u);
}

static void uplink_tell(struct uplink *u, struct uplink_result *result)
{
	memcpy(result->hop_us, u->hop_us, sizeof(u->hop_us));
	if (u->answered)
		uplink_answer_tell(&u->answer, result);
	timeout_disarm(&u->limit);
	u->done(u->ctx, result);
	uplink_free(u);
}

/* Detail is a buffer of the caller's, released here. */
static void uplink_fail(struct uplink *u, int err, struct buf *detail)
{
	struct uplink_result result = {.hop = u->at, .err = err, .detail = buf_slice(detail)};

	stream_close(&u->stream);
	uplink_tell(u, &result);
	buf_release(detail);
}

/* Who is spoken to just now. */
static void uplink_print_peer(const struct uplink *u, struct buf *out)
{
	if (u->at == UPLINK_PROXY)
		buf_printf(out, "proxy %s", u->request.proxy);
	else
		uplink_http_write_authority(out, &u->request);
}

static void uplink_fail_peer(struct uplink *u, int err, const char *what)
{
	struct buf detail = {0};

	uplink_print_peer(u, &detail);
	buf_printf(&detail, ": %s", what);
	uplink_fail(u, err, &detail);
}

static void uplink_pass(struct uplink *u)
{
	uint64_t now = loop_clock_us();

	u->hop_us[u->at] = now - u->hop_began_us;
	u->hop_began_us = now;
}

static void uplink_enter(struct uplink *u, enum uplink_hop hop)
{
	u->at = hop;
	u->hop_began_us = loop_clock_us();
}

static void uplink_on_limit(struct timeout *timeout)
{
	struct uplink *u = CONTAINER_OF(timeout, struct uplink, limit);
	struct buf detail = {0};

	uplink_print_peer(u, &detail);
	buf_printf(&detail, ": no answer to the %s in %.3g s",
		u->at == UPLINK_TLS ? "TLS handshake" : "request",
		(double)u->request.timeout_ms / 1000);
	uplink_fail(u, ERR_TIMEOUT, &detail);
}

/* ---- HTTP, with the proxy and with the relay ---- */

/* What goes out may hold the proxy's password. */
static void uplink_send(struct uplink *u, struct buf *out)
{
	struct slice bytes = buf_slice(out);

	stream_write(u->stream, &bytes, 1);
	mem_wipe(out->base, out->cap);
	buf_release(out);
	buf_clear(&u->in);
	u->answer.parser = (struct http1_parser) {0};
	u->answer.skipped = 0;
	stream_read_start(u->stream);
}

static void uplink_ask_relay(struct uplink *u)
{
	struct buf out = {0};

	uplink_enter(u, UPLINK_HTTP);
	/* In one piece of memory, which uplink_send wipes: there may be a key in it. */
	buf_reserve(&out, u->request.fields.len + UPLINK_HEAD_ROOM);
	if (u->request.framing == UPLINK_WEBSOCKET)
		ws_accept_make_key(u->key);
	uplink_http_write_request(&out, &u->request, u->key);
	uplink_send(u, &out);
}

static void uplink_succeed(struct uplink *u)
{
	struct uplink_result result = {.hop = UPLINK_DONE, .link = u->stream};
	struct slice rest = uplink_answer_rest(&u->answer, buf_slice(&u->in));

	uplink_pass(u);
	u->stream = NULL;
	if (u->request.framing == UPLINK_WEBSOCKET) {
		struct stream *lower = result.link;

		result.link = ws_stream_new(u->loop, &lower, WS_CLIENT);
		ws_stream_feed(result.link, rest);
	} else {
		result.received = rest;
	}
	uplink_tell(u, &result);
}

static void uplink_fail_answer(struct uplink *u, const char *fault)
{
	const struct http_head *head = &u->answer.head;
	struct slice code =
		slice_first(http_head_value(head, HTTP_FIELD_X_ADIT_ERROR), UPLINK_WORDS_MAX);
	struct slice reason = slice_first(head->reason, UPLINK_WORDS_MAX);
	struct buf detail = {0};

	uplink_print_peer(u, &detail);
	buf_printf(&detail, " answered %u", head->status);
	if (code.len)
		buf_printf(&detail, " (%.*s)", SLICE_ARG(code));
	else if (reason.len)
		buf_printf(&detail, " %.*s", SLICE_ARG(reason));
	buf_printf(&detail, ": %s", fault);
	uplink_fail(u, ERR_DENIED, &detail);
}

static void uplink_begin_tls(struct uplink *u);

static void uplink_take_proxy(struct uplink *u)
{
	unsigned status = u->answer.head.status;

	if (status < 200 || status > 299) {
		uplink_fail_answer(u,
			status == 407 ? "the proxy wants a user and a password"
				      : "the proxy does not let us through");
		return;
	}
	/* Behind a proxy we speak first. What stands here was slipped in. */
	if (uplink_answer_rest(&u->answer, buf_slice(&u->in)).len) {
		uplink_fail_peer(u, ERR_SYNTAX, "more came behind its answer");
		return;
	}
	u->answered = false;
	uplink_pass(u);
	if (u->request.tls)
		uplink_begin_tls(u);
	else
		uplink_ask_relay(u);
}

static void uplink_take_answer(struct uplink *u)
{
	const char *fault;

	u->answered = true;
	stream_read_stop(u->stream);
	if (u->at == UPLINK_PROXY) {
		uplink_take_proxy(u);
		return;
	}
	fault = uplink_answer_fault(&u->answer, &u->request, u->key);
	if (fault)
		uplink_fail_answer(u, fault);
	else
		uplink_succeed(u);
}

static void uplink_fail_syntax(struct uplink *u)
{
	struct buf detail = {0};

	uplink_print_peer(u, &detail);
	buf_printf(&detail, ": its answer is not HTTP as it should be: %s",
		http_fault_text(u->answer.parser.fault));
	uplink_fail(u, ERR_SYNTAX, &detail);
}

static void uplink_on_data(void *ctx, struct slice data)
{
	struct uplink *u = ctx;

	buf_append_slice(&u->in, data);
	switch (uplink_answer_read(&u->answer, buf_slice(&u->in))) {
	case PARSE_DONE:
		uplink_take_answer(u);
		break;
	case PARSE_BAD:
		uplink_fail_syntax(u);
		break;
	case PARSE_MORE:
		break;
	}
}

static void uplink_on_drained(void *ctx)
{
}

static void uplink_on_ended(void *ctx)
{
	struct uplink *u = ctx;

	uplink_fail_peer(u, ERR_ENDED,
		buf_len(&u->in) ? "closed the connection in the middle of its answer"
				: "closed the connection without an answer");
}

static void uplink_on_failed(void *ctx, int err)
{
	uplink_fail_peer(ctx, err, err_text(err));
}

static const struct stream_events uplink_stream_events = {
	.data = uplink_on_data,
	.drained = uplink_on_drained,
	.ended = uplink_on_ended,
	.failed = uplink_on_failed,
};

/* ---- hops ---- */

static void uplink_on_tls(void *ctx, int err)
{
	struct uplink *u = ctx;

	if (err) {
		const struct tls *tls = stream_tls_get(u->stream);

		uplink_fail_peer(u, err, err == ERR_TLS ? tls_failure(tls) : err_text(err));
		return;
	}
	uplink_pass(u);
	uplink_ask_relay(u);
}

static void uplink_begin_tls(struct uplink *u)
{
	struct stream *lower = u->stream;
	struct tls *tls = tls_connect(u->request.tls, u->request.host, "http/1.1");

	uplink_enter(u, UPLINK_TLS);
	u->stream = stream_tls_new(u->loop, &lower, &tls);
	stream_listen(u->stream, &uplink_stream_events, u);
	stream_tls_on_ready(u->stream, uplink_on_tls, u);
}

static void uplink_begin_proxy(struct uplink *u)
{
	struct buf out = {0};

	uplink_enter(u, UPLINK_PROXY);
	uplink_http_write_connect(&out, &u->request);
	uplink_send(u, &out);
}

/* The dial has used some of the time for all. */
static void uplink_arm_limit(struct uplink *u)
{
	uint64_t used = (loop_clock_us() - u->started_us) / 1000, all = u->request.timeout_ms;

	u->limits = timeout_queue_new(u->loop, used < all ? all - used : 1);
	timeout_arm(u->limits, &u->limit);
}

static void uplink_on_dialled(void *ctx, const struct dial_result *result)
{
	struct uplink *u = ctx;
	struct buf detail = {0};

	u->dial = NULL;
	u->hop_us[UPLINK_DNS] = result->resolve_us;
	u->hop_us[UPLINK_TCP] = result->connect_us;
	u->at = result->resolved ? UPLINK_TCP : UPLINK_DNS;
	if (result->err) {
		if (u->request.proxy) {
			u->at = UPLINK_PROXY;
			buf_append_str(&detail, "the proxy cannot be reached: ");
		}
		buf_append_slice(&detail, result->detail);
		uplink_fail(u, result->err, &detail);
		return;
	}
	u->stream = result->stream;
	stream_listen(u->stream, &uplink_stream_events, u);
	uplink_arm_limit(u);
	if (u->request.proxy)
		uplink_begin_proxy(u);
	else if (u->request.tls)
		uplink_begin_tls(u);
	else
		uplink_ask_relay(u);
}

static void uplink_on_refuse(struct loop_task *task)
{
	struct uplink *u = CONTAINER_OF(task, struct uplink, refuse);

	u->at = UPLINK_PROXY;
	uplink_fail_peer(u, ERR_SYNTAX, "this is not host:port");
}

/* False when the proxy is no host and port. */
static bool uplink_split_proxy(const char *proxy, char host_out[HTTP_HOST_MAX + 1], uint16_t *port)
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

struct uplink *uplink_start(
	struct loop *loop, const struct uplink_request *request, uplink_done_fn done, void *ctx)
{
	struct uplink *u = MEM_NEW(struct uplink);
	struct dial_target target = {.host = request->host, .port = request->port};
	char proxy[HTTP_HOST_MAX + 1];

	u->loop = loop;
	u->request = *request;
	u->done = done;
	u->ctx = ctx;
	u->at = UPLINK_DNS;
	u->started_us = loop_clock_us();
	loop_task_init(&u->refuse, uplink_on_refuse);
	timeout_init(&u->limit, uplink_on_limit);
	if (request->proxy && !uplink_split_proxy(request->proxy, proxy, &target.port)) {
		loop_defer(loop, &u->refuse);
		return u;
	}
	if (request->proxy)
		target.host = proxy;
	u->dial = dial_start(loop, &target, request->timeout_ms, uplink_on_dialled, u);
	return u;
}

void uplink_cancel(struct uplink **u_ptr)
{
	struct uplink *u = *u_ptr;

	*u_ptr = NULL;
	if (u)
		uplink_free(u);
}

const char *uplink_hop_text(enum uplink_hop hop)
{
	switch (hop) {
	case UPLINK_DNS:
		return "DNS";
	case UPLINK_TCP:
		return "TCP";
	case UPLINK_PROXY:
		return "proxy";
	case UPLINK_TLS:
		return "TLS";
	case UPLINK_HTTP:
		return "HTTP";
	case UPLINK_DONE:
		return "done";
	}
	UNREACHABLE();
}
