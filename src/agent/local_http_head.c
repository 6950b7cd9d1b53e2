/*
 * Host is replaced always. Origin and Referer are replaced where they name the host that the
 * request was for: what another site says about itself stays as it is, or checks against forged
 * requests would have nothing to check. Some of these compare Origin with X-Forwarded-Host, and
 * with Host only where that is missing (Next.js, Remix): it goes with Origin.
 */
#include "agent/local_http_head.h"

#include "proto/http1_write.h"
#include "proto/http_host.h"

static bool local_http_head_is_referer(const struct http_field *field)
{
	return field->id == HTTP_FIELD_OTHER && slice_eq_fold(field->name, SLICE("referer"));
}

static bool local_http_head_skip(struct slice *s, struct slice prefix)
{
	if (s->len < prefix.len || !slice_eq_fold(slice_first(*s, prefix.len), prefix))
		return false;
	*s = slice_from(*s, prefix.len);
	return true;
}

/* An authority without a port means the scheme's; in Host the scheme is not known. */
static bool local_http_head_is_port(
	const struct http_host *named, const struct http_host *host, unsigned usual)
{
	unsigned port = named->has_port ? named->port : usual;

	return host->has_port ? host->port == port : port == usual;
}

bool local_http_head_names(struct slice url, struct slice host, struct slice *rest_out)
{
	struct slice rest = url;
	bool is_https = local_http_head_skip(&rest, SLICE("https://"));
	struct http_host named, wanted;
	size_t end = 0;

	if (!is_https && !local_http_head_skip(&rest, SLICE("http://")))
		return false;
	while (end < rest.len && !memchr("/?#", rest.ptr[end], 3))
		end++;
	*rest_out = slice_from(rest, end);
	if (http_host_parse(slice_first(rest, end), &named) != 0 ||
		http_host_parse(host, &wanted) != 0)
		return false;
	return slice_eq(http_host_slice(&named), http_host_slice(&wanted)) &&
		local_http_head_is_port(&named, &wanted, is_https ? 443 : 80);
}

static void local_http_head_write_url(
	struct buf *out, const struct http_field *field, struct slice origin, struct slice rest)
{
	buf_append_slice(out, field->name);
	buf_append_slice(out, SLICE(": "));
	buf_append_slice(out, origin);
	buf_append_slice(out, rest);
	buf_append_slice(out, SLICE("\r\n"));
}

void local_http_head_write(
	struct buf *out, const struct http_head *head, const struct local_http_names *names)
{
	struct slice host = http_head_value(head, HTTP_FIELD_HOST), rest;
	bool is_own = names->origin.len &&
		local_http_head_names(http_head_value(head, HTTP_FIELD_ORIGIN), host, &rest);

	http1_write_request_line(out, head->method, head->target);
	if (!host.ptr)
		http1_write_field(out, SLICE("Host"), names->host);
	for (unsigned i = 0; i < head->field_count; i++) {
		const struct http_field *field = &head->fields[i];
		bool is_url = names->origin.len &&
			(field->id == HTTP_FIELD_ORIGIN || local_http_head_is_referer(field));

		if (field->id == HTTP_FIELD_HOST ||
			(is_own && field->id == HTTP_FIELD_X_FORWARDED_HOST))
			http1_write_field(out, field->name, names->host);
		else if (is_url && local_http_head_names(field->value, host, &rest))
			local_http_head_write_url(out, field, names->origin, rest);
		else
			http1_write_field(out, field->name, field->value);
	}
	http1_write_head_end(out);
}
