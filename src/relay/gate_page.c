/* Fills in the pages of web/gate. */
#include "relay/gate_page.h"

#include "proto/http_head.h"
#include "relay/template.h"
#include "relay/web_asset.h"

/*
 * A browser that gets the challenge opens a dialog of its own in front of the page, so it gets none
 * when the page is meant to be seen, nor for what its pages load, where a dialog would come out of
 * nowhere. Everybody else gets the challenge (S105).
 */
#define GATE_PAGE_CHALLENGE "Basic realm=\"adit\", charset=\"UTF-8\""

/* No form-action: browsers hold an application's redirects after the form against it. */
#define GATE_PAGE_POLICY                                                                           \
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

bool gate_page_is_wanted(const struct http_head *head)
{
	return accept_choose(head) == ACCEPT_HTML;
}

static struct reply gate_page_reply(const struct gate_page *page, unsigned status)
{
	return (struct reply) {
		.status = status,
		.request_id = page->request_id,
		.retry_after_s = page->retry_after_s,
		.cookies = page->cookies,
		.cookie_count = page->cookie_count,
		.head_only = page->head->method_id == HTTP_HEAD,
		.close = !page->keep_alive,
		.say_keep_alive = page->keep_alive && page->head->minor == 0,
	};
}

static void gate_page_write(struct buf *out, struct reply *reply, struct buf *body)
{
	reply->body = buf_slice(body);
	reply->content_type = SLICE("text/html; charset=utf-8");
	reply->content_security_policy = GATE_PAGE_POLICY;
	/* With "no-referrer" a browser would send the form with "Origin: null". */
	reply->referrer_policy = "same-origin";
	reply_write(out, reply);
	buf_release(body);
}

/* What went wrong, above the form; nothing when the visitor has only just come. */
static void gate_page_problem(
	struct buf *out, const struct gate_page *page, enum visitor_error error)
{
	if (error == VISITOR_ERROR_PASSWORD_WRONG)
		buf_append_str(out, "That is not the password. Please try again.");
	else if (error == VISITOR_ERROR_TOO_MANY_ATTEMPTS)
		buf_printf(out, "Too many wrong passwords. Please try again in %u second%s.",
			page->retry_after_s, page->retry_after_s == 1 ? "" : "s");
	else if (error == VISITOR_ERROR_FORM_REFUSED)
		buf_append_str(out,
			"That form was no longer valid, or this browser accepts no "
			"cookies. Please enter the password again.");
	else if (error == VISITOR_ERROR_OVERLOADED)
		buf_append_str(out,
			"Too many passwords are being looked at right now. Please try "
			"again in a moment.");
}

static unsigned gate_page_form(
	struct buf *out, const struct gate_page *page, enum visitor_error error)
{
	const struct visitor_error_info *info = visitor_error_get(error);
	struct reply reply = gate_page_reply(page, info->status);
	struct buf body = {0}, problem = {0};
	bool wrong = error == VISITOR_ERROR_PASSWORD_WRONG;

	gate_page_problem(&problem, page, error);
	template_write(&body, web_asset_get("gate/login.html")->content,
		(const struct template_value[]) {
			{"title", SLICE("Password needed")},
			{"host", page->host},
			{"explanation",
				SLICE("Whoever shared this address with you has put a password "
				      "before it.")},
			{"problem", buf_slice(&problem)},
			{"csrf", page->csrf},
			{"return", page->back},
			{"invalid", wrong ? SLICE("true") : SLICE("false")},
		},
		7);
	buf_release(&problem);
	reply.reason = info->reason;
	reply.code = info->code;
	gate_page_write(out, &reply, &body);
	return info->status;
}

unsigned gate_page_refuse(struct buf *out, const struct gate_page *page, enum visitor_error error)
{
	const struct visitor_error_info *info = visitor_error_get(error);
	struct visitor_fault fault = {
		.error = error,
		.retry_after_s = page->retry_after_s,
		.host = page->host,
	};

	if (gate_page_is_wanted(page->head))
		return gate_page_form(out, page, error);
	if (info->status == 401 && !http_head_get(page->head, HTTP_FIELD_SEC_FETCH_SITE))
		fault.www_authenticate = GATE_PAGE_CHALLENGE;
	reply_write_error(
		out, &fault, reply_audience_of(page->head), page->request_id, page->keep_alive);
	return info->status;
}

unsigned gate_page_logout(struct buf *out, const struct gate_page *page, bool is_in)
{
	struct reply reply = gate_page_reply(page, 200);
	struct buf body = {0};

	template_write(&body, web_asset_get("gate/logout.html")->content,
		(const struct template_value[]) {
			{"title", is_in ? SLICE("Sign out") : SLICE("Signed out")},
			{"host", page->host},
			{"explanation",
				is_in ? SLICE("This browser is not asked for the password of this "
					      "address for a while. Sign out to change that.")
				      : SLICE("This browser is asked for the password of this "
					      "address again.")},
			{"csrf", page->csrf},
			{"view", is_in ? SLICE("in") : SLICE("out")},
		},
		5);
	gate_page_write(out, &reply, &body);
	return reply.status;
}

unsigned gate_page_redirect(struct buf *out, const struct gate_page *page)
{
	struct reply reply = gate_page_reply(page, 303);
	struct buf location = {0};

	buf_append_slice(&location, page->back);
	buf_append_char(&location, '\0');
	reply.location = location.base;
	reply_write_redirect(out, &reply);
	buf_release(&location);
	return reply.status;
}
