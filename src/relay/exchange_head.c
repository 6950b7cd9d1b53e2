/* Serialising the heads of both directions from what was parsed; nothing passes unseen. */
#include "relay/exchange_head.h"

#include "base/attr.h"
#include "proto/http1_write.h"
#include "proto/http_cookie.h"
#include "proto/http_head.h"
#include "relay/exchange_forwarded.h"
#include "relay/relay_conf.h"
#include "relay/tunnel_gate.h"

/* Fields that tell where a request came from. Only a trusted proxy's are believed. */
static bool exchange_head_is_origin_field(enum http_field_id id)
{
	return id == HTTP_FIELD_X_FORWARDED_FOR || id == HTTP_FIELD_X_FORWARDED_PROTO ||
		id == HTTP_FIELD_X_FORWARDED_HOST || id == HTTP_FIELD_X_REQUEST_ID ||
		id == HTTP_FIELD_FORWARDED || id == HTTP_FIELD_X_REAL_IP;
}

static char exchange_head_fold(char c)
{
	if (c == '_')
		return '-';
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* One of these spelled with an underscore: much that runs behind us cannot tell the two apart. No
 * proxy sends that, so that it is never believed. */
static bool exchange_head_is_origin_alias(const struct http_field *field)
{
	static const char *const names[] = {"x-forwarded-for", "x-forwarded-proto",
		"x-forwarded-host", "x-request-id", "x-real-ip"};

	if (field->id != HTTP_FIELD_OTHER || exchange_head_fold(field->name.ptr[0]) != 'x')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t at = 0;

		while (at < field->name.len &&
			names[i][at] == exchange_head_fold(field->name.ptr[at]))
			at++;
		if (at == field->name.len && !names[i][at])
			return true;
	}
	return false;
}

static bool exchange_head_is_replaced(
	const struct exchange_head_request *r, const struct http_field *field)
{
	if (field->id == HTTP_FIELD_EXPECT)
		return r->head->minor == 0; /* RFC 9110, 10.1.1: ignored from HTTP/1.0 */
	if (!r->conf->forwarded)
		return false;
	if (!exchange_head_is_origin_field(field->id))
		return exchange_head_is_origin_alias(field);
	return !r->conf->trust_proxy || field->id == HTTP_FIELD_X_FORWARDED_FOR ||
		(r->conf->forwarded_field && field->id == HTTP_FIELD_FORWARDED);
}

/*
 * Connection as the upgrade needs it: unchanged when it names nothing but the upgrade and
 * keep-alive, otherwise just the upgrade, because what else it nominated was removed.
 */
static struct slice exchange_head_upgrade_connection(const struct http_field *field)
{
	struct slice rest = field->value, token;

	while (slice_split(&rest, ',', &token)) {
		token = slice_trim(token);
		if (!slice_eq_fold(token, SLICE("upgrade")) &&
			!slice_eq_fold(token, SLICE("keep-alive")))
			return SLICE("Upgrade");
	}
	return field->value;
}

/* A field with another value than it came with. */
static void exchange_head_write_other(
	struct http1_run *run, const struct http_field *field, struct slice value)
{
	http1_run_end(run);
	http1_write_field(run->out, field->name, value);
}

static void exchange_head_write_hop(struct http1_run *run, const struct http_field *field)
{
	if (field->id == HTTP_FIELD_CONNECTION)
		exchange_head_write_other(run, field, exchange_head_upgrade_connection(field));
	else if (field->id == HTTP_FIELD_UPGRADE)
		http1_run_add(run, field);
}

/* The application's own cookies pass as they are. */
static void exchange_head_write_cookies(struct http1_run *run, const struct http_field *field)
{
	struct buf *out = run->out;
	uint32_t before;

	http1_run_end(run);
	before = (uint32_t)buf_len(out);
	buf_append_slice(out, field->name);
	buf_append_slice(out, SLICE(": "));
	if (http_cookie_strip(out, field->value, tunnel_gate_cookies, TUNNEL_GATE_COOKIES))
		buf_append_slice(out, SLICE("\r\n"));
	else
		out->end = out->start + before;
}

/* True when the field is the gate's business (S109), and done with. */
static bool exchange_head_is_gated(struct http1_run *run, const struct http_field *field)
{
	if (field->id == HTTP_FIELD_COOKIE)
		exchange_head_write_cookies(run, field);
	return field->id == HTTP_FIELD_COOKIE || field->id == HTTP_FIELD_AUTHORIZATION;
}

static void exchange_head_write_forwarded_for(
	struct buf *out, const struct exchange_head_request *r)
{
	if (!r->conf->trust_proxy) {
		http1_write_field(out, SLICE("X-Forwarded-For"), r->peer);
		return;
	}
	buf_append_slice(out, SLICE("X-Forwarded-For: "));
	for (unsigned i = 0; i < r->head->field_count; i++) {
		const struct http_field *field = &r->head->fields[i];

		if (field->id != HTTP_FIELD_X_FORWARDED_FOR || !field->value.len)
			continue;
		buf_append_slice(out, field->value);
		buf_append_slice(out, SLICE(", "));
	}
	buf_append_slice(out, r->peer);
	buf_append_slice(out, SLICE("\r\n"));
}

