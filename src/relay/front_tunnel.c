/*
 * A visitor's request for a tunnel, from its name to its exchange. The questions stand in the order
 * of their cost: whoever may not come is told so before a password is looked at, and a place among
 * the tunnel's visitors is asked for last.
 */
#include "relay/front_tunnel.h"

#include "base/check.h"
#include "proto/http_hop.h"
#include "relay/directory.h"
#include "relay/exchange.h"
#include "relay/front_gate.h"
#include "relay/front_priv.h"
#include "relay/front_refuse.h"
#include "relay/front_request_priv.h"
#include "relay/gate.h"
#include "relay/meter.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

/* Once for each request, however often it is looked at. */
static bool front_tunnel_admits(
	struct front_request *r, const struct tunnel *t, struct visitor_fault *fault)
{
	if (!t->meter || r->front->known.admitted)
		return true;
	r->front->known.admitted = meter_admit(t->meter, &fault->error, &fault->retry_after_s);
	return r->front->known.admitted;
}

/* The last question before it is served. */
static bool front_tunnel_has_room(
	struct front_request *r, const struct tunnel *t, struct visitor_fault *fault)
{
	if (!t->meter || meter_has_room(t->meter))
		return true;
	fault->error = VISITOR_ERROR_VISITOR_LIMIT;
	fault->retry_after_s = r->front->worker->conf->retry_after_s;
	return false;
}

static enum front_action front_tunnel_exchange(struct front_request *r, struct tunnel *t)
{
	struct front *f = r->front;
	struct exchange_visitor visitor = {
		.stream = &f->stream,
		.peer = slice_from_str(f->from.peer),
		.tls = f->from.door == FRONT_DOOR_TLS,
		.local = slice_from_str(f->from.local),
		.peer_port = f->from.peer_port,
		.local_port = f->from.local_port,
		.events = r->events,
		.ctx = f,
	};
	struct exchange_request request = {
		.head = r->head,
		.target = &r->target,
		.body = r->body,
		.upgrade = r->upgrade,
		.keep_alive = r->keep_alive,
	};
	size_t size = r->head->size;

	http_hop_mark(r->head);
	f->state = FRONT_BODY;
	f->answered = true;
	timeout_disarm(&f->timeout);
	f->exchange = exchange_start(f->worker, t, &visitor, &request);
	*r->in = slice_from(*r->in, size);
	if (exchange_has_request(f->exchange))
		f->state = FRONT_BUSY;
	return FRONT_ON;
}

static bool front_tunnel_expects_the_impossible(const struct http_head *head)
{
	const struct http_field *expect = http_head_get(head, HTTP_FIELD_EXPECT);

	return expect && head->minor > 0 && !slice_eq_fold(expect->value, SLICE("100-continue"));
}

/* True: the gate lets it through. Otherwise what the front does about it. */
static bool front_tunnel_passes(
	struct front_request *r, struct tunnel *t, enum front_action *action_out)
{
	struct gate_request about = {
		.tunnel = t,
		.head = r->head,
		.target = &r->target,
		.host = r->host,
		.peer = slice_from_str(r->front->from.peer),
		.tls = r->front->from.door == FRONT_DOOR_TLS,
		.keep_alive = r->keep_alive && !r->upgrade,
	};

	*action_out = FRONT_ON;
	switch (front_gate_check(r->front, &about, &r->body, r->in)) {
	case FRONT_GATE_OPEN:
		r->target.path = about.path;
		return true;
	case FRONT_GATE_ANSWERED:
		return false;
	case FRONT_GATE_WAITS:
		*action_out = FRONT_WAIT;
		return false;
	case FRONT_GATE_BAD_BODY:
		*action_out = front_refuse_body(r);
		return false;
	}
	UNREACHABLE();
}

enum front_action front_tunnel_handle(struct front_request *r, struct slice name)
{
	struct worker *w = r->front->worker;
	struct tunnel *t = map_get(&w->tunnels, name);
	enum front_action action;
	struct visitor_fault fault = {.retry_after_s = 0};

	if (!t && directory_find(w->shared->directory, name, &r->home))
		return r->home == w->index ? FRONT_LATER : FRONT_MOVE;
	if (!t) /* S82: a refused upgrade ends the connection */
		return front_refuse_with(r, VISITOR_ERROR_TUNNEL_NOT_FOUND);
	if (t->gate && !gate_lets_in(t, r->head, slice_from_str(r->front->from.peer)))
		return front_refuse_with(r, VISITOR_ERROR_ADDRESS_REFUSED);
	if (!front_tunnel_admits(r, t, &fault))
		return front_refuse(r, &fault);
	if (t->gate && !front_tunnel_passes(r, t, &action))
		return action;
	if (front_tunnel_expects_the_impossible(r->head))
		return front_refuse_with(r, VISITOR_ERROR_EXPECTATION_FAILED);
	if (w->conf->max_body && r->body.kind == HTTP1_BODY_LENGTH &&
		r->body.left > w->conf->max_body)
		return front_refuse_with(r, VISITOR_ERROR_BODY_TOO_LARGE);
	if (!front_tunnel_has_room(r, t, &fault))
		return front_refuse(r, &fault);
	return front_tunnel_exchange(r, t);
}
