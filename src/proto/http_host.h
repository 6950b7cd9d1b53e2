/* Authorities and request targets: the routing key, in one canonical form. */
#ifndef PROTO_HTTP_HOST_H
#define PROTO_HTTP_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define HTTP_HOST_MAX 255

enum http_host_kind { HTTP_HOST_NAME, HTTP_HOST_IPV4, HTTP_HOST_IPV6 };

struct http_host {
	enum http_host_kind kind;
	bool has_port;
	uint16_t port;
	uint8_t len;
	char text[HTTP_HOST_MAX + 1]; /* lower case, no final dot, no port; IPv6 in brackets */
};

static inline struct slice http_host_slice(const struct http_host *host)
{
	return (struct slice) {host->text, host->len};
}

/* 0, or ERR_SYNTAX: user information, empty labels, labels over 63, odd bytes, bad port. */
MUST_CHECK int http_host_parse(struct slice authority, struct http_host *host_out);

enum http_target_form { HTTP_TARGET_ORIGIN, HTTP_TARGET_ABSOLUTE, HTTP_TARGET_ASTERISK };

struct http_target {
	enum http_target_form form;
	struct slice authority; /* of the absolute form */
	/* "/..." with the query; "/" when the absolute form has none. "http://a?q" means "/?q",
	 * which is nowhere in its bytes: then this is "?q", and the caller puts the slash in front.
	 */
	struct slice path;
};

/* 0, or ERR_SYNTAX. A fragment is refused; the authority form (CONNECT) as well. */
MUST_CHECK int http_target_parse(struct slice target, struct http_target *target_out);
/* The path without its query, and the query without the question mark (NULL when none). */
struct slice http_target_path(struct slice path_and_query);
struct slice http_target_query(struct slice path_and_query);
/* Whether the query has the parameter, with or without a value. */
bool http_query_has(struct slice query, struct slice name);
/* Percent-decodes into out (cut at its size, no NUL); ERR_SYNTAX for a bad escape, ERR_LIMIT. */
MUST_CHECK int http_percent_decode(struct slice text, char *out, size_t size, size_t *len_out);

#endif
