/*
 * The agent's half of the handshake (docs/protocol.md, 1). An answer is taken only if it agrees to
 * exactly what was asked: caches and proxies in between have been seen to answer for others.
 */
#include "wire/uplink_http.h"

#include <limits.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/num.h"
#include "crypto/ws_accept.h"
#include "proto/http1_write.h"
#include "wire/uplink.h"

#define UPLINK_PORT_HTTP 80
#define UPLINK_PORT_HTTPS 443
#define UPLINK_HTTP_FIELDS_MAX 100

static void uplink_http_write_host(struct buf *out, const char *host)
{
	bool is_ipv6 = strchr(host, ':') != NULL;

	buf_append_str(out, is_ipv6 ? "[" : "");
	buf_append_str(out, host);
	buf_append_str(out, is_ipv6 ? "]" : "");
}

void uplink_http_write_authority(struct buf *out, const struct uplink_request *request)
{
	uplink_http_write_host(out, request->host);
	buf_append_char(out, ':');
	buf_append_u64(out, request->port);
}

void uplink_http_write_host_value(struct buf *out, const struct uplink_request *request)
{
	uint16_t usual = request->tls ? UPLINK_PORT_HTTPS : UPLINK_PORT_HTTP;

	if (request->port == usual)
		uplink_http_write_host(out, request->host);
	else
		uplink_http_write_authority(out, request);
}

void uplink_http_write_connect(struct buf *out, const struct uplink_request *request)
{
	struct buf authority = {0};

	uplink_http_write_authority(&authority, request);
	http1_write_request_line(out, SLICE("CONNECT"), buf_slice(&authority));
	http1_write_field(out, SLICE("Host"), buf_slice(&authority));
	http1_write_field(out, SLICE("User-Agent"), SLICE("adit/" ADIT_VERSION));
	if (request->proxy_authorization)
		http1_write_field(out, SLICE("Proxy-Authorization"),
			slice_from_str(request->proxy_authorization));
	http1_write_head_end(out);
	buf_release(&authority);
}

void uplink_http_write_request(
	struct buf *out, const struct uplink_request *request, const char *key)
{
	struct buf host = {0};

	uplink_http_write_host_value(&host, request);
	http1_write_request_line(out, SLICE("GET"), SLICE("/_adit/session"));
	http1_write_field(out, SLICE("Host"), buf_slice(&host));
	http1_write_field(out, SLICE("User-Agent"), SLICE("adit/" ADIT_VERSION));
	http1_write_field(out, SLICE("Connection"), SLICE("Upgrade"));
	if (request->framing == UPLINK_WEBSOCKET) {
		http1_write_field(out, SLICE("Upgrade"), SLICE("websocket"));
		http1_write_field(out, SLICE("Sec-WebSocket-Version"), SLICE("13"));
		http1_write_field(out, SLICE("Sec-WebSocket-Key"), slice_from_str(key));
		http1_write_field(out, SLICE("Sec-WebSocket-Protocol"), SLICE("adit"));
	} else {
		http1_write_field(out, SLICE("Upgrade"), SLICE("adit"));
	}
	http1_write_field(out, SLICE("Adit-Version"), SLICE("1"));
	buf_append_slice(out, request->fields);
	http1_write_head_end(out);
	buf_release(&host);
}

enum parse_result uplink_answer_read(struct uplink_answer *a, struct slice in)
{
	for (;;) {
		struct http1_limits limits = {.head = UPLINK_HTTP_HEAD_MAX - (uint32_t)a->skipped,
			.fields = UPLINK_HTTP_FIELDS_MAX};
		enum parse_result r = http1_parse_response(
			&a->parser, slice_from(in, a->skipped), &limits, &a->head);

		if (r != PARSE_DONE || a->head.status == 101 || a->head.status >= 200)
			return r;
		a->skipped += a->head.size;
		http1_parser_reset(&a->parser);
	}
}

struct slice uplink_answer_rest(const struct uplink_answer *a, struct slice in)
{
	return slice_from(in, a->skipped + a->head.size);
}

static const char *uplink_answer_websocket_fault(const struct http_head *head, const char *key)
{
	char accept[WS_ACCEPT_LEN + 1];

	ws_accept_of_key(slice_from_str(key), accept);
	if (http_head_count(head, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT) != 1 ||
		!slice_eq(http_head_value(head, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT),
			slice_from_str(accept)))
		return "its WebSocket answer belongs to another request";
	if (http_head_count(head, HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL) != 1 ||
		!slice_eq(http_head_value(head, HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL), SLICE("adit")))
		return "it speaks another protocol than adit's in its WebSocket";
	if (http_head_count(head, HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS))
		return "it uses a WebSocket extension that nobody asked for";
	return NULL;
}

