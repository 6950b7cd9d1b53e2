/*
 * The rules are those of RFC 6265, 5.2 and 5.3: attributes end at every semicolon, a dot in front
 * of the domain does not count, and a host may name itself or what stands behind one of its dots.
 */
#include "agent/local_http_cookie.h"

#include "proto/http_host.h"

/* Browsers take no cookie for a whole top-level domain, unless that is the host itself. */
static bool local_http_cookie_covers(struct slice domain, struct slice authority)
{
	struct http_host host;
	struct slice name, behind;

	if (!authority.len || http_host_parse(authority, &host) != 0)
		return false;
	name = http_host_slice(&host);
	if (slice_eq(name, domain))
		return true;
	if (host.kind != HTTP_HOST_NAME || name.len <= domain.len ||
		slice_find(domain, '.') == domain.len)
		return false;
	behind = slice_from(name, name.len - domain.len);
	return behind.ptr[-1] == '.' && slice_eq(behind, domain);
}

static bool local_http_cookie_is_foreign(
	struct slice text, const struct local_http_cookie_hosts *hosts)
{
	struct http_host domain;
	bool is_own = false;

	if (text.len && text.ptr[0] == '.')
		text = slice_from(text, 1);
	if (http_host_parse(text, &domain) != 0 || domain.has_port)
		return false;
	for (size_t i = 0; i < LOCAL_HTTP_COOKIE_OWN && !is_own; i++)
		is_own = local_http_cookie_covers(http_host_slice(&domain), hosts->own[i]);
	return is_own && !local_http_cookie_covers(http_host_slice(&domain), hosts->visitor);
}

bool local_http_cookie_next(struct slice value, const struct local_http_cookie_hosts *hosts,
	size_t *at, struct slice *attribute_out)
{
	struct slice rest, piece;
	size_t equals;

	for (;;) {
		rest = slice_from(value, *at);
		rest = slice_from(rest, slice_find(rest, ';'));
		if (!rest.len)
			return false;
		piece = slice_from(rest, 1);
		piece = slice_first(piece, slice_find(piece, ';'));
		*attribute_out = slice_first(rest, 1 + piece.len);
		*at = (size_t)(rest.ptr - value.ptr) + 1 + piece.len;
		equals = slice_find(piece, '=');
		if (slice_eq_fold(slice_trim(slice_first(piece, equals)), SLICE("domain")) &&
			local_http_cookie_is_foreign(
				slice_trim(slice_from(piece, equals + 1)), hosts))
			return true;
	}
}
