/*
 * From a request's head to whoever answers it: the checks that hold for every request, then the
 * host decides between the relay's own API and a tunnel.
 */
#include "relay/front_request.h"

#include "base/check.h"
#include "proto/http1_body.h"
#include "proto/http_hop.h"
#include "proto/http_host.h"
#include "relay/agent_link.h"
#include "relay/api.h"
#include "relay/directory.h"
#include "relay/exchange.h"
#include "relay/front_body.h"
#include "relay/front_close.h"
#include "relay/front_gate.h"
#include "relay/front_log.h"
#include "relay/front_priv.h"
#include "relay/front_wait.h"
#include "relay/gate.h"
#include "relay/identity.h"
#include "relay/meter.h"
#include "relay/route.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

/* A request and what was found out about it. */
struct front_request {
	struct front *front;
	struct http_head *head;
	struct http_target target;
	const struct http_host *host; /* borrowed; NULL: it names none */
	bool upgrade;
	bool keep_alive;
	struct http1_body body;
	const struct exchange_events *events;
};

void front_request_refuse(struct front *f, enum http_fault fault, const struct http_head *head)
{
	struct visitor_fault vf = {
		.error = visitor_error_of_http(fault),
		.detail = slice_from_str(http_fault_text(fault)),
	};

	metrics_add(f->worker->metrics, METRIC_PARSE_FAULTS, 1);
	front_answer_error(f, &vf, head, false);
}

static enum front_action front_request_fault(
	struct front_request *r, struct visitor_fault *fault, struct slice *in)
{
	bool keep_alive = r->keep_alive && r->body.kind == HTTP1_BODY_NONE && !r->upgrade &&
		r->head->method_id != HTTP_CONNECT;

	if (r->host)
		fault->host = http_host_slice(r->host);
	*in = slice_from(*in, r->head->size);
	r->front->answered = true;
	front_answer_error(r->front, fault, r->head, keep_alive);
	return FRONT_ON;
}

static enum front_action front_request_error(
	struct front_request *r, enum visitor_error error, struct slice *in)
{
	struct visitor_fault fault = {.error = error};

	if (error == VISITOR_ERROR_METHOD_NOT_ALLOWED)
		fault.allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
	if (error == VISITOR_ERROR_OVERLOADED)
		fault.retry_after_s = r->front->worker->conf->retry_after_s;
	return front_request_fault(r, &fault, in);
}

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

/* ---- the relay's own answers ---- */

static enum front_action front_request_refuse_body(struct front_request *r, struct slice *in)
{
	if (front_body_is_too_large(r->front->body))
		return front_request_error(r, VISITOR_ERROR_BODY_TOO_LARGE, in);
	if (front_body_has_no_room(r->front->body))
		return front_request_error(r, VISITOR_ERROR_OVERLOADED, in);
	front_request_refuse(r->front, front_body_fault(r->front->body), r->head);
	return FRONT_ON;
}

static void front_request_record_api(struct front_request *r, const struct api_request *api)
{
	struct worker *w = r->front->worker;
	struct access_record record = {
		.visitor = identity_client_ip(r->head, api->peer, w->conf->trust_proxy),
		.method = r->head->method,
		.path = r->target.path,
		.error_code = slice_from_str(api->error),
		.status = api->status,
		.bytes_in = r->head->size + api->body.len,
	};

	if (!api->quiet)
		front_log_answer(w, &record);
}

/* What the request took up of the input is used, and its body not needed any more. */
static void front_request_use(struct front_request *r, struct slice *in, size_t used)
{
	if (r->front->body) /* there may have been a password in it */
		front_wipe(slice_first(*in, used));
	*in = slice_from(*in, used);
	front_body_free(&r->front->body);
	r->front->answered = true;
}

static enum front_action front_request_wait(
	struct front_request *r, struct slice *in, const struct api_request *api, size_t used)
{
	const struct front_wait_setup setup = {
		.later = api->later,
		.events = r->events,
		.method = r->head->method,
		.path = r->target.path,
		.visitor =
			identity_client_ip(r->head, api->peer, r->front->worker->conf->trust_proxy),
		.bytes_in = used,
		.head_only = r->head->method_id == HTTP_HEAD,
		.http_1_0 = r->head->minor == 0,
		.keep_alive = api->keep_alive,
	};

	front_wait_begin(r->front, &setup);
	front_request_use(r, in, used);
	return FRONT_ON;
}

