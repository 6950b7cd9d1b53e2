/*
 * A form that is right leads to the next page only with a proof, sealed for that code and account,
 * so that no cookie is needed and a stranger's page cannot send one.
 */
#include "relay/login.h"

#include "base/check.h"
#include "base/mem.h"
#include "io/loop.h"
#include "proto/http_form.h"
#include "proto/http_head.h"
#include "proto/http_host.h"
#include "relay/admin.h"
#include "relay/admin_service.h"
#include "relay/api_answer.h"
#include "relay/gate_return.h"
#include "relay/identity.h"
#include "relay/login_job.h"
#include "relay/login_page.h"
#include "relay/public_url.h"
#include "relay/reply.h"
#include "relay/visitor_error.h"
#include "relay/worker.h"

#define LOGIN_METHODS "GET, HEAD, POST"

/* A page that can be made at once. */
static enum api_result login_show(
	struct api_request *r, const struct login_form *form, enum login_view view, unsigned wait_s)
{
	struct reply reply = api_answer_reply(r, 200);
	struct buf host = {0};

	public_url_write_host(&host, r->worker->conf, r->host);
	login_job_show(&r->worker->answer,
		&(struct login_showing) {.service = r->worker->shared->admin,
			.form = form,
			.view = view,
			.host = buf_slice(&host),
			.retry_after_s = wait_s},
		&reply);
	buf_release(&host);
	return api_answer_note(r, &reply);
}

static enum api_result login_get(struct api_request *r)
{
	struct login_form form = {0};
	struct slice query = http_target_query(r->target->path);

	if (admin_query_text(query, "code", form.code, sizeof(form.code)) != 0)
		form.code[0] = '\0';
	return login_show(r, &form, LOGIN_SIGN_IN, 0);
}

/* One field as text; empty when it is missing, too long, or has a NUL in it. */
static void login_field(struct slice body, const char *name, char *out, size_t size)
{
	size_t len = 0;

	if (http_form_get(body, slice_from_str(name), out, size - 1, &len) != 0)
		len = 0;
	out[len] = '\0';
}

static void login_read(struct api_request *r, struct login_form *form)
{
	login_field(r->body, "step", form->step, sizeof(form->step));
	login_field(r->body, "csrf", form->csrf, sizeof(form->csrf));
	login_field(r->body, "code", form->code, sizeof(form->code));
	login_field(r->body, "account", form->account, sizeof(form->account));
	login_field(r->body, "password", form->password, sizeof(form->password));
	login_field(r->body, "proof", form->proof, sizeof(form->proof));
	/* What counts guesses is no word of who guesses. */
	slice_to_str(identity_near_ip(r->head, r->peer, r->worker->conf->trust_proxy),
		form->address, sizeof(form->address));
}

static enum api_result login_post(struct api_request *r)
{
	struct admin_service *service = r->worker->shared->admin;
	bool ours = gate_return_is_same_origin(r->head, r->host) && http_form_is(r->head);
	struct login_form form = {0};
	unsigned wait_s = 0;
	enum login_view view = LOGIN_FORGED;

	login_read(r, &form);
	if (ours && login_job_is_ours(service, &form))
		view = login_job_start(r->worker, &form, r->host, &wait_s, &r->later);
	mem_wipe(form.password, sizeof(form.password));
	return r->later ? API_LATER : login_show(r, &form, view, wait_s);
}

static enum api_result login_wrong_method(struct api_request *r)
{
	struct visitor_fault fault = {
		.error = VISITOR_ERROR_METHOD_NOT_ALLOWED, .allow = LOGIN_METHODS};

	return api_answer_fault(r, &fault);
}

enum api_result login_handle(struct api_request *r)
{
	switch (r->head->method_id) {
	case HTTP_GET:
	case HTTP_HEAD:
		return login_get(r);
	case HTTP_POST:
		return login_post(r);
	case HTTP_METHOD_OTHER:
	case HTTP_PUT:
	case HTTP_PATCH:
	case HTTP_DELETE:
	case HTTP_OPTIONS:
	case HTTP_TRACE:
	case HTTP_CONNECT:
		return login_wrong_method(r);
	}
	UNREACHABLE();
}
