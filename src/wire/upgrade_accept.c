/*
 * Strict where the handshake is: exactly one key, the version that there is, our subprotocol. A
 * request that asks for both framings gets the plain one.
 */
#include "wire/upgrade_accept.h"

#include "base/buf.h"
#include "base/check.h"
#include "crypto/ws_accept.h"
#include "proto/http1_write.h"
#include "proto/http_hop.h"
#include "proto/http_host.h"

static bool upgrade_is_session(const struct http_head *head)
{
	return head->method_id == HTTP_GET &&
		slice_eq(http_target_path(head->target), SLICE("/_adit/session"));
}

static bool upgrade_has_websocket(const struct http_head *head)
{
	return http_head_has_token(head, HTTP_FIELD_UPGRADE, SLICE("websocket")) &&
		http_head_has_token(head, HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL, SLICE("adit")) &&
		http_head_count(head, HTTP_FIELD_SEC_WEBSOCKET_VERSION) == 1 &&
		slice_eq(http_head_value(head, HTTP_FIELD_SEC_WEBSOCKET_VERSION), SLICE("13")) &&
		http_head_count(head, HTTP_FIELD_SEC_WEBSOCKET_KEY) == 1 &&
		ws_accept_is_key(http_head_value(head, HTTP_FIELD_SEC_WEBSOCKET_KEY));
}

enum upgrade_kind upgrade_kind_of(const struct http_head *head)
{
	if (!upgrade_is_session(head) || !http_hop_wants_upgrade(head))
		return UPGRADE_NONE;
	if (http_head_has_token(head, HTTP_FIELD_UPGRADE, SLICE("adit")))
		return UPGRADE_PLAIN;
	return upgrade_has_websocket(head) ? UPGRADE_WEBSOCKET : UPGRADE_NONE;
}

static void upgrade_write_websocket(struct buf *out, const struct http_head *head)
{
	char accept[WS_ACCEPT_LEN + 1];

	ws_accept_of_key(http_head_value(head, HTTP_FIELD_SEC_WEBSOCKET_KEY), accept);
	http1_write_field(out, SLICE("Upgrade"), SLICE("websocket"));
	http1_write_field(out, SLICE("Sec-WebSocket-Accept"), slice_from_str(accept));
	http1_write_field(out, SLICE("Sec-WebSocket-Protocol"), SLICE("adit"));
}

void upgrade_write_answer(
	struct buf *out, enum upgrade_kind kind, const struct http_head *head, struct slice fields)
{
	CHECK(kind != UPGRADE_NONE);
	http1_write_status_line(out, 101, SLICE(""));
	http1_write_field(out, SLICE("Connection"), SLICE("Upgrade"));
	if (kind == UPGRADE_WEBSOCKET)
		upgrade_write_websocket(out, head);
	else
		http1_write_field(out, SLICE("Upgrade"), SLICE("adit"));
	buf_append_slice(out, fields);
	http1_write_head_end(out);
}
