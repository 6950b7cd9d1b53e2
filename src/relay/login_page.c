/* Fills the page of web/device. What the words say does not tell whether an account exists. */
#include "relay/login_page.h"

#include "base/attr.h"
#include "relay/api_error.h"
#include "relay/reply.h"
#include "relay/template.h"
#include "relay/web_asset.h"

#define LOGIN_POLICY                                                                               \
	"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "     \
	"frame-ancestors 'none'"

static const struct login_text {
	unsigned status;
	const char *part; /* which part of the page is seen */
	const char *title;
	const char *explanation;
	const char *problem;
	const char *code; /* X-Adit-Error */
} login_texts[] = {
	[LOGIN_SIGN_IN] = {200, "sign-in", "Let a machine in",
		"A machine wants to open tunnels here as you. Enter the code that it shows, and "
		"sign "
		"in.",
		"", NULL},
	[LOGIN_WRONG] = {401, "sign-in", "Let a machine in",
		"A machine wants to open tunnels here as you. Enter the code that it shows, and "
		"sign "
		"in.",
		"Code, account and password do not fit together. A code is good for ten minutes.",
		"login-wrong"},
	[LOGIN_BLOCKED] = {429, "sign-in", "Let a machine in",
		"A machine wants to open tunnels here as you. Enter the code that it shows, and "
		"sign "
		"in.",
		"There were too many wrong attempts. Wait a minute, then try again.",
		"too-many-attempts"},
	[LOGIN_BUSY] = {503, "sign-in", "Let a machine in",
		"A machine wants to open tunnels here as you. Enter the code that it shows, and "
		"sign "
		"in.",
		"The relay has too many sign-ins to check. Try again in a moment.", "not-now"},
	[LOGIN_FORGED] = {403, "sign-in", "Let a machine in",
		"A machine wants to open tunnels here as you. Enter the code that it shows, and "
		"sign "
		"in.",
		"The form was too old, or did not come from this page. Please send it again.",
		"login-forged"},
	[LOGIN_DECIDE] = {200, "decide", "Let this machine in?",
		"You are signed in. This is what asks:", "", NULL},
	[LOGIN_APPROVED] = {200, "done", "The machine is let in",
		"It has got a key of its own by now. You can close this page and go back to the "
		"machine.",
		"", NULL},
	[LOGIN_DENIED] = {200, "done", "The machine was turned away",
		"It got no key. If you did not start this, somebody may have tried to use your "
		"account: nothing else needs to be done.",
		"", NULL},
	[LOGIN_OVER] = {410, "failed", "This login is over",
		"It was decided already, or took longer than ten minutes. Start it again on the "
		"machine.",
		"", "login-over"},
	[LOGIN_FAILED] = {503, "failed", "No key could be made",
		"The machine was not let in. Its code is still good: try again in a moment.", "",
		"store-unavailable"},
};

/* The first field that is empty has the focus; nobody wants to use a mouse for that. */
static struct slice login_page_focus(const struct login_page *page, const char *field)
{
	const char *first = !page->code.len ? "code" : !page->account.len ? "account" : "password";

	return strcmp(field, first) == 0 ? SLICE("autofocus") : (struct slice) {NULL, 0};
}

void login_page_write(struct buf *out, const struct login_page *page, struct reply *reply)
{
	const struct login_text *text = &login_texts[page->view];
	struct slice problem = page->problem.len ? page->problem : slice_from_str(text->problem);
	const struct template_value values[] = {
		{"view", slice_from_str(text->part)},
		{"title", slice_from_str(text->title)},
		{"explanation", slice_from_str(text->explanation)},
		{"problem", problem},
		{"csrf", page->csrf},
		{"code", page->code},
		{"code_focus", login_page_focus(page, "code")},
		{"account_focus", login_page_focus(page, "account")},
		{"password_focus", login_page_focus(page, "password")},
		{"account", page->account},
		{"machine", page->machine},
		{"address", page->address},
		{"proof", page->proof},
		{"host", page->host},
	};
	struct buf body = {0};

	template_write(
		&body, web_asset_get("device/device.html")->content, values, ARRAY_LEN(values));
	reply->status = text->status;
	reply->code = text->code;
	reply->retry_after_s = page->retry_after_s;
	reply->content_type = SLICE("text/html; charset=utf-8");
	reply->content_security_policy = LOGIN_POLICY;
	reply->body = buf_slice(&body);
	reply_write(out, reply);
	buf_release(&body);
}
