/* Serialises answers; the words of errors are in visitor_error.def, the page in web/error. */
#include "relay/reply.h"

#include "base/num.h"
#include "io/loop.h"
#include "proto/http1_write.h"
#include "proto/http_head.h"
#include "relay/accept.h"
#include "relay/escape.h"
#include "relay/template.h"
#include "relay/visitor_error.h"
#include "relay/web_asset.h"

static void reply_field(struct buf *out, struct slice name, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.ptr[i];

		if (byte < 0x20 || byte == 0x7f)
			return;
	}
	if (value.len)
		http1_write_field(out, name, value);
}

static void reply_field_str(struct buf *out, struct slice name, const char *value)
{
	reply_field(out, name, slice_from_str(value));
}

void reply_write(struct buf *out, const struct reply *reply)
{
	http1_write_status_line(out, reply->status, slice_from_str(reply->reason));
	reply_field_str(out, SLICE("X-Adit-Error"), reply->code);
	reply_field(out, SLICE("X-Request-Id"), reply->request_id);
	reply_field_str(out, SLICE("Allow"), reply->allow);
	reply_field_str(out, SLICE("Location"), reply->location);
	reply_field_str(out, SLICE("WWW-Authenticate"), reply->www_authenticate);
	if (reply->retry_after_s)
		http1_write_field_u64(out, SLICE("Retry-After"), reply->retry_after_s);
	reply_field_str(out, SLICE("Content-Security-Policy"), reply->content_security_policy);
	reply_field_str(out, SLICE("Referrer-Policy"), reply->referrer_policy);
	for (size_t i = 0; i < reply->cookie_count; i++)
		reply_field(out, SLICE("Set-Cookie"), reply->cookies[i]);
	http1_write_field(out, SLICE("Cache-Control"), SLICE("no-store"));
	if (reply->body.len) {
		reply_field(out, SLICE("Content-Type"), reply->content_type);
		http1_write_field(out, SLICE("X-Content-Type-Options"), SLICE("nosniff"));
	}
	if (reply->status != 204) /* RFC 9110, 8.6 */
		http1_write_field_u64(out, SLICE("Content-Length"), reply->body.len);
	http1_write_date(out, loop_wall_ms() / 1000);
	reply_field_str(out, SLICE("Upgrade"), reply->upgrade);
	if (reply->close)
		http1_write_field(out, SLICE("Connection"),
			reply->upgrade ? SLICE("close, Upgrade") : SLICE("close"));
	else if (reply->upgrade)
		http1_write_field(out, SLICE("Connection"), SLICE("Upgrade"));
	else if (reply->say_keep_alive)
		http1_write_field(out, SLICE("Connection"), SLICE("keep-alive"));
	http1_write_head_end(out);
	if (!reply->head_only)
		buf_append_slice(out, reply->body);
}

void reply_write_json(struct buf *out, const struct reply *reply)
{
	struct reply typed = *reply;

	typed.content_type = SLICE("application/json; charset=utf-8");
	reply_write(out, &typed);
}

void reply_write_text(struct buf *out, const struct reply *reply)
{
	struct reply typed = *reply;

	typed.content_type = SLICE("text/plain; charset=utf-8");
	reply_write(out, &typed);
}

void reply_write_redirect(struct buf *out, const struct reply *reply)
{
	struct reply full = *reply;
	struct buf body = {0};

	if (!full.status)
		full.status = 302;
	buf_append_str(&body, "Redirecting to ");
	buf_append_str(&body, full.location);
	buf_append_str(&body, "\n");
	full.body = buf_slice(&body);
	reply_write_text(out, &full);
	buf_release(&body);
}

static struct slice reply_reason(const struct visitor_error_info *info)
{
	const char *usual = *info->reason ? info->reason : http1_reason_of(info->status);

	return slice_from_str(usual ? usual : info->title);
}

static void reply_error_json(
	struct buf *body, const struct visitor_fault *fault, struct slice request_id)
{
	const struct visitor_error_info *info = visitor_error_get(fault->error);

