/* What a request gets that is not served: an error of the relay's own, and often its end. */
#include "relay/front_refuse.h"

#include "relay/front_body.h"
#include "relay/front_close.h"
#include "relay/front_priv.h"
#include "relay/front_request_priv.h"
#include "relay/worker.h"

void front_refuse_bad(struct front *f, enum http_fault fault, const struct http_head *head)
{
	struct visitor_fault vf = {
		.error = visitor_error_of_http(fault),
		.detail = slice_from_str(http_fault_text(fault)),
	};

	metrics_add(f->worker->metrics, METRIC_PARSE_FAULTS, 1);
	front_answer_error(f, &vf, head, false);
}

enum front_action front_refuse(struct front_request *r, struct visitor_fault *fault)
{
	bool keep_alive = r->keep_alive && r->body.kind == HTTP1_BODY_NONE && !r->upgrade &&
		r->head->method_id != HTTP_CONNECT;

	if (r->host)
		fault->host = http_host_slice(r->host);
	*r->in = slice_from(*r->in, r->head->size);
	r->front->answered = true;
	front_answer_error(r->front, fault, r->head, keep_alive);
	return FRONT_ON;
}

enum front_action front_refuse_with(struct front_request *r, enum visitor_error error)
{
	struct visitor_fault fault = {.error = error};

	if (error == VISITOR_ERROR_METHOD_NOT_ALLOWED)
		fault.allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
	if (error == VISITOR_ERROR_OVERLOADED)
		fault.retry_after_s = r->front->worker->conf->retry_after_s;
	return front_refuse(r, &fault);
}

enum front_action front_refuse_body(struct front_request *r)
{
	if (front_body_is_too_large(r->front->body))
		return front_refuse_with(r, VISITOR_ERROR_BODY_TOO_LARGE);
	if (front_body_has_no_room(r->front->body))
		return front_refuse_with(r, VISITOR_ERROR_OVERLOADED);
	front_refuse_bad(r->front, front_body_fault(r->front->body), r->head);
	return FRONT_ON;
}

void front_refuse_move(struct front *f)
{
	struct worker *w = f->worker;
	const struct visitor_fault fault = {
		.error = VISITOR_ERROR_OVERLOADED, .retry_after_s = w->conf->retry_after_s};

	worker_lacks_descriptors(w);
	front_answer_error(f, &fault, &w->request_head, false);
}
