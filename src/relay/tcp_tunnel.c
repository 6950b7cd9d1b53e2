/* The port stays bound as long as the tunnel exists, whether or not a session serves it. */
#include "relay/tcp_tunnel.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/listener.h"
#include "io/stream.h"
#include "io/stream_tcp.h"
#include "relay/create.h"
#include "relay/gate_rules.h"
#include "relay/meter.h"
#include "relay/ports.h"
#include "relay/session_tunnel.h"
#include "relay/tcp_visitor.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

#define TCP_TUNNEL_KEEPALIVE_S 30
#define TCP_TUNNEL_USER_TIMEOUT_MS 30000

struct tcp_tunnel {
	struct session_tunnel base;
	struct listener *listener; /* owned */
	uint16_t port;
};

static const struct tunnel_ops tcp_tunnel_ops;

static struct tcp_tunnel *tcp_tunnel_of(const struct tunnel *t)
{
	CHECK(t->ops == &tcp_tunnel_ops);
	return CONTAINER_OF(t, struct tcp_tunnel, base.tunnel);
}

static struct tunnel *tcp_tunnel_base(struct tcp_tunnel *t)
{
	return &t->base.tunnel;
}

bool tcp_tunnel_is(const struct tunnel *t)
{
	return t->ops == &tcp_tunnel_ops;
}

uint16_t tcp_tunnel_port(const struct tunnel *t)
{
	return tcp_tunnel_of(t)->port;
}

/* ---- the port ---- */

/* A connection counts like a request. */
static bool tcp_tunnel_admits(struct tunnel *t, struct slice address)
{
	enum visitor_error error = VISITOR_ERROR_VISITOR_LIMIT;
	uint64_t retry_s;

	if (t->gate && t->gate->rules && !gate_rules_let(t->gate->rules, address))
		error = VISITOR_ERROR_ADDRESS_REFUSED;
	else if (!t->meter || (meter_admit(t->meter, &error, &retry_s) && meter_has_room(t->meter)))
		return true;
	metrics_add(t->worker->metrics,
		metrics_error(slice_from_str(visitor_error_get(error)->code)), 1);
	return false;
}

static void tcp_tunnel_on_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	struct tcp_tunnel *tcp = ctx;
	struct worker *w = tcp_tunnel_base(tcp)->worker;
	char address[ADDR_TEXT_MAX];

	if (atomic_load(&w->shared->draining) || worker_is_crowded(w)) {
		metrics_add(w->metrics, METRIC_SHED, 1);
		stream_abort(&stream);
		return;
	}
	addr_print(peer, address);
	if (!tcp_tunnel_admits(tcp_tunnel_base(tcp), slice_from_str(address))) {
		stream_abort(&stream);
		return;
	}
	stream_tcp_set_keepalive(stream, TCP_TUNNEL_KEEPALIVE_S, TCP_TUNNEL_USER_TIMEOUT_MS);
	tcp_visitor_serve(tcp_tunnel_base(tcp), stream, peer, tcp->port);
}

static void tcp_tunnel_on_paused(void *ctx)
{
	struct worker *w = tcp_tunnel_base(ctx)->worker;

	metrics_add(w->metrics, METRIC_ACCEPT_PAUSES, 1);
	worker_lacks_descriptors(w);
}

static const struct listener_events tcp_tunnel_listener_events = {
	.accepted = tcp_tunnel_on_accepted,
	.paused = tcp_tunnel_on_paused,
};

/* The address of the public port is that of TCP tunnels too. */
static int tcp_tunnel_bind(struct worker *w, uint16_t port, struct listener **listener_out)
{
	struct addr addr;
	int err = addr_parse(w->conf->address, port, &addr);

	return err ? err : listener_open(w->loop, &addr, false, listener_out);
}

/* The port that was asked for, unless it was taken out of the range already. */
static int tcp_tunnel_take_port(struct worker *w, const struct session_tunnel_wish *wish)
{
	uint16_t got;

	if (wish->has_port)
		return 0;
	got = ports_take(w->shared->tcp_ports, wish->port);
	if (got && got != wish->port)
		ports_put(w->shared->tcp_ports, got);
	return got == wish->port ? 0 : ERR_BUSY;
}

static int tcp_tunnel_on_open(struct worker *w, const struct create_wish *wish, struct slice name,
	struct tunnel **tunnel_out)
{
	struct session_tunnel_wish *port_wish = wish->ctx;
	struct listener *listener;
	struct tcp_tunnel *tcp;
	int err = tcp_tunnel_take_port(w, port_wish);

	if (err)
		return err;
	err = tcp_tunnel_bind(w, port_wish->port, &listener);
	if (err) {
		if (!port_wish->has_port)
			ports_put(w->shared->tcp_ports, port_wish->port);
		return err;
	}
	port_wish->has_port = false;
	tcp = MEM_NEW(struct tcp_tunnel);
	list_init(&tcp->base.members);
	tcp->port = port_wish->port;
	tcp->listener = listener;
	tunnel_init(&tcp->base.tunnel, w, &tcp_tunnel_ops, name, wish->who);
	session_tunnel_join(&tcp->base, port_wish);
	listener_start(
		listener, &tcp_tunnel_listener_events, tcp, w->timeouts[WORKER_ACCEPT_RETRY]);
	*tunnel_out = &tcp->base.tunnel;
	return 0;
}

static void tcp_tunnel_on_take_over(struct tunnel *t, const struct create_wish *wish)
{
	session_tunnel_take_over(&tcp_tunnel_of(t)->base, wish->ctx);
}

const struct create_kind *tcp_tunnel_kind(void)
{
	static const struct create_kind kind = {
		tcp_tunnel_on_open, tcp_tunnel_is, tcp_tunnel_on_take_over};

	return &kind;
}

/* Connections that have a stream go on; those that wait are told by the tunnel. */
static void tcp_tunnel_close(struct tunnel *t)
{
	struct tcp_tunnel *tcp = tcp_tunnel_of(t);

	session_tunnel_close(t);
	listener_close(&tcp->listener);
	ports_put(t->worker->shared->tcp_ports, tcp->port);
}

static void tcp_tunnel_free(struct tunnel *t)
{
	struct tcp_tunnel *tcp = tcp_tunnel_of(t);

	CHECK(list_is_empty(&tcp->base.members) && !tcp->listener);
	mem_free(tcp);
}

/* The name says the port already. */
static uint16_t tcp_tunnel_no_port(const struct tunnel *t)
{
	return 0;
}

static const struct tunnel_ops tcp_tunnel_ops = {
	.holds = true,
	.take = session_tunnel_take,
	.put = session_tunnel_put,
	.tell = session_tunnel_tell,
	.is_delivered = session_tunnel_is_delivered,
	.socket_count = session_tunnel_link_count,
	.close = tcp_tunnel_close,
	.free = tcp_tunnel_free,
	.port = tcp_tunnel_no_port,
};
