/* Origins and local paths as browsers read them, which is laxer than one would like. */
#include "relay/gate_return.h"

#include "proto/http_head.h"
#include "proto/http_host.h"

bool gate_return_is_own(struct slice path)
{
	struct slice prefix = SLICE(GATE_PATH);

	return slice_starts(path, prefix) || slice_eq(path, slice_first(prefix, prefix.len - 1));
}

/*
 * A browser takes a backslash for a slash, leaves tabs and line ends out, and reads what begins
 * with two slashes as another host.
 */
static bool gate_return_is_local(struct slice wanted)
{
	if (!wanted.len || wanted.len > GATE_RETURN_MAX || wanted.ptr[0] != '/')
		return false;
	if (wanted.len > 1 && wanted.ptr[1] == '/')
		return false;
	for (size_t i = 0; i < wanted.len; i++) {
		unsigned char c = (unsigned char)wanted.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '\\')
			return false;
	}
	return !gate_return_is_own(http_target_path(wanted));
}

struct slice gate_return_path(struct slice wanted)
{
	return gate_return_is_local(wanted) ? wanted : SLICE("/");
}

/* "https://demo.example.com:8443" against the host of the request. */
static bool gate_return_is_origin(struct slice origin, const struct http_host *host)
{
	struct slice http = SLICE("http://"), https = SLICE("https://");
	struct http_host named;

	if (slice_starts(origin, https))
		origin = slice_from(origin, https.len);
	else if (slice_starts(origin, http))
		origin = slice_from(origin, http.len);
	else
		return false;
	if (http_host_parse(origin, &named) != 0 ||
		!slice_eq(http_host_slice(&named), http_host_slice(host)))
		return false;
	/* A proxy in front may leave the port out of Host. */
	return !named.has_port || !host->has_port || named.port == host->port;
}

bool gate_return_is_same_origin(const struct http_head *head, const struct http_host *host)
{
	const struct http_field *origin = http_head_get(head, HTTP_FIELD_ORIGIN);
	const struct http_field *site = http_head_get(head, HTTP_FIELD_SEC_FETCH_SITE);

	if (http_head_count(head, HTTP_FIELD_ORIGIN) > 1 ||
		http_head_count(head, HTTP_FIELD_SEC_FETCH_SITE) > 1)
		return false;
	if (origin && !gate_return_is_origin(origin->value, host))
		return false;
	return !site || slice_eq(site->value, SLICE("same-origin")) ||
		slice_eq(site->value, SLICE("none"));
}
