/*
 * Reads authorities and request targets. A host has one canonical text here, because it is the
 * key of the routing table: what two resolvers could take for different hosts is refused.
 */
#include "proto/http_host.h"

#include <arpa/inet.h>

#include "base/err.h"
#include "base/num.h"
#include "proto/http_char.h"

#define HTTP_LABEL_MAX 63
#define HTTP_PORT_DIGITS 5

/* An empty port stands for the default one (RFC 3986, 3.2.3). */
static int http_port_parse(struct slice text, struct http_host *host)
{
	uint64_t port;
	int err;

	if (!text.len)
		return 0;
	if (text.len > HTTP_PORT_DIGITS)
		return ERR_SYNTAX;
	err = num_parse_u64(text, &port);
	if (err < 0 || port > UINT16_MAX)
		return ERR_SYNTAX;
	host->has_port = true;
	host->port = (uint16_t)port;
	return 0;
}

static int http_host_parse_ipv6(struct slice literal, struct http_host *host)
{
	char text[INET6_ADDRSTRLEN + 1];
	struct in6_addr addr;

	if (literal.len >= sizeof(text) || memchr(literal.ptr, '\0', literal.len))
		return ERR_SYNTAX;
	slice_to_str(literal, text, sizeof(text));
	if (inet_pton(AF_INET6, text, &addr) != 1)
		return ERR_SYNTAX;
	host->kind = HTTP_HOST_IPV6;
	host->text[0] = '[';
	if (!inet_ntop(AF_INET6, &addr, host->text + 1, INET6_ADDRSTRLEN))
		return ERR_SYNTAX;
	host->len = (uint8_t)strlen(host->text);
	host->text[host->len++] = ']';
	host->text[host->len] = '\0';
	return 0;
}

/*
 * A host whose last label is a number is an IPv4 address to some readers, in up to four notations
 * ("127.1", "0x7f.1", "017700000001"); only the plain one gets through.
 */
static bool http_label_is_number(struct slice label)
{
	size_t digits = 0;

	while (digits < label.len && label.ptr[digits] >= '0' && label.ptr[digits] <= '9')
		digits++;
	return digits == label.len || (digits == 1 && label.ptr[0] == '0' && label.ptr[1] == 'x');
}

/* Eight bytes at a time. */
static void http_lower(char *out, struct slice s)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t word, upper;
	size_t at = 0;

	for (; s.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, s.ptr + at, sizeof(word));
		upper = (word & (ones * 0x7f)) + ones * (0x80 - 'A');
		upper &= ~((word & (ones * 0x7f)) + ones * (0x80 - 'Z' - 1)) & ~word;
		word |= (upper & (ones * 0x80)) >> 2;
		memcpy(out + at, &word, sizeof(word));
	}
	for (; at < s.len; at++) {
		char c = s.ptr[at];

		out[at] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
}

static int http_host_parse_name(struct slice name, struct http_host *host)
{
	struct slice rest, label = {NULL, 0};
	struct in_addr addr;

	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!name.len || name.len > HTTP_HOST_MAX)
		return ERR_SYNTAX;
	http_lower(host->text, name);
	host->len = (uint8_t)name.len;
	host->text[name.len] = '\0';
	for (rest = http_host_slice(host); slice_split(&rest, '.', &label);) {
		if (!label.len || label.len > HTTP_LABEL_MAX ||
			http_char_span(label, HTTP_CHAR_HOST) != label.len)
			return ERR_SYNTAX;
	}
	host->kind = HTTP_HOST_NAME;
	if (!http_label_is_number(label))
		return 0;
	host->kind = HTTP_HOST_IPV4;
	return inet_pton(AF_INET, host->text, &addr) == 1 ? 0 : ERR_SYNTAX;
}

int http_host_parse(struct slice authority, struct http_host *host_out)
{
	bool is_ipv6 = authority.len && authority.ptr[0] == '[';
	size_t end = slice_find(authority, is_ipv6 ? ']' : ':');
	int err;

	host_out->has_port = false;
	host_out->port = 0;
	if (is_ipv6) {
		if (end == authority.len)
			return ERR_SYNTAX;
		err = http_host_parse_ipv6(slice_of(authority.ptr + 1, end - 1), host_out);
		end++;
	} else {
		err = http_host_parse_name(slice_first(authority, end), host_out);
	}
	if (err < 0 || end == authority.len)
		return err;
	if (authority.ptr[end] != ':')
		return ERR_SYNTAX;
	return http_port_parse(slice_from(authority, end + 1), host_out);
}

static bool http_skip_fold(struct slice *s, struct slice prefix)
{
	if (s->len < prefix.len || !slice_eq_fold(slice_first(*s, prefix.len), prefix))
		return false;
	*s = slice_from(*s, prefix.len);
	return true;
}

int http_target_parse(struct slice target, struct http_target *target_out)
{
	struct slice rest = target;
	size_t end = 0;

	if (!target.len || http_char_target_span(target) != target.len)
		return ERR_SYNTAX;
	*target_out = (struct http_target) {HTTP_TARGET_ORIGIN, {NULL, 0}, target};
	if (target.ptr[0] == '/')
		return 0;
	if (slice_eq(target, SLICE("*"))) {
		target_out->form = HTTP_TARGET_ASTERISK;
		return 0;
	}
	if (!http_skip_fold(&rest, SLICE("http://")) && !http_skip_fold(&rest, SLICE("https://")))
		return ERR_SYNTAX;
	while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
		end++;
	if (!end)
		return ERR_SYNTAX;
	target_out->form = HTTP_TARGET_ABSOLUTE;
	target_out->authority = slice_first(rest, end);
	target_out->path = end < rest.len ? slice_from(rest, end) : SLICE("/");
	return 0;
}

struct slice http_target_path(struct slice path_and_query)
{
	return slice_first(path_and_query, slice_find(path_and_query, '?'));
}

struct slice http_target_query(struct slice path_and_query)
{
	size_t at = slice_find(path_and_query, '?');

	if (at == path_and_query.len)
		return (struct slice) {NULL, 0};
	return slice_from(path_and_query, at + 1);
}

bool http_query_has(struct slice query, struct slice name)
{
	struct slice part;

	while (slice_split(&query, '&', &part)) {
		if (slice_eq(slice_first(part, slice_find(part, '=')), name))
			return true;
	}
	return false;
}

int http_percent_decode(struct slice text, char *out, size_t size, size_t *len_out)
{
	uint64_t value;
	size_t len = 0;

	*len_out = 0;
	for (size_t i = 0; i < text.len; i++) {
		value = (unsigned char)text.ptr[i];
		if (text.ptr[i] == '%') {
			if (text.len - i < 3 ||
				num_parse_hex(slice_of(text.ptr + i + 1, 2), &value) < 0)
				return ERR_SYNTAX;
			i += 2;
		}
		if (len == size)
			return ERR_LIMIT;
		out[len++] = (char)value;
		*len_out = len;
	}
	return 0;
}