/* Gives the request to the API; its body, if it takes one, was gathered before. */
static enum front_action front_request_answer(
	struct front_request *r, struct slice *in, unsigned *home_out)
{
	struct front *f = r->front;
	bool too_large = f->body && front_body_is_too_large(f->body);
	struct api_request api = {
		.worker = f->worker,
		.head = r->head,
		.target = &r->target,
		.host = r->host,
		.peer = slice_from_str(f->peer),
		.body = f->body && !too_large ? front_body_content(f->body)
					      : (struct slice) {NULL, 0},
		.too_large = too_large,
		.admin = f->admin,
		.is_operator = f->is_operator,
		.authenticated = f->authenticated,
		.nameless = f->nameless,
		.keep_alive =
			r->keep_alive && !too_large && (f->body || r->body.kind == HTTP1_BODY_NONE),
		.hash = &f->hash,
		.again = f->again,
		.ctx = f,
	};
	size_t used = f->body ? front_body_end(f->body) : r->head->size;

	switch (api_handle(&api, home_out)) {
	case API_MOVE:
		f->authenticated = api.authenticated;
		f->nameless = api.nameless;
		return FRONT_MOVE;
	case API_WAIT:
		f->authenticated = api.authenticated;
		front_ask(f);
		return FRONT_WAIT;
	case API_LATER:
		return front_request_wait(r, in, &api, used);
	case API_ANSWERED:
		break;
	}
	front_request_record_api(r, &api);
	front_stop_asking(f);
	front_request_use(r, in, used);
	front_write(f, buf_slice(&f->worker->answer));
	buf_release(&f->worker->answer);
	if (!api.keep_alive)
		front_close_gently(f);
	return FRONT_ON;
}

static enum front_action front_request_api(
	struct front_request *r, struct slice *in, unsigned *home_out)
{
	struct front *f = r->front;
	bool begins = !f->body;

	if (r->body.kind == HTTP1_BODY_NONE || !api_takes_body(r->head, r->target.path))
		return front_request_answer(r, in, home_out);
	if (begins)
		f->body = front_body_new(&r->body, r->head->size);
	switch (front_body_read(f->body, *in, &f->worker->limits)) {
	case PARSE_DONE:
		return front_request_answer(r, in, home_out);
	case PARSE_BAD:
		return front_body_is_too_large(f->body) ? front_request_answer(r, in, home_out)
							: front_request_refuse_body(r, in);
	case PARSE_MORE:
		if (begins)
			front_continue(r->front, r->head);
		return FRONT_WAIT;
	}
	UNREACHABLE();
}

/* ---- tunnels ---- */

/* Once for each request, however often it is looked at. */
static bool front_request_admits(
	struct front_request *r, const struct tunnel *t, struct visitor_fault *fault)
{
	if (!t->meter || r->front->admitted)
		return true;
	r->front->admitted = meter_admit(t->meter, &fault->error, &fault->retry_after_s);
	return r->front->admitted;
}

/* The last question before it is served. */
static bool front_request_has_room(
	struct front_request *r, const struct tunnel *t, struct visitor_fault *fault)
{
	if (!t->meter || meter_has_room(t->meter))
		return true;
	fault->error = VISITOR_ERROR_VISITOR_LIMIT;
	fault->retry_after_s = r->front->worker->conf->retry_after_s;
	return false;
}

static enum front_action front_request_exchange(
	struct front_request *r, struct tunnel *t, struct slice *in)
{
	struct front *f = r->front;
	struct exchange_visitor visitor = {
		.stream = &f->stream,
		.peer = slice_from_str(f->peer),
		.tls = f->tls,
		.local = slice_from_str(f->local),
		.peer_port = f->peer_port,
		.local_port = f->local_port,
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
	*in = slice_from(*in, size);
	if (exchange_has_request(f->exchange))
		f->state = FRONT_BUSY;
	return FRONT_ON;
}

static bool front_request_expects_the_impossible(const struct http_head *head)
{
	const struct http_field *expect = http_head_get(head, HTTP_FIELD_EXPECT);

	return expect && head->minor > 0 && !slice_eq_fold(expect->value, SLICE("100-continue"));
}

/* True: the gate lets it through. Otherwise what the front does about it. */
static bool front_request_passes(
	struct front_request *r, struct tunnel *t, struct slice *in, enum front_action *action_out)
{
	struct gate_request about = {
		.tunnel = t,
		.head = r->head,
		.target = &r->target,
		.host = r->host,
		.peer = slice_from_str(r->front->peer),
		.tls = r->front->tls,
		.keep_alive = r->keep_alive && !r->upgrade,
	};

	*action_out = FRONT_ON;
	switch (front_gate_check(r->front, &about, &r->body, in)) {
	case FRONT_GATE_OPEN:
		r->target.path = about.path;
		return true;
	case FRONT_GATE_ANSWERED:
		return false;
	case FRONT_GATE_WAITS:
		*action_out = FRONT_WAIT;
		return false;
	case FRONT_GATE_BAD_BODY:
		*action_out = front_request_refuse_body(r, in);
		return false;
	}
	UNREACHABLE();
}

static enum front_action front_request_tunnel(
	struct front_request *r, struct slice name, struct slice *in, unsigned *home_out)
{
	struct worker *w = r->front->worker;
	struct tunnel *t = map_get(&w->tunnels, name);
	enum front_action action;
	struct visitor_fault fault = {.retry_after_s = 0};