/* At most one, and a number. */
static bool uplink_answer_is_number(const struct http_head *head, enum http_field_id id)
{
	uint64_t value;

	return http_head_count(head, id) == 0 ||
		(http_head_count(head, id) == 1 &&
			num_parse_u64(http_head_value(head, id), &value) == 0);
}

/* What a person may do about the codes of docs/protocol.md, 1. */
static const char *uplink_answer_refusal(struct slice code)
{
	static const struct {
		struct slice code;
		const char *text;
	} refusals[] = {
		{{"not-authenticated", 17},
			"the relay wants a valid signature: look at the secret and the clock"},
		{{"key-needed", 10},
			"the relay wants a key: adit login gets one (or set ADIT_TOKEN)"},
		{{"key-unknown", 11},
			"the relay does not know this key; adit login gets a new one"},
		{{"key-revoked", 11}, "this key has been revoked; adit login gets a new one"},
		{{"key-expired", 11}, "this key has expired; adit login gets a new one"},
		{{"account-disabled", 16},
			"the account of this key is disabled; ask the relay's operator"},
		{{"session-gone", 12}, "the relay does not know the session any more"},
		{{"version-not-supported", 21},
			"the relay speaks another version of the protocol: update the older one"},
		{{"agents-elsewhere", 16},
			"the relay takes agents at its --admin-port only: ask its operator for it"},
		{{"upgrade-required", 16},
			"something in front of the relay takes Upgrade away: let WebSocket pass"},
		{{"not-found", 9}, "the relay begins no sessions here: try its --admin-port"},
		{{"tunnel-not-found", 16},
			"the relay takes this name for a tunnel's: look at its --domain"},
		{{"host-unknown", 12}, "the relay has another name: look at its --domain"},
		{{"misdirected", 11}, "the relay has another name: look at its --domain"},
		{{"overloaded", 10}, "the relay has too many sessions"},
		{{"draining", 8}, "the relay is about to stop"},
	};

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (slice_eq(refusals[i].code, code))
			return refusals[i].text;
	}
	return code.len ? "the relay refuses"
			: "this is not a relay of adit, or something in front of one";
}

const char *uplink_answer_fault(
	const struct uplink_answer *a, const struct uplink_request *request, const char *key)
{
	const struct http_head *head = &a->head;
	bool is_websocket = request->framing == UPLINK_WEBSOCKET;

	if (head->status != 101)
		return uplink_answer_refusal(http_head_value(head, HTTP_FIELD_X_ADIT_ERROR));
	if (head->minor < 1 ||
		!http_head_has_token(head, HTTP_FIELD_CONNECTION, SLICE("upgrade")) ||
		http_head_count(head, HTTP_FIELD_UPGRADE) != 1 ||
		!slice_eq_fold(http_head_value(head, HTTP_FIELD_UPGRADE),
			is_websocket ? SLICE("websocket") : SLICE("adit")))
		return "it switches to another protocol than the one asked for";
	if (!uplink_answer_is_number(head, HTTP_FIELD_ADIT_RECEIVED) ||
		http_head_count(head, HTTP_FIELD_ADIT_PROOF) > 1)
		return "what it says about the session is not well-formed";
	return is_websocket ? uplink_answer_websocket_fault(head, key) : NULL;
}

void uplink_answer_tell(const struct uplink_answer *a, struct uplink_result *result)
{
	const struct http_head *head = &a->head;
	uint64_t seconds = 0;

	result->status = head->status;
	result->code = http_head_value(head, HTTP_FIELD_X_ADIT_ERROR);
	result->proof = http_head_value(head, HTTP_FIELD_ADIT_PROOF);
	/* A date, which is allowed there as well, counts as absent. */
	if (num_parse_u64(http_head_value(head, HTTP_FIELD_RETRY_AFTER), &seconds) == 0)
		result->retry_after_s = seconds < UINT_MAX ? (unsigned)seconds : UINT_MAX;
	if (num_parse_u64(
		    http_head_value(head, HTTP_FIELD_ADIT_RECEIVED), &result->peer_received) != 0)
		result->peer_received = 0;
	result->is_afresh = slice_eq(http_head_value(head, HTTP_FIELD_ADIT_AFRESH), SLICE("1"));
}
