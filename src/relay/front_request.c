/*
 * From a request's head to whoever answers it: the checks that hold for every request, then the
 * host decides between the relay itself, a link of an agent, and a tunnel.
 */
#include "relay/front_request.h"

#include "base/check.h"
#include "proto/http_hop.h"
#include "relay/agent_link.h"
#include "relay/front_api.h"
#include "relay/front_close.h"
#include "relay/front_log.h"
#include "relay/front_priv.h"
#include "relay/front_refuse.h"
#include "relay/front_request_priv.h"
#include "relay/front_tunnel.h"
#include "relay/identity.h"
#include "relay/route.h"
#include "relay/worker.h"

static enum http_fault front_request_check_host(struct front_request *r)
{
	struct slice authority = r->target.authority.len
		? r->target.authority
		: http_head_value(r->head, HTTP_FIELD_HOST);

	if (!authority.len)
		return HTTP_FAULT_NONE;
	r->host = route_read_host(&r->front->worker->host, authority);
	return r->host ? HTTP_FAULT_NONE : HTTP_FAULT_HOST_INVALID;
}

/* The path with its slash in front, where the absolute form left it out. */
static struct slice front_request_rooted(struct front_request *r)
{
	struct buf *path = &r->front->worker->path;

	buf_clear(path);
	buf_append_char(path, '/');
	buf_append_slice(path, r->target.path);
	return buf_slice(path);
}

/* The checks that hold for every request, whatever it is for. */
static enum http_fault front_request_check(struct front_request *r)
{
	enum http_fault fault = http1_body_of_request(r->head, &r->body);

	if (fault != HTTP_FAULT_NONE)
		return fault;
	if (http_target_parse(r->head->target, &r->target) != 0)
		return HTTP_FAULT_TARGET_INVALID;
	if (r->target.path.ptr[0] == '?')
		r->target.path = front_request_rooted(r);
	r->keep_alive = http_hop_keeps_alive(r->head) &&
		!atomic_load_explicit(&r->front->worker->shared->draining, memory_order_relaxed);
	r->front->says_close = !http_hop_keeps_alive(r->head);
	r->upgrade = http_hop_wants_upgrade(r->head);
	return front_request_check_host(r);
}

/* ---- agents ---- */

static void front_request_record_session(
	struct front_request *r, const struct agent_link_request *link)
{
	struct worker *w = r->front->worker;
	struct access_record record = {
		.visitor = identity_client_ip(r->head, link->peer, w->conf->trust_proxy),
		.method = r->head->method,
		.path = r->target.path,
		.error_code = slice_from_str(link->error),
		.status = link->status,
		.bytes_in = r->head->size,
	};

	front_log_answer(w, identity_near_ip(r->head, link->peer, w->conf->trust_proxy), &record);
}

/* The connection becomes a link of a session, and is no visitor's any more. */
static enum front_action front_request_session(struct front_request *r)
{
	struct front *f = r->front;
	struct agent_link_request link = {
		.worker = f->worker,
		.head = r->head,
		.host = r->host,
		.stream = &f->stream,
		.peer = slice_from_str(f->from.peer),
		.received = slice_from(*r->in, r->head->size),
		.kind = upgrade_kind_of(r->head),
		.elsewhere = f->from.door != FRONT_DOOR_ADMIN && f->worker->conf->admin_port,
		.authenticated = f->known.authenticated,
	};

	switch (agent_link_accept(&link, &r->home)) {
	case AGENT_LINK_TAKEN:
		*r->in = (struct slice) {NULL, 0};
		front_close_now(f, false);
		return FRONT_ON;
	case AGENT_LINK_REFUSED:
		front_request_record_session(r, &link);
		*r->in = slice_from(*r->in, r->head->size);
		front_write(f, buf_slice(&f->worker->answer));
		buf_release(&f->worker->answer);
		front_close_gently(f);
		return FRONT_ON;
	case AGENT_LINK_MOVE:
		f->known.authenticated = link.authenticated;
		return FRONT_MOVE;
	}
	UNREACHABLE();
}

static enum front_action front_request_base(struct front_request *r)
{
	if (r->upgrade && upgrade_kind_of(r->head) != UPGRADE_NONE)
		return front_request_session(r);
	if (r->upgrade) { /* S82: dropped in silence */
		front_close_now(r->front, false);
		return FRONT_ON;
	}
	return front_api_handle(r);
}

/* By the host, at the ports that are for everybody. */
static enum front_action front_request_route(struct front_request *r)
{
	bool tls = r->front->from.door == FRONT_DOOR_TLS;
	struct route route;

	if (!r->host)
		return r->upgrade ? front_request_base(r)
				  : front_refuse_with(r, VISITOR_ERROR_HOST_REQUIRED);
	route = route_of_host(r->host, r->front->worker->conf->domain);
	switch (route.kind) {
	case ROUTE_BASE:
		return front_request_base(r);
	case ROUTE_TUNNEL:
		return front_tunnel_handle(r, route.name);
	case ROUTE_UNKNOWN:
		return front_refuse_with(
			r, tls ? VISITOR_ERROR_MISDIRECTED : VISITOR_ERROR_HOST_UNKNOWN);
	}
	UNREACHABLE();
}

static enum front_action front_request_dispatch(struct front_request *r)
{
	switch (r->front->from.door) {
	case FRONT_DOOR_METRICS:
	case FRONT_DOOR_SOCKET:
		return front_api_handle(r);
	case FRONT_DOOR_ADMIN:
		return upgrade_kind_of(r->head) != UPGRADE_NONE ? front_request_session(r)
								: front_api_handle(r);
	case FRONT_DOOR_PUBLIC:
	case FRONT_DOOR_TLS:
		return front_request_route(r);
	}
	UNREACHABLE();
}

enum front_action front_request_handle(
	struct front *f, struct slice *in, const struct exchange_events *events, unsigned *home_out)
{
	struct front_request r = {
		.front = f,
		.in = in,
		.head = &f->worker->request_head,
		.events = events,
	};
	enum front_action action = FRONT_ON;
	enum http_fault fault;

	if (r.head->method_id == HTTP_CONNECT)
		return front_refuse_with(&r, VISITOR_ERROR_METHOD_NOT_ALLOWED);
	fault = front_request_check(&r);
	if (fault != HTTP_FAULT_NONE)
		front_refuse_bad(f, fault, r.head);
	else
		action = front_request_dispatch(&r);
	*home_out = r.home;
	return action;
}
