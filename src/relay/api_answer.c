/* The answers of the relay's own paths that do not depend on what the path is for. */
#include "relay/api_answer.h"

#include "proto/http_head.h"
#include "relay/api_error.h"
#include "relay/reply.h"
#include "relay/visitor_error.h"
#include "relay/worker.h"

struct reply api_answer_reply(const struct api_request *r, unsigned status)
{
	return (struct reply) {
		.status = status,
		.head_only = r->head->method_id == HTTP_HEAD,
		.close = !r->keep_alive,
		.say_keep_alive = r->keep_alive && r->head->minor == 0,
	};
}

/* Notes for the log what the answer is. */
enum api_result api_answer_note(struct api_request *r, const struct reply *reply)
{
	r->status = reply->status;
	r->error = reply->code;
	return API_ANSWERED;
}

enum api_result api_answer_json(struct api_request *r, struct reply *reply, struct buf *body)
{
	reply->body = buf_slice(body);
	reply_write_json(&r->worker->answer, reply);
	buf_release(body);
	return api_answer_note(r, reply);
}

enum api_result api_answer_text(struct api_request *r, struct reply *reply, const char *text)
{
	reply->body = slice_from_str(text);
	reply_write_text(&r->worker->answer, reply);
	return api_answer_note(r, reply);
}

enum api_result api_answer_not_found(struct api_request *r)
{
	const struct api_error_info *info = api_error_get(API_ERROR_NOT_FOUND);
	struct reply reply = api_answer_reply(r, info->status);

	reply.code = info->code;
	return api_answer_text(r, &reply, "Not Found");
}

/* S42: OPTIONS is answered, anything else that is not GET or HEAD refused. */
enum api_result api_answer_wrong_method(struct api_request *r, const char *allow)
{
	struct reply reply = api_answer_reply(r, r->head->method_id == HTTP_OPTIONS ? 200 : 405);

	reply.allow = allow;
	if (reply.status != 200)
		reply.code = visitor_error_get(VISITOR_ERROR_METHOD_NOT_ALLOWED)->code;
	return api_answer_text(r, &reply, reply.status == 200 ? "" : "Method Not Allowed");
}

enum api_result api_answer_fault(struct api_request *r, const struct visitor_fault *fault)
{
	const struct visitor_error_info *info = visitor_error_get(fault->error);

	reply_write_error(&r->worker->answer, fault, reply_audience_of(r->head),
		(struct slice) {NULL, 0}, r->keep_alive);
	r->status = info->status;
	r->error = info->code;
	return API_ANSWERED;
}

bool api_answer_is_get(const struct api_request *r)
{
	return r->head->method_id == HTTP_GET || r->head->method_id == HTTP_HEAD;
}