	buf_append_str(body, "{\"error\":\"");
	buf_append_str(body, info->code);
	buf_append_str(body, "\",\"message\":\"");
	escape_json(body, slice_from_str(info->explanation));
	if (fault->detail.len) {
		buf_append_char(body, ' ');
		escape_json(body, fault->detail);
	}
	buf_append_str(body, "\",\"request_id\":\"");
	escape_json(body, request_id);
	buf_append_str(body, "\"}");
}

static void reply_error_text(
	struct buf *body, const struct visitor_fault *fault, struct slice request_id)
{
	const struct visitor_error_info *info = visitor_error_get(fault->error);

	/* The one text that clients of localtunnel-server know byte for byte. */
	if (fault->error == VISITOR_ERROR_HOST_REQUIRED) {
		buf_append_str(body, "Host header is required");
		return;
	}
	buf_append_u64(body, info->status);
	buf_append_char(body, ' ');
	buf_append_slice(body, reply_reason(info));
	buf_printf(body, " (%s)\n\n%s\n", info->code, info->explanation);
	if (fault->detail.len) {
		buf_append_slice(body, fault->detail);
		buf_append_char(body, '\n');
	}
	buf_printf(body, "%s\n", info->advice);
	if (request_id.len) {
		buf_append_str(body, "\nRequest id: ");
		buf_append_slice(body, request_id);
		buf_append_char(body, '\n');
	}
}

static void reply_error_html(
	struct buf *body, const struct visitor_fault *fault, struct slice request_id)
{
	const struct visitor_error_info *info = visitor_error_get(fault->error);
	bool worth_retrying = info->status >= 500 || info->status == 408 || info->status == 421;
	char status[NUM_TEXT_MAX];
	const struct template_value values[] = {
		{"status", slice_of(status, num_print_u64(info->status, status))},
		{"reason", reply_reason(info)},
		{"code", slice_from_str(info->code)},
		{"place", slice_from_str(info->place)},
		{"title", slice_from_str(info->title)},
		{"explanation", slice_from_str(info->explanation)},
		{"detail", fault->detail},
		{"advice", slice_from_str(info->advice)},
		{"host", fault->host},
		{"request_id", request_id},
		{"retry", worth_retrying ? SLICE("yes") : SLICE("no")},
	};

	template_write(body, web_asset_get("error/error.html")->content, values, ARRAY_LEN(values));
}

static void reply_write_html(struct buf *out, struct reply *reply)
{
	reply->content_type = SLICE("text/html; charset=utf-8");
	reply->content_security_policy = "default-src 'none'; style-src 'unsafe-inline'";
	reply_write(out, reply);
}

struct reply_audience reply_audience_of(const struct http_head *request)
{
	return (struct reply_audience) {
		.format = accept_choose(request),
		.head_only = request && request->method_id == HTTP_HEAD,
		.http_1_0 = request && request->minor == 0,
	};
}

void reply_write_error(struct buf *out, const struct visitor_fault *fault,
	struct reply_audience audience, struct slice request_id, bool keep_alive)
{
	const struct visitor_error_info *info = visitor_error_get(fault->error);
	struct buf body = {0};
	struct reply reply = {
		.status = info->status,
		.reason = info->reason,
		.code = info->code,
		.request_id = request_id,
		.retry_after_s = fault->retry_after_s,
		.allow = fault->allow,
		.www_authenticate = fault->www_authenticate,
		.head_only = audience.head_only,
		.close = !keep_alive,
		.say_keep_alive = keep_alive && audience.http_1_0,
	};

	switch (audience.format) {
	case ACCEPT_HTML:
		reply_error_html(&body, fault, request_id);
		reply.body = buf_slice(&body);
		reply_write_html(out, &reply);
		break;
	case ACCEPT_JSON:
		reply_error_json(&body, fault, request_id);
		reply.body = buf_slice(&body);
		reply_write_json(out, &reply);
		break;
	case ACCEPT_TEXT:
		reply_error_text(&body, fault, request_id);
		reply.body = buf_slice(&body);
		reply_write_text(out, &reply);
		break;
	}
	buf_release(&body);
}