	if (!t && directory_find(w->shared->directory, name, home_out) && *home_out != w->index)
		return FRONT_MOVE;
	if (!t) /* S82: a refused upgrade ends the connection */
		return front_request_error(r, VISITOR_ERROR_TUNNEL_NOT_FOUND, in);
	if (t->gate && !gate_lets_in(t, r->head, slice_from_str(r->front->peer)))
		return front_request_error(r, VISITOR_ERROR_ADDRESS_REFUSED, in);
	if (!front_request_admits(r, t, &fault))
		return front_request_fault(r, &fault, in);
	if (t->gate && !front_request_passes(r, t, in, &action))
		return action;
	if (front_request_expects_the_impossible(r->head))
		return front_request_error(r, VISITOR_ERROR_EXPECTATION_FAILED, in);
	if (w->conf->max_body && r->body.kind == HTTP1_BODY_LENGTH &&
		r->body.left > w->conf->max_body)
		return front_request_error(r, VISITOR_ERROR_BODY_TOO_LARGE, in);
	if (!front_request_has_room(r, t, &fault))
		return front_request_fault(r, &fault, in);
	return front_request_exchange(r, t, in);
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

	front_log_answer(w, &record);
}

/* The connection becomes a link of a session, and is no visitor's any more. */
static enum front_action front_request_session(
	struct front_request *r, struct slice *in, unsigned *home_out)
{
	struct front *f = r->front;
	struct agent_link_request link = {
		.worker = f->worker,
		.head = r->head,
		.host = r->host,
		.stream = &f->stream,
		.peer = slice_from_str(f->peer),
		.received = slice_from(*in, r->head->size),
		.kind = upgrade_kind_of(r->head),
		.authenticated = f->authenticated,
	};

	switch (agent_link_accept(&link, home_out)) {
	case AGENT_LINK_TAKEN:
		*in = (struct slice) {NULL, 0};
		front_close_now(f, false);
		return FRONT_ON;
	case AGENT_LINK_REFUSED:
		front_request_record_session(r, &link);
		*in = slice_from(*in, r->head->size);
		front_write(f, buf_slice(&f->worker->answer));
		buf_release(&f->worker->answer);
		front_close_gently(f);
		return FRONT_ON;
	case AGENT_LINK_MOVE:
		f->authenticated = link.authenticated;
		return FRONT_MOVE;
	}
	UNREACHABLE();
}

static enum front_action front_request_base(
	struct front_request *r, struct slice *in, unsigned *home_out)
{
	const struct worker *w = r->front->worker;

	if (r->upgrade && !w->conf->admin_port && upgrade_kind_of(r->head) != UPGRADE_NONE)
		return front_request_session(r, in, home_out);
	if (r->upgrade) { /* S82: dropped in silence */
		front_close_now(r->front, false);
		return FRONT_ON;
	}
	return front_request_api(r, in, home_out);
}

static enum front_action front_request_route(
	struct front_request *r, struct slice *in, unsigned *home_out)
{
	struct route route;

	if (r->front->is_operator)
		return front_request_api(r, in, home_out);
	if (r->front->admin)
		return upgrade_kind_of(r->head) != UPGRADE_NONE
			? front_request_session(r, in, home_out)
			: front_request_api(r, in, home_out);
	if (!r->host)
		return r->upgrade ? front_request_base(r, in, home_out)
				  : front_request_error(r, VISITOR_ERROR_HOST_REQUIRED, in);
	route = route_of_host(r->host, r->front->worker->conf->domain);
	switch (route.kind) {
	case ROUTE_BASE:
		return front_request_base(r, in, home_out);
	case ROUTE_TUNNEL:
		return front_request_tunnel(r, route.name, in, home_out);
	case ROUTE_UNKNOWN:
		return front_request_error(r,
			r->front->tls ? VISITOR_ERROR_MISDIRECTED : VISITOR_ERROR_HOST_UNKNOWN, in);
	}
	UNREACHABLE();
}

enum front_action front_request_handle(
	struct front *f, struct slice *in, const struct exchange_events *events, unsigned *home_out)
{
	struct front_request r = {
		.front = f,
		.head = &f->worker->request_head,
		.events = events,
	};
	enum http_fault fault;

	if (r.head->method_id == HTTP_CONNECT)
		return front_request_error(&r, VISITOR_ERROR_METHOD_NOT_ALLOWED, in);
	fault = front_request_check(&r);
	if (fault != HTTP_FAULT_NONE) {
		front_request_refuse(f, fault, r.head);
		return FRONT_ON;
	}
	return front_request_route(&r, in, home_out);
}
