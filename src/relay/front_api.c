/*
 * What the relay answers itself. A body is gathered first, where the path takes one; an answer may
 * take a look at something, and then the whole request is read again, or a job elsewhere, and then
 * the connection waits.
 */
#include "relay/front_api.h"

#include "base/check.h"
#include "io/stream.h"
#include "relay/api.h"
#include "relay/front_body.h"
#include "relay/front_close.h"
#include "relay/front_log.h"
#include "relay/front_priv.h"
#include "relay/front_refuse.h"
#include "relay/front_request_priv.h"
#include "relay/front_wait.h"
#include "relay/identity.h"
#include "relay/worker.h"

static struct slice front_api_visitor(const struct front_request *r)
{
	return identity_client_ip(
		r->head, slice_from_str(r->front->from.peer), r->front->worker->conf->trust_proxy);
}

static struct slice front_api_source(const struct front_request *r)
{
	return identity_near_ip(
		r->head, slice_from_str(r->front->from.peer), r->front->worker->conf->trust_proxy);
}

static void front_api_record(const struct front_request *r, const struct api_request *api)
{
	struct access_record record = {
		.visitor = front_api_visitor(r),
		.method = r->head->method,
		.path = r->target.path,
		.error_code = slice_from_str(api->error),
		.status = api->status,
		.bytes_in = r->head->size + api->body.len,
	};

	if (!api->quiet)
		front_log_answer(r->front->worker, front_api_source(r), &record);
}

/* What the request took up of the input is used, and its body not needed any more. */
static void front_api_use(struct front_request *r, size_t used)
{
	if (r->front->body) /* there may have been a password in it */
		front_wipe(slice_first(*r->in, used));
	*r->in = slice_from(*r->in, used);
	front_body_free(&r->front->body);
	r->front->answered = true;
}

static enum front_action front_api_wait(
	struct front_request *r, const struct api_request *api, size_t used)
{
	const struct front_wait_setup setup = {
		.later = api->later,
		.events = r->events,
		.method = r->head->method,
		.path = r->target.path,
		.visitor = front_api_visitor(r),
		.source = front_api_source(r),
		.bytes_in = used,
		.head_only = r->head->method_id == HTTP_HEAD,
		.http_1_0 = r->head->minor == 0,
		.keep_alive = api->keep_alive,
	};

	front_wait_begin(r->front, &setup);
	front_api_use(r, used);
	return FRONT_ON;
}

/* What the API is asked; a body, if it takes one, was gathered before. */
static struct api_request front_api_request(const struct front_request *r)
{
	struct front *f = r->front;
	bool too_large = f->body && front_body_is_too_large(f->body);

	return (struct api_request) {
		.worker = f->worker,
		.head = r->head,
		.target = &r->target,
		.host = r->host,
		.peer = slice_from_str(f->from.peer),
		.body = f->body && !too_large ? front_body_content(f->body)
					      : (struct slice) {NULL, 0},
		.too_large = too_large,
		.admin = f->from.door == FRONT_DOOR_ADMIN,
		.is_monitor = f->from.door == FRONT_DOOR_METRICS,
		.is_operator = f->from.door == FRONT_DOOR_SOCKET,
		.authenticated = f->known.authenticated,
		.nameless = f->known.nameless,
		.keep_alive =
			r->keep_alive && !too_large && (f->body || r->body.kind == HTTP1_BODY_NONE),
		.hash = &f->hash,
		.again = f->again,
		.ctx = f,
	};
}

static enum front_action front_api_answer(struct front_request *r)
{
	struct front *f = r->front;
	struct api_request api = front_api_request(r);
	size_t used = f->body ? front_body_end(f->body) : r->head->size;

	switch (api_handle(&api, &r->home)) {
	case API_MOVE:
		f->known.authenticated = api.authenticated;
		f->known.nameless = api.nameless;
		return r->home == f->worker->index ? FRONT_LATER : FRONT_MOVE;
	case API_WAIT:
		f->known.authenticated = api.authenticated;
		front_ask(f);
		return FRONT_WAIT;
	case API_LATER:
		return front_api_wait(r, &api, used);
	case API_ANSWERED:
		break;
	}
	front_api_record(r, &api);
	front_stop_asking(f);
	front_api_use(r, used);
	front_write(f, buf_slice(&f->worker->answer));
	buf_release(&f->worker->answer);
	if (!api.keep_alive)
		front_close_gently(f);
	return FRONT_ON;
}

enum front_action front_api_handle(struct front_request *r)
{
	struct front *f = r->front;
	bool begins = !f->body;

	if (r->body.kind == HTTP1_BODY_NONE || !api_takes_body(r->head, r->target.path))
		return front_api_answer(r);
	if (begins)
		f->body = front_body_new(&r->body, r->head->size);
	switch (front_body_read(f->body, *r->in, &f->worker->limits)) {
	case PARSE_DONE:
		return front_api_answer(r);
	case PARSE_BAD:
		return front_body_is_too_large(f->body) ? front_api_answer(r)
							: front_refuse_body(r);
	case PARSE_MORE:
		if (begins)
			front_continue(r->front, r->head);
		return FRONT_WAIT;
	}
	UNREACHABLE();
}
