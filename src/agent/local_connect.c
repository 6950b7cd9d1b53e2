/*
 * Dials what the tunnel's own target says. "localhost" is not looked up: it is both loopback
 * addresses, and a dev server that listens on one of them is found.
 */
#include "agent/local_connect.h"

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "base/check.h"
#include "base/err.h"
#include "crypto/tls.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/stream_tls.h"

#define LOCAL_CONNECT_ALPN "http/1.1"
#define LOCAL_CONNECT_WARN_MS 60000u

static void local_connect_tell(
	struct local_connect *c, struct local_conn *conn, struct slice code, struct slice message)
{
	timeout_disarm(&c->limit);
	c->done(c->ctx, conn, code, message);
}

/* ---- TLS ---- */

static void local_connect_fail_tls(struct local_connect *c, const char *why)
{
	struct buf message = {0};

	buf_append_str(&message, "TLS with ");
	buf_append_slice(&message, buf_slice(&c->tunnel->shown));
	buf_printf(&message, ": %s", why);
	stream_abort(&c->stream);
	local_connect_tell(c, NULL, SLICE("local-tls"), buf_slice(&message));
	buf_release(&message);
}

static void local_connect_on_ready(void *ctx, int err)
{
	struct local_connect *c = ctx;
	const char *why;
	struct local_conn *conn;

	if (err) {
		why = tls_failure(stream_tls_get(c->stream));
		local_connect_fail_tls(c, why && *why ? why : err_text(err));
		return;
	}
	conn = local_conn_new(&c->stream, c->socket);
	local_connect_tell(c, conn, SLICE(""), SLICE(""));
}

static void local_connect_on_limit(struct timeout *timeout)
{
	local_connect_fail_tls(
		CONTAINER_OF(timeout, struct local_connect, limit), "the handshake took too long");
}

static void local_connect_on_data(void *ctx, struct slice data)
{
	/* There is no plaintext before the handshake is over. */
}

static void local_connect_on_drained(void *ctx)
{
	/* Only the handshake is written here. */
}

static void local_connect_on_ended(void *ctx)
{
	local_connect_fail_tls(ctx, err_text(ERR_ENDED));
}

static void local_connect_on_failed(void *ctx, int err)
{
	local_connect_fail_tls(ctx, err_text(err));
}

static const struct stream_events local_connect_events = {
	.data = local_connect_on_data,
	.drained = local_connect_on_drained,
	.ended = local_connect_on_ended,
	.failed = local_connect_on_failed,
};

static void local_connect_shake_hands(struct local_connect *c, struct stream *lower)
{
	struct local_tunnel *t = c->tunnel;
	struct tls *tls = tls_connect(t->tls, target_tls_name(&t->spec.target), LOCAL_CONNECT_ALPN);

	c->stream = stream_tls_new(t->local->loop, &lower, &tls);
	stream_listen(c->stream, &local_connect_events, c);
	timeout_arm(t->local->handshakes, &c->limit);
	stream_tls_on_ready(c->stream, local_connect_on_ready, c);
}

/* ---- dialling ---- */

/* Once a minute: who reads it can do something about it, and each visitor is told anyway. */
static void local_connect_warn(struct local *l)
{
	const struct report r = {.kind = REPORT_WARNING,
		.code = SLICE("out-of-descriptors"),
		.message = SLICE("This agent has no file descriptors left, so that visitors are "
				 "turned away: raise the limit (ulimit -n, LimitNOFILE).")};
	uint64_t now = loop_now(l->loop);

	if (l->warned_ms && now - l->warned_ms < LOCAL_CONNECT_WARN_MS)
		return;
	l->warned_ms = now;
	l->events.report(l->events.report_ctx, &r);
}

/* The service has nothing to do with it, and may be doing well. */
static void local_connect_fail_descriptors(struct local_connect *c)
{
	struct buf message = {0};

	local_connect_warn(c->tunnel->local);
	buf_append_str(&message, "the agent has no file descriptor left for a connection to ");
	buf_append_slice(&message, buf_slice(&c->tunnel->shown));
	local_connect_tell(c, NULL, SLICE("local-overloaded"), buf_slice(&message));
	buf_release(&message);
}

static void local_connect_on_dialled(void *ctx, const struct dial_result *result)
{
	struct local_connect *c = ctx;
	struct stream *stream = result->stream;
	struct slice code = SLICE("local-unreachable");

	c->dial = NULL;
	if (result->err == ERR_NO_FDS) {
		local_connect_fail_descriptors(c);
		return;
	}
	if (result->err) {
		if (result->err == ERR_REFUSED)
			code = SLICE("local-refused");
		local_connect_tell(c, NULL, code, result->detail);
		return;
	}
	c->socket = stream;
	if (c->tunnel->tls) {
		local_connect_shake_hands(c, stream);
		return;
	}
	local_connect_tell(c, local_conn_new(&stream, c->socket), SLICE(""), SLICE(""));
}

struct dial *local_connect_dial(struct loop *loop, const struct target *t, uint64_t timeout_ms,
	dial_done_fn done, void *ctx)
{
	struct dial_target to = {.host = t->host, .port = t->port, .path = t->path};
	struct addr loopback[2];

	if (t->host && strcmp(t->host, "localhost") == 0) {
		CHECK(addr_parse("127.0.0.1", t->port, &loopback[0]) == 0);
		CHECK(addr_parse("::1", t->port, &loopback[1]) == 0);
		to.addrs = loopback;
		to.addr_count = ARRAY_LEN(loopback);
	}
	return dial_start(loop, &to, timeout_ms, done, ctx);
}

void local_connect_start(
	struct local_connect *c, struct local_tunnel *tunnel, local_connect_fn done, void *ctx)
{
	c->tunnel = tunnel;
	c->done = done;
	c->ctx = ctx;
	timeout_init(&c->limit, local_connect_on_limit);
	c->dial = local_connect_dial(tunnel->local->loop, &tunnel->spec.target,
		tunnel->local->conf.connect_ms, local_connect_on_dialled, c);
}

void local_connect_cancel(struct local_connect *c)
{
	dial_cancel(&c->dial);
	if (!c->stream)
		return;
	timeout_disarm(&c->limit);
	stream_abort(&c->stream);
}
