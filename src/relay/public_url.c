/* URLs made of the options and the request's host. */
#include "relay/public_url.h"

#include "proto/http_host.h"
#include "relay/relay_conf.h"

static uint16_t public_url_port(const struct relay_conf *conf, uint16_t listen_port)
{
	uint16_t proxy_port =
		relay_conf_is_https(conf) ? conf->https_proxy_port : conf->http_proxy_port;

	if (proxy_port)
		return proxy_port;
	return listen_port ? listen_port : conf->port;
}

static void public_url_write_scheme(struct buf *out, bool https)
{
	buf_append_str(out, https ? "https://" : "http://");
}

static void public_url_write_port(struct buf *out, bool https, uint16_t port)
{
	if (port == (https ? 443 : 80))
		return;
	buf_append_char(out, ':');
	buf_append_u64(out, port);
}

struct slice public_base_host(const struct relay_conf *conf, const struct http_host *request_host)
{
	if (conf->domain)
		return slice_from_str(conf->domain);
	if (!request_host || request_host->kind != HTTP_HOST_NAME || !request_host->len)
		return SLICE("localhost");
	return http_host_slice(request_host);
}

void public_url_write(struct buf *out, const struct relay_conf *conf, struct slice name,
	const struct http_host *request_host, uint16_t listen_port)
{
	bool https = relay_conf_is_https(conf);

	public_url_write_scheme(out, https);
	buf_append_slice(out, name);
	buf_append_char(out, '.');
	buf_append_slice(out, public_base_host(conf, request_host));
	public_url_write_port(out, https, public_url_port(conf, listen_port));
}

void public_url_write_host(
	struct buf *out, const struct relay_conf *conf, const struct http_host *request_host)
{
	if (!conf->domain && request_host && request_host->len)
		buf_append_slice(out, http_host_slice(request_host));
	else
		buf_append_slice(out, public_base_host(conf, request_host));
}

void public_url_write_base(struct buf *out, const struct relay_conf *conf,
	const struct http_host *request_host, uint16_t listen_port)
{
	uint16_t port = conf->admin_port ? conf->admin_port : public_url_port(conf, listen_port);
	/* A certificate of our own is not for the admin port. */
	bool https = conf->admin_port ? conf->secure : relay_conf_is_https(conf);

	public_url_write_scheme(out, https);
	public_url_write_host(out, conf, request_host);
	public_url_write_port(out, https, port);
}
