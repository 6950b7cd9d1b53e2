/*
 * What a relay, or something in front of one, answers to an agent: byte by byte the same as whole,
 * never over the limit, and a link only with what was asked for. The first byte of an input says
 * which framing that was.
 */
#include "base/check.h"
#include "wire/uplink.h"
#include "wire/uplink_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define BYTEWISE_MAX 2048

static struct uplink_answer whole, part;

static void check_agreed(const struct uplink_request *request)
{
	const struct http_head *head = &whole.head;

	CHECK(head->status == 101 && head->minor == 1);
	CHECK(slice_eq_fold(http_head_value(head, HTTP_FIELD_UPGRADE),
		request->framing == UPLINK_PLAIN ? SLICE("adit") : SLICE("websocket")));
	CHECK(request->framing == UPLINK_PLAIN ||
		slice_eq(http_head_value(head, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT),
			SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
}

static void check_same(const struct uplink_result *a, const struct uplink_result *b)
{
	CHECK(a->status == b->status && a->retry_after_s == b->retry_after_s);
	CHECK(a->peer_received == b->peer_received);
	CHECK(slice_eq(a->code, b->code) && slice_eq(a->proof, b->proof));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_from(slice_of(data, size), 1);
	struct uplink_request request = {
		.framing = size && *data % 2 ? UPLINK_WEBSOCKET : UPLINK_PLAIN};
	struct uplink_result result = {0}, again = {0};
	enum parse_result r, s = PARSE_MORE;

	whole = part = (struct uplink_answer) {0};
	r = uplink_answer_read(&whole, in);
	for (size_t len = in.len <= BYTEWISE_MAX ? 0 : in.len; s == PARSE_MORE && len <= in.len;
		len++)
		s = uplink_answer_read(&part, slice_first(in, len));
	CHECK(r == s);
	CHECK(r != PARSE_BAD || whole.parser.fault == part.parser.fault);
	if (r != PARSE_DONE)
		return 0;
	CHECK(whole.skipped + whole.head.size <= UPLINK_HTTP_HEAD_MAX);
	CHECK(uplink_answer_rest(&whole, in).len == in.len - whole.skipped - whole.head.size);
	if (!uplink_answer_fault(&whole, &request, KEY))
		check_agreed(&request);
	uplink_answer_tell(&whole, &result);
	uplink_answer_tell(&part, &again);
	check_same(&result, &again);
	return 0;
}
