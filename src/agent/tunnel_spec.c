/*
 * Reads targets as people write them, and copies and compares what a tunnel should be. What is
 * accepted is kept in one form only, so that equal targets are equal texts.
 */
#include "agent/tunnel_spec.h"

#include <sys/un.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/http_host.h"

#define TARGET_HTTP_PORT 80
#define TARGET_HTTPS_PORT 443
#define TARGET_SHOWN_MAX 80u /* of a text that is refused */

/* A dev server listens on one family of the loopback or on both: the name stands for either. */
#define TARGET_HOST "localhost"

/* The text goes to a terminal: what could move its cursor is left out. */
static int target_refuse(struct buf *why, struct slice text, const char *reason, int err)
{
	buf_append_char(why, '"');
	for (size_t i = 0; i < text.len && i < TARGET_SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		buf_append_char(why, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
	buf_append_str(why, text.len > TARGET_SHOWN_MAX ? "..." : "");
	buf_printf(why, "\" %s", reason);
	return err;
}

static int target_refuse_form(struct buf *why, struct slice text, enum tunnel_proto proto)
{
	return target_refuse(why, text,
		proto == TUNNEL_HTTP
			? "is not a local service: write 3000, host:3000, "
			  "http://host:3000, https://host:8443 or unix:/path"
			: "is not a local service: write 5432, host:5432 or unix:/path",
		ERR_SYNTAX);
}

static bool target_skip_fold(struct slice *s, struct slice prefix)
{
	if (s->len < prefix.len || !slice_eq_fold(slice_first(*s, prefix.len), prefix))
		return false;
	*s = slice_from(*s, prefix.len);
	return true;
}

static bool target_is_digits(struct slice text)
{
	size_t n = 0;

	while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
		n++;
	return n && n == text.len;
}

static int target_parse_port(struct slice text, struct slice digits, uint16_t *out, struct buf *why)
{
	uint64_t port;

	if (num_parse_u64(digits, &port) != 0 || !port || port > UINT16_MAX)
		return target_refuse(why, text, "has no port from 1 to 65535 in it", ERR_RANGE);
	*out = (uint16_t)port;
	return 0;
}

static int target_parse_path(
	struct slice text, struct slice path, struct target *out, struct buf *why)
{
	if (!path.len || memchr(path.ptr, '\0', path.len))
		return target_refuse(why, text, "names no socket: write unix:/path", ERR_SYNTAX);
	if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return target_refuse(
			why, text, "has a path that is too long for a socket", ERR_RANGE);
	out->path = mem_dup_str(path.ptr, path.len);
	return 0;
}

/* The digits behind the last colon that is no part of an IPv6 address. */
static struct slice target_port_of(struct slice authority)
{
	size_t colon = slice_find_last(authority, ':');
	size_t bracket = slice_find_last(authority, ']');

	if (colon == authority.len || (bracket != authority.len && colon < bracket))
		return slice_of(NULL, 0);
	return slice_from(authority, colon + 1);
}

/* "unix:80" would be a path: where no scheme stands in front, there is no host of this name. */
static bool target_is_host(const struct http_host *host, enum tunnel_proto proto)
{
	if (host->text[0] == '-')
		return false;
	return proto == TUNNEL_HTTP || !slice_eq(http_host_slice(host), SLICE("unix"));
}

static char *target_dup_host(const struct http_host *host)
{
	bool is_ipv6 = host->kind == HTTP_HOST_IPV6;

	return mem_dup_str(host->text + is_ipv6, (size_t)host->len - (is_ipv6 ? 2 : 0));
}

int target_parse(
	struct slice text, enum tunnel_proto proto, struct target *out, struct buf *why_out)
{
	struct slice rest = text, digits;
	bool is_url = false;
	struct http_host host;

	*out = (struct target) {0};
	if (target_skip_fold(&rest, SLICE("unix:")))
		return target_parse_path(text, rest, out, why_out);
	if (proto == TUNNEL_HTTP) {
		out->tls = target_skip_fold(&rest, SLICE("https://"));
		is_url = out->tls || target_skip_fold(&rest, SLICE("http://"));
		if (is_url && slice_ends(rest, SLICE("/")))
			rest.len--;
		if (is_url && slice_find(rest, '/') != rest.len)
			return target_refuse(why_out, text,
				"has a path: a tunnel leads to the whole of a service", ERR_SYNTAX);
	}
	digits = !is_url && target_is_digits(rest) ? rest : target_port_of(rest);
	out->port = out->tls ? TARGET_HTTPS_PORT : proto == TUNNEL_HTTP ? TARGET_HTTP_PORT : 0;
	if (target_is_digits(digits) && target_parse_port(text, digits, &out->port, why_out) != 0)
		return ERR_RANGE;
	if (digits.ptr && digits.ptr == rest.ptr) {
		out->host = mem_dup_str(TARGET_HOST, strlen(TARGET_HOST));
		return 0;
	}
	if (http_host_parse(rest, &host) != 0 || !target_is_host(&host, proto) || !out->port ||
		(!host.has_port && slice_ends(rest, SLICE(":"))))
		return target_refuse_form(why_out, text, proto);
	out->host = target_dup_host(&host);
	return 0;
}

static void target_print_authority(struct buf *out, const struct target *t, unsigned usual_port)
{
	buf_printf(out, strchr(t->host, ':') ? "[%s]" : "%s", t->host);
	if (t->port != usual_port)
		buf_printf(out, ":%u", t->port);
}

void target_print(struct buf *out, const struct target *t, enum tunnel_proto proto)
{
	if (t->path) {
		buf_printf(out, "unix:%s", t->path);
		return;
	}
	if (proto == TUNNEL_TCP) {
		target_print_authority(out, t, 0);
		return;
	}
	buf_append_str(out, t->tls ? "https://" : "http://");
	target_print_host(out, t);
}

void target_print_host(struct buf *out, const struct target *t)
{
	if (t->path)
		buf_append_str(out, TARGET_HOST);
	else
		target_print_authority(out, t, t->tls ? TARGET_HTTPS_PORT : TARGET_HTTP_PORT);
}

const char *target_tls_name(const struct target *t)
{
	return t->name ? t->name : t->host;
}

int target_set_name(struct target *t, const char *name, struct buf *why_out)
{
	struct slice text = slice_from_str(name);
	struct http_host host;

	if (!name)
		return 0;
	if (http_host_parse(text, &host) != 0 || host.has_port)
		return target_refuse(why_out, text,
			"is no name that a certificate is for: write dev.local or an address",
			ERR_SYNTAX);
	mem_free(t->name);
	t->name = target_dup_host(&host);
	return 0;
}

void target_deinit(struct target *t)
{
	mem_free(t->host);
	mem_free(t->path);
	mem_free(t->name);
	*t = (struct target) {0};
}

void tunnel_spec_deinit(struct tunnel_spec *spec)
{
	target_deinit(&spec->target);
	mem_free(spec->label);
	mem_free(spec->subdomain);
	mem_free(spec->host_header);
	mem_free(spec->ca_file);
	tunnel_guard_deinit(&spec->guard);
	*spec = (struct tunnel_spec) {0};
}

static char *tunnel_spec_dup(const char *text)
{
	return text ? mem_dup_str(text, strlen(text)) : NULL;
}

void tunnel_spec_copy(struct tunnel_spec *to, const struct tunnel_spec *from)
{
	*to = *from;
	to->label = tunnel_spec_dup(from->label);
	to->target.host = tunnel_spec_dup(from->target.host);
	to->target.path = tunnel_spec_dup(from->target.path);
	to->target.name = tunnel_spec_dup(from->target.name);
	to->subdomain = tunnel_spec_dup(from->subdomain);
	to->host_header = tunnel_spec_dup(from->host_header);
	to->ca_file = tunnel_spec_dup(from->ca_file);
	tunnel_guard_copy(&to->guard, &from->guard);
}

/* A text that is not there differs from an empty one. */
static bool tunnel_spec_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool tunnel_spec_is_equal(const struct tunnel_spec *a, const struct tunnel_spec *b)
{
	return tunnel_spec_same(a->label, b->label) && a->proto == b->proto &&
		tunnel_spec_same(a->target.host, b->target.host) &&
		tunnel_spec_same(a->target.path, b->target.path) &&
		a->target.port == b->target.port && a->target.tls == b->target.tls &&
		tunnel_spec_same(a->target.name, b->target.name) &&
		tunnel_spec_same(a->subdomain, b->subdomain) && a->remote_port == b->remote_port &&
		tunnel_spec_same(a->host_header, b->host_header) && a->verify == b->verify &&
		tunnel_spec_same(a->ca_file, b->ca_file) &&
		a->proxy_protocol == b->proxy_protocol &&
		tunnel_guard_is_equal(&a->guard, &b->guard);
}
