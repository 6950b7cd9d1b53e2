/*
 * Values are tokens or quoted strings, and an IPv6 address stands in brackets, which takes quotes
 * (RFC 7239, 4 and 6). What is no address in X-Forwarded-For is "unknown" here.
 */
#include "relay/exchange_forwarded.h"

#include <arpa/inet.h>

#include "proto/http_char.h"
#include "proto/http_head.h"
#include "proto/http_host.h"

#define EXCHANGE_FORWARDED_LIST_MAX                                                                \
	1024u /* of X-Forwarded-For: each word may become a longer one */

static void exchange_forwarded_put(struct buf *out, struct slice value)
{
	if (value.len && http_char_span(value, HTTP_CHAR_TOKEN) == value.len) {
		buf_append_slice(out, value);
		return;
	}
	buf_append_char(out, '"');
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '"' || value.ptr[i] == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, value.ptr[i]);
	}
	buf_append_char(out, '"');
}

static bool exchange_forwarded_is_ipv6(struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (text.len >= sizeof(copy))
		return false;
	slice_to_str(text, copy, sizeof(copy));
	return inet_pton(AF_INET6, copy, &addr) == 1;
}

/* An address as X-Forwarded-For has it: with a port or without, IPv6 in brackets or bare. */
static void exchange_forwarded_put_node(struct buf *out, struct slice node)
{
	struct http_host host;

	if (exchange_forwarded_is_ipv6(node))
		buf_printf(out, "\"[%.*s]\"", SLICE_ARG(node));
	else if (http_host_parse(node, &host) == 0 && host.kind != HTTP_HOST_NAME)
		exchange_forwarded_put(out, node);
	else
		buf_append_slice(out, SLICE("unknown"));
}

/* The address of a socket needs no second look. */
static void exchange_forwarded_put_peer(struct buf *out, struct slice peer)
{
	if (slice_find(peer, ':') == peer.len)
		buf_append_slice(out, peer);
	else
		exchange_forwarded_put_node(out, peer);
}

static void exchange_forwarded_begin_hop(struct buf *out, bool is_first)
{
	buf_append_slice(out, is_first ? SLICE("Forwarded: for=") : SLICE(", for="));
}

/* The first hop is the visitor's: it is what host and proto are about. */
static void exchange_forwarded_end_hop(
	struct buf *out, const struct exchange_forwarded *f, bool is_first)
{
	if (!is_first)
		return;
	if (f->host.len && f->host.len <= HTTP_HOST_MAX) {
		buf_append_slice(out, SLICE(";host="));
		exchange_forwarded_put(out, f->host);
	}
	if (f->proto.len && http_char_span(f->proto, HTTP_CHAR_TOKEN) == f->proto.len) {
		buf_append_slice(out, SLICE(";proto="));
		buf_append_slice(out, f->proto);
	}
}

static void exchange_forwarded_put_last(
	struct buf *out, const struct exchange_forwarded *f, bool is_first)
{
	exchange_forwarded_begin_hop(out, is_first);
	exchange_forwarded_put_peer(out, f->peer);
	exchange_forwarded_end_hop(out, f, is_first);
	buf_append_slice(out, SLICE("\r\n"));
}

/* Goes through the values of one field; false behind the last that is not empty. */
static bool exchange_forwarded_next(
	const struct http_head *head, enum http_field_id id, unsigned *at, struct slice *value_out)
{
	while (*at < head->field_count) {
		const struct http_field *field = &head->fields[(*at)++];

		*value_out = field->value;
		if (field->id == id && field->value.len)
			return true;
	}
	return false;
}

/* The proxy's own words, and the proxy behind them. False when it has said none. */
static bool exchange_forwarded_extend(struct buf *out, const struct exchange_forwarded *f)
{
	struct slice value;
	unsigned at = 0;
	bool is_first = true;

	while (exchange_forwarded_next(f->head, HTTP_FIELD_FORWARDED, &at, &value)) {
		buf_append_slice(out, is_first ? SLICE("Forwarded: ") : SLICE(", "));
		buf_append_slice(out, value);
		is_first = false;
	}
	if (is_first)
		return false;
	exchange_forwarded_put_last(out, f, false);
	return true;
}

/* The same from X-Forwarded-For, which may be absent. */
static void exchange_forwarded_translate(struct buf *out, const struct exchange_forwarded *f)
{
	struct slice value, node;
	unsigned at = 0;
	size_t len = 0;
	bool is_first = true;

	while (exchange_forwarded_next(f->head, HTTP_FIELD_X_FORWARDED_FOR, &at, &value))
		len += value.len;
	if (len > EXCHANGE_FORWARDED_LIST_MAX)
		return;
	at = 0;
	while (exchange_forwarded_next(f->head, HTTP_FIELD_X_FORWARDED_FOR, &at, &value)) {
		while (slice_split(&value, ',', &node)) {
			node = slice_trim(node);
			if (!node.len)
				continue;
			exchange_forwarded_begin_hop(out, is_first);
			exchange_forwarded_put_node(out, node);
			exchange_forwarded_end_hop(out, f, is_first);
			is_first = false;
		}
	}
	exchange_forwarded_put_last(out, f, is_first);
}

void exchange_forwarded_write(struct buf *out, const struct exchange_forwarded *f)
{
	if (!f->head)
		exchange_forwarded_put_last(out, f, true);
	else if (!exchange_forwarded_extend(out, f))
		exchange_forwarded_translate(out, f);
}
