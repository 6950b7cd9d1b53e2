/*
 * A request, rewritten for the tunnel and read again: it must be accepted, have the same body, and
 * have exactly the fields that the rules leave or add. The first byte sets the options.
 */
#include "base/check.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"
#include "proto/http_hop.h"
#include "proto/http_host.h"
#include "relay/exchange_head.h"
#include "relay/relay_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEER SLICE("192.0.2.7")
#define FOR_PEER SLICE("for=192.0.2.7")
#define REQUEST_ID SLICE("0123456789abcdef")

#define TRANSLATED_MAX 1024u

enum { OPTION_FORWARDED = 1, OPTION_TRUST = 2, OPTION_SECURE = 4, OPTION_FIELD = 8 };

static const struct http1_limits limits = {1 << 20, 1 << 22, HTTP_FIELDS_MAX - 16};
static const struct http1_limits wide_limits = {1 << 21, 1 << 23, HTTP_FIELDS_MAX};

static struct http_head before, after;
static struct relay_conf conf;
static struct exchange_head_request request;
static struct http1_body body;
static struct slice host; /* that the request is for */

/* ---- the rules, written down a second time ---- */

static bool is_any_of(enum http_field_id id, const enum http_field_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

static bool is_origin(enum http_field_id id)
{
	static const enum http_field_id ids[] = {HTTP_FIELD_X_FORWARDED_FOR,
		HTTP_FIELD_X_FORWARDED_PROTO, HTTP_FIELD_X_FORWARDED_HOST, HTTP_FIELD_X_REQUEST_ID,
		HTTP_FIELD_FORWARDED, HTTP_FIELD_X_REAL_IP};

	return is_any_of(id, ids, ARRAY_LEN(ids));
}

static bool is_protected(enum http_field_id id)
{
	return id == HTTP_FIELD_HOST || id == HTTP_FIELD_CONTENT_LENGTH ||
		(is_origin(id) && id != HTTP_FIELD_X_REAL_IP);
}

static bool is_hop(enum http_field_id id)
{
	static const enum http_field_id ids[] = {HTTP_FIELD_CONNECTION, HTTP_FIELD_KEEP_ALIVE,
		HTTP_FIELD_PROXY_CONNECTION, HTTP_FIELD_PROXY_AUTHENTICATE,
		HTTP_FIELD_PROXY_AUTHORIZATION, HTTP_FIELD_TE, HTTP_FIELD_TRANSFER_ENCODING,
		HTTP_FIELD_UPGRADE};

	return is_any_of(id, ids, ARRAY_LEN(ids));
}

/* One of these with an underscore or more: never believed. */
static bool is_origin_alias(const struct http_field *field)
{
	static const struct slice names[] = {{"x-forwarded-for", 15}, {"x-forwarded-proto", 17},
		{"x-forwarded-host", 16}, {"x-request-id", 12}, {"x-real-ip", 9}};
	struct buf name = {0};
	bool is = false;

	for (size_t i = 0; i < field->name.len; i++)
		buf_append_char(&name, field->name.ptr[i] == '_' ? '-' : field->name.ptr[i]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		is |= field->id == HTTP_FIELD_OTHER && slice_eq_fold(names[i], buf_slice(&name));
	buf_release(&name);
	return is;
}

/* Nominations beyond a number nominate everything; the marks say so, and are tested elsewhere. */
static bool passes(const struct http_field *field)
{
	bool believed = conf.trust_proxy && field->id != HTTP_FIELD_X_FORWARDED_FOR;

	if (conf.forwarded_field && field->id == HTTP_FIELD_FORWARDED)
		believed = false; /* it is in ours */
	if (is_hop(field->id))
		return request.upgrade &&
			(field->id == HTTP_FIELD_CONNECTION || field->id == HTTP_FIELD_UPGRADE);
	if (field->id == HTTP_FIELD_EXPECT && before.minor == 0)
		return false;
	if (conf.forwarded && ((is_origin(field->id) && !believed) || is_origin_alias(field)))
		return false;
	return !field->hop;
}

/* ---- checks of what came out ---- */

static void check_field(const struct http_field *was, const struct http_field *is)
{
	CHECK(slice_eq(was->name, is->name));
	if (was->id == HTTP_FIELD_CONNECTION)
		return; /* looked at below */
	CHECK(slice_eq(is->value, was->id == HTTP_FIELD_HOST ? host : was->value));
}

/* Of a trusted proxy, in all fields of the kind. */
static size_t said(enum http_field_id id)
{
	size_t len = 0;

	for (unsigned i = 0; i < before.field_count; i++)
		len += before.fields[i].id == id ? before.fields[i].value.len : 0;
	return len;
}

/* Whether a field of this kind has to stand behind those that passed. */
static bool is_appended(enum http_field_id id)
{
	bool trailers =
		!request.upgrade && http_head_has_token(&before, HTTP_FIELD_TE, SLICE("trailers"));

	if (id == HTTP_FIELD_TRANSFER_ENCODING)
		return body.kind == HTTP1_BODY_CHUNKED;
	if (id == HTTP_FIELD_TE || id == HTTP_FIELD_CONNECTION)
		return trailers;
	if (!conf.forwarded)
		return false;
	if (id == HTTP_FIELD_X_FORWARDED_FOR)
		return true;
	if (id == HTTP_FIELD_FORWARDED)
		return conf.forwarded_field &&
			(!conf.trust_proxy || said(HTTP_FIELD_FORWARDED) ||
				said(HTTP_FIELD_X_FORWARDED_FOR) <= TRANSLATED_MAX);
	return (id == HTTP_FIELD_X_FORWARDED_PROTO || id == HTTP_FIELD_X_FORWARDED_HOST ||
		       id == HTTP_FIELD_X_REQUEST_ID) &&
		(!conf.trust_proxy || !before.first[id]);
}

static struct slice appended_value(enum http_field_id id)
{
	if (id == HTTP_FIELD_TRANSFER_ENCODING)
		return SLICE("chunked");
	if (id == HTTP_FIELD_TE)
		return SLICE("trailers");
	if (id == HTTP_FIELD_CONNECTION)
		return SLICE("TE");
	if (id == HTTP_FIELD_X_FORWARDED_PROTO)
		return conf.secure ? SLICE("https") : SLICE("http");
	if (id == HTTP_FIELD_X_FORWARDED_HOST)
		return host;
	return REQUEST_ID;
}

static void check_appended(unsigned at)
{
	bool seen[HTTP_FIELD_COUNT] = {false};

	for (; at < after.field_count; at++) {
		const struct http_field *field = &after.fields[at];

		CHECK(is_appended(field->id) && !seen[field->id]);
		seen[field->id] = true;
		if (field->id == HTTP_FIELD_X_FORWARDED_FOR)
			CHECK(conf.trust_proxy ? slice_ends(field->value, PEER)
					       : slice_eq(field->value, PEER));
		else if (field->id == HTTP_FIELD_FORWARDED)
			CHECK(conf.trust_proxy ? memmem(field->value.ptr, field->value.len,
							 FOR_PEER.ptr, FOR_PEER.len) != NULL
					       : slice_starts(field->value, FOR_PEER));
		else
			CHECK(slice_eq(field->value, appended_value(field->id)));
	}
	for (unsigned id = 1; id < HTTP_FIELD_COUNT; id++)
		CHECK(seen[id] == is_appended(id));
}

static void check_fields(void)
{
	unsigned at = 0;

	if (!before.first[HTTP_FIELD_HOST])
		CHECK(slice_eq(after.fields[at++].value, host));
	for (unsigned i = 0; i < before.field_count; i++) {
		if (!passes(&before.fields[i]))
			continue;
		CHECK(at < after.field_count);
		check_field(&before.fields[i], &after.fields[at++]);
	}
	check_appended(at);
	CHECK(http_head_count(&after, HTTP_FIELD_HOST) == 1);
	for (unsigned i = 0; i < after.field_count; i++) {
		const struct http_field *field = &after.fields[i];

		CHECK(is_hop(field->id) || is_protected(field->id) || is_appended(field->id) ||
			!http_head_has_token(&before, HTTP_FIELD_CONNECTION, field->name));
	}
}

/* What stands in Connection names nothing but what is there on purpose. */
static void check_connection(void)
{
	for (unsigned i = 0; i < after.field_count; i++) {
		struct slice rest = after.fields[i].value, token;

		if (after.fields[i].id != HTTP_FIELD_CONNECTION)
			continue;
		while (slice_split(&rest, ',', &token)) {
			token = slice_trim(token);
			CHECK(request.upgrade ? slice_eq_fold(token, SLICE("upgrade")) ||
						slice_eq_fold(token, SLICE("keep-alive"))
					      : slice_eq(token, SLICE("TE")));
		}
	}
	CHECK(http_hop_keeps_alive(&after));
	CHECK(http_hop_wants_upgrade(&after) == request.upgrade);
}

static void check_rewritten(struct slice out)
{
	struct http1_parser parser = {0};
	struct http1_body framing;

	CHECK(http1_parse_request(&parser, out, &wide_limits, &after) == PARSE_DONE);
	CHECK(after.size == out.len && after.minor == 1);
	CHECK(slice_eq(after.method, before.method) && slice_eq(after.target, request.path));
	CHECK(http1_body_of_request(&after, &framing) == HTTP_FAULT_NONE);
	CHECK(framing.kind == body.kind && framing.left == body.left);
	check_fields();
	check_connection();
}

/* ---- what the relay finds out before it rewrites ---- */

/* Whether the relay would pass the request on. */
static bool read_request(struct slice in, struct buf *path)
{
	struct http1_parser parser = {0};
	struct http_target target;
	struct http_host parsed;

	if (http1_parse_request(&parser, in, &limits, &before) != PARSE_DONE ||
		before.method_id == HTTP_CONNECT ||
		http1_body_of_request(&before, &body) != HTTP_FAULT_NONE ||
		http_target_parse(before.target, &target) != 0)
		return false;
	host = target.authority.len ? target.authority : http_head_value(&before, HTTP_FIELD_HOST);
	if (!host.len || http_host_parse(host, &parsed) != 0)
		return false;
	if (target.path.ptr[0] == '?')
		buf_append_char(path, '/');
	buf_append_slice(path, target.path);
	request = (struct exchange_head_request) {
		.head = &before,
		.conf = &conf,
		.path = buf_slice(path),
		.authority = target.authority,
		.peer = PEER,
		.request_id = REQUEST_ID,
		.chunked = body.kind == HTTP1_BODY_CHUNKED,
		.upgrade = http_hop_wants_upgrade(&before),
	};
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf path = {0}, out = {0};

	if (!size)
		return 0;
	conf = (struct relay_conf) {
		.forwarded = data[0] & OPTION_FORWARDED,
		.trust_proxy = data[0] & OPTION_TRUST,
		.secure = data[0] & OPTION_SECURE,
		.forwarded_field = data[0] & OPTION_FIELD,
	};
	if (read_request(slice_of(data + 1, size - 1), &path)) {
		http_hop_mark(&before);
		exchange_head_write_request(&out, &request);
		check_rewritten(buf_slice(&out));
	}
	buf_release(&path);
	buf_release(&out);
	return 0;
}