static struct slice exchange_head_host(const struct exchange_head_request *r)
{
	return r->authority.len ? r->authority : http_head_value(r->head, HTTP_FIELD_HOST);
}

static struct slice exchange_head_proto(const struct exchange_head_request *r)
{
	return r->tls || r->conf->secure ? SLICE("https") : SLICE("http");
}

static void exchange_head_write_origin(struct buf *out, const struct exchange_head_request *r)
{
	bool trusted = r->conf->trust_proxy;

	exchange_head_write_forwarded_for(out, r);
	if (!trusted || !http_head_get(r->head, HTTP_FIELD_X_FORWARDED_PROTO))
		http1_write_field(out, SLICE("X-Forwarded-Proto"), exchange_head_proto(r));
	if (!trusted || !http_head_get(r->head, HTTP_FIELD_X_FORWARDED_HOST))
		http1_write_field(out, SLICE("X-Forwarded-Host"), exchange_head_host(r));
	if (!trusted || !http_head_get(r->head, HTTP_FIELD_X_REQUEST_ID))
		http1_write_field(out, SLICE("X-Request-Id"), r->request_id);
}

/* What a trusted proxy says of the visitor, or what we see. */
static struct slice exchange_head_origin(
	const struct exchange_head_request *r, enum http_field_id id, struct slice seen)
{
	const struct http_field *said = r->conf->trust_proxy ? http_head_get(r->head, id) : NULL;

	return said ? said->value : seen;
}

static void exchange_head_write_forwarded(struct buf *out, const struct exchange_head_request *r)
{
	const struct exchange_forwarded f = {
		.head = r->conf->trust_proxy ? r->head : NULL,
		.peer = r->peer,
		.host = exchange_head_origin(r, HTTP_FIELD_X_FORWARDED_HOST, exchange_head_host(r)),
		.proto = exchange_head_origin(
			r, HTTP_FIELD_X_FORWARDED_PROTO, exchange_head_proto(r)),
	};

	exchange_forwarded_write(out, &f);
}

void exchange_head_write_request(struct buf *out, const struct exchange_head_request *r)
{
	struct http1_run run = {.out = out};

	if (r->path.ptr == r->head->target.ptr && r->path.len == r->head->target.len)
		run.text = r->head->line;
	if (!run.text.len)
		http1_write_request_line(out, r->head->method, r->path);
	/* Only HTTP/1.0 may come without; what goes out is 1.1, which may not. */
	if (r->authority.len && !http_head_get(r->head, HTTP_FIELD_HOST)) {
		http1_run_end(&run);
		http1_write_field(out, SLICE("Host"), r->authority);
	}
	for (unsigned i = 0; i < r->head->field_count; i++) {
		const struct http_field *field = &r->head->fields[i];

		if (r->gated && exchange_head_is_gated(&run, field))
			continue;
		if (field->hop && r->upgrade)
			exchange_head_write_hop(&run, field);
		else if (field->hop || exchange_head_is_replaced(r, field))
			continue;
		else if (field->id == HTTP_FIELD_HOST && r->authority.len)
			exchange_head_write_other(&run, field, r->authority);
		else
			http1_run_add(&run, field);
	}
	http1_run_end(&run);
	if (r->chunked)
		http1_write_field(out, SLICE("Transfer-Encoding"), SLICE("chunked"));
	if (!r->upgrade && http_head_has_token(r->head, HTTP_FIELD_TE, SLICE("trailers"))) {
		http1_write_field(out, SLICE("TE"), SLICE("trailers"));
		http1_write_field(out, SLICE("Connection"), SLICE("TE"));
	}
	if (r->conf->forwarded)
		exchange_head_write_origin(out, r);
	if (UNLIKELY(r->conf->forwarded_field && r->conf->forwarded))
		exchange_head_write_forwarded(out, r);
	http1_write_head_end(out);
}

void exchange_head_write_response(struct buf *out, const struct exchange_head_response *r)
{
	struct http1_run run = {.out = out, .text = r->head->line};

	if (!run.text.len)
		http1_write_status_line(out, r->head->status, r->head->reason);
	for (unsigned i = 0; i < r->head->field_count; i++) {
		const struct http_field *field = &r->head->fields[i];

		if (field->hop && r->upgrade)
			exchange_head_write_hop(&run, field);
		else if (field->hop)
			continue;
		else if (field->id == HTTP_FIELD_CONTENT_LENGTH && r->drop_length)
			continue;
		else
			http1_run_add(&run, field);
	}
	http1_run_end(&run);
	if (r->chunked)
		http1_write_field(out, SLICE("Transfer-Encoding"), SLICE("chunked"));
	if (r->close && !r->upgrade)
		http1_write_field(out, SLICE("Connection"), SLICE("close"));
	else if (r->keep_alive)
		http1_write_field(out, SLICE("Connection"), SLICE("keep-alive"));
	http1_write_head_end(out);
}
