/* Fills the page of web/landing with this relay's addresses. */
#include "relay/landing.h"

#include "base/attr.h"
#include "base/slice.h"
#include "proto/http_head.h"
#include "relay/public_url.h"
#include "relay/relay_conf.h"
#include "relay/reply.h"
#include "relay/template.h"
#include "relay/web_asset.h"

static void landing_reply(struct buf *out, struct slice page, const char *script_hash,
	const struct http_head *request, bool keep_alive)
{
	struct buf policy = {0};
	struct reply reply = {
		.status = 200,
		.content_type = SLICE("text/html; charset=utf-8"),
		.body = page,
		.head_only = request->method_id == HTTP_HEAD,
		.close = !keep_alive,
		.say_keep_alive = keep_alive && request->minor == 0,
	};

	buf_printf(&policy,
		"default-src 'none'; style-src 'unsafe-inline'; script-src %s; base-uri 'none'; "
		"form-action 'none'; frame-ancestors 'none'",
		script_hash);
	buf_append_char(&policy, '\0');
	reply.content_security_policy = buf_slice(&policy).ptr;
	reply_write(out, &reply);
	buf_release(&policy);
}

void landing_write(struct buf *out, const struct landing_view *view,
	const struct http_head *request, bool keep_alive)
{
	const struct web_asset *asset = web_asset_get("landing/index.html");
	const struct relay_conf *conf = view->conf;
	struct buf base = {0}, example = {0}, page = {0};

	public_url_write_base(&base, conf, view->request_host, view->listen_port);
	public_url_write(
		&example, conf, SLICE("clever-wombat-42"), view->request_host, view->listen_port);
	template_write(&page, asset->content,
		(const struct template_value[]) {
			{"base_url", buf_slice(&base)},
			{"example_url", buf_slice(&example)},
			{"host", public_base_host(conf, view->request_host)},
			{"access", conf->hmac_secret ? SLICE("signed") : SLICE("open")},
		},
		4);
	landing_reply(out, buf_slice(&page), asset->script_hash, request, keep_alive);
	buf_release(&base);
	buf_release(&example);
	buf_release(&page);
}
