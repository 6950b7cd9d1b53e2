/* The handshake as bytes: requests as they are written, answers judged whole and byte by byte. */
#include "wire/uplink_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "wire/uplink.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: adit\r\n"
#define PLAIN "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: adit\r\n"
#define WEBSOCKET "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"

static struct uplink_answer answer;

static void check_text(struct buf *out, const char *expected)
{
	buf_append_char(out, '\0');
	assert_string_equal(buf_slice(out).ptr, expected);
	buf_release(out);
}

static void a_request_says_what_is_wanted(void **state)
{
	struct uplink_request r = {
		.host = "relay.example.com", .port = 80, .fields = SLICE("Adit-Epoch: 1\r\n")};
	struct buf out = {0};

	uplink_http_write_request(&out, &r, NULL);
	check_text(&out,
		"GET /_adit/session HTTP/1.1\r\nHost: relay.example.com\r\n"
		"User-Agent: adit/" ADIT_VERSION "\r\nConnection: Upgrade\r\nUpgrade: adit\r\n"
		"Adit-Version: 1\r\nAdit-Epoch: 1\r\n\r\n");
	r = (struct uplink_request) {.host = "::1", .port = 443, .framing = UPLINK_WEBSOCKET};
	uplink_http_write_request(&out, &r, KEY);
	check_text(&out,
		"GET /_adit/session HTTP/1.1\r\nHost: [::1]:443\r\n"
		"User-Agent: adit/" ADIT_VERSION "\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n"
		"Sec-WebSocket-Protocol: adit\r\nAdit-Version: 1\r\n\r\n");
}

static void a_proxy_is_asked_for_the_relay(void **state)
{
	struct uplink_request r = {
		.host = "relay.example.com", .port = 443, .fields = SLICE("Adit-Epoch: 1\r\n")};
	struct buf out = {0};

	uplink_http_write_connect(&out, &r);
	check_text(&out,
		"CONNECT relay.example.com:443 HTTP/1.1\r\nHost: relay.example.com:443\r\n"
		"User-Agent: adit/" ADIT_VERSION "\r\n\r\n");
	r.proxy_authorization = "Basic dTpw";
	uplink_http_write_connect(&out, &r);
	check_text(&out,
		"CONNECT relay.example.com:443 HTTP/1.1\r\nHost: relay.example.com:443\r\n"
		"User-Agent: adit/" ADIT_VERSION "\r\nProxy-Authorization: Basic dTpw\r\n\r\n");
}

struct row {
	const char *text;
	enum uplink_framing framing;
	bool agreed;
};

static const struct row rows[] = {
	{PLAIN "\r\n", UPLINK_PLAIN, true},
	{PLAIN "Adit-Received: 12\r\nAdit-Proof: ab\r\n\r\n", UPLINK_PLAIN, true},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\n" PLAIN "\r\n",
		UPLINK_PLAIN, true},
	{WEBSOCKET ACCEPT PROTOCOL "\r\n", UPLINK_WEBSOCKET, true},
	/* refusals */
	{"HTTP/1.1 410 Gone\r\nX-Adit-Error: session-gone\r\n\r\n", UPLINK_PLAIN, false},
	{"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: adit\r\n\r\n", UPLINK_PLAIN, false},
	{"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", UPLINK_PLAIN, false},
	/* a 101 to something else */
	{"HTTP/1.1 101 x\r\n\r\n", UPLINK_PLAIN, false},
	{"HTTP/1.1 101 x\r\nUpgrade: adit\r\n\r\n", UPLINK_PLAIN, false},
	{"HTTP/1.0 101 x\r\nConnection: Upgrade\r\nUpgrade: adit\r\n\r\n", UPLINK_PLAIN, false},
	{PLAIN "Upgrade: adit\r\n\r\n", UPLINK_PLAIN, false},
	{"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: adit, h2c\r\n\r\n", UPLINK_PLAIN,
		false},
	{WEBSOCKET ACCEPT PROTOCOL "\r\n", UPLINK_PLAIN, false},
	{PLAIN "\r\n", UPLINK_WEBSOCKET, false},
	{WEBSOCKET PROTOCOL "\r\n", UPLINK_WEBSOCKET, false},
	{WEBSOCKET ACCEPT "\r\n", UPLINK_WEBSOCKET, false},
	{WEBSOCKET ACCEPT ACCEPT PROTOCOL "\r\n", UPLINK_WEBSOCKET, false},
	{WEBSOCKET PROTOCOL "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
		UPLINK_WEBSOCKET, false},
	{WEBSOCKET ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", UPLINK_WEBSOCKET, false},
	{WEBSOCKET ACCEPT PROTOCOL "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		UPLINK_WEBSOCKET, false},
	/* what cannot be believed */
	{PLAIN "Adit-Received: -1\r\n\r\n", UPLINK_PLAIN, false},
	{PLAIN "Adit-Received: 1\r\nAdit-Received: 2\r\n\r\n", UPLINK_PLAIN, false},
	{PLAIN "Adit-Proof: a\r\nAdit-Proof: b\r\n\r\n", UPLINK_PLAIN, false},
};

static void read_whole(const char *text)
{
	memset(&answer, 0, sizeof(answer));
	assert_int_equal(uplink_answer_read(&answer, slice_from_str(text)), PARSE_DONE);
}

static void only_what_was_asked_for_is_agreed_to(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct uplink_request r = {.framing = rows[i].framing};
		bool agreed;

		read_whole(rows[i].text);
		agreed = uplink_answer_fault(&answer, &r, KEY) == NULL;
		if (agreed != rows[i].agreed)
			print_error("%s", rows[i].text);
		assert_int_equal(agreed, rows[i].agreed);
	}
}

static void each_code_of_the_protocol_has_a_sentence(void **state)
{
	static const char *const codes[] = {"not-authenticated", "session-gone",
		"version-not-supported", "agents-elsewhere", "upgrade-required", "not-found",
		"tunnel-not-found", "host-unknown", "overloaded", "draining", "another", ""};
	struct uplink_request r = {0};
	const char *texts[ARRAY_LEN(codes)];

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char text[128];

		snprintf(
			text, sizeof(text), "HTTP/1.1 400 x\r\nX-Adit-Error: %s\r\n\r\n", codes[i]);
		read_whole(text);
		texts[i] = uplink_answer_fault(&answer, &r, KEY);
		assert_non_null(texts[i]);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(texts[i], texts[other]);
	}
}

static void bytes_one_by_one_are_the_same_answer(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice text = slice_from_str(rows[i].text);
		struct uplink_request r = {.framing = rows[i].framing};

		memset(&answer, 0, sizeof(answer));
		for (size_t len = 0; len < text.len; len++)
			assert_int_equal(
				uplink_answer_read(&answer, slice_first(text, len)), PARSE_MORE);
		assert_int_equal(uplink_answer_read(&answer, text), PARSE_DONE);
		assert_int_equal(uplink_answer_fault(&answer, &r, KEY) == NULL, rows[i].agreed);
	}
}

static void what_stands_behind_the_head_is_the_links(void **state)
{
	struct slice rest;

	read_whole("HTTP/1.1 102 x\r\n\r\n" PLAIN "\r\nlink");
	rest = uplink_answer_rest(
		&answer, slice_from_str("HTTP/1.1 102 x\r\n\r\n" PLAIN "\r\nlink"));
	assert_true(slice_eq(rest, SLICE("link")));
}

static void what_the_fields_say_is_told(void **state)
{
	struct uplink_result result = {0};

	read_whole("HTTP/1.1 503 x\r\nX-Adit-Error: draining\r\nRetry-After: 7\r\n\r\n");
	uplink_answer_tell(&answer, &result);
	assert_int_equal(result.status, 503);
	assert_true(slice_eq(result.code, SLICE("draining")));
	assert_int_equal(result.retry_after_s, 7);
	assert_true(result.peer_received == 0);
	assert_false(result.is_afresh);
	result = (struct uplink_result) {0};
	read_whole(
		PLAIN "Adit-Received: 18446744073709551615\r\nAdit-Proof: ab\r\nAdit-Afresh: 1\r\n"
		      "Retry-After: 18446744073709551615\r\n\r\n");
	uplink_answer_tell(&answer, &result);
	assert_true(result.peer_received == UINT64_MAX);
	assert_int_equal(result.retry_after_s, UINT_MAX);
	assert_true(slice_eq(result.proof, SLICE("ab")));
	assert_true(result.is_afresh);
	result = (struct uplink_result) {0};
	read_whole("HTTP/1.1 503 x\r\nRetry-After: Fri, 07 Nov 2025 23:59:59 GMT\r\n\r\n");
	uplink_answer_tell(&answer, &result);
	assert_int_equal(result.retry_after_s, 0);
}

static enum parse_result read_filled(const char *interim, size_t count, size_t field)
{
	struct buf text = {0};
	enum parse_result r;

	memset(&answer, 0, sizeof(answer));
	for (size_t i = 0; i < count; i++)
		buf_append_str(&text, interim);
	buf_append_str(&text, PLAIN "X: ");
	memset(buf_reserve(&text, field), 'x', field);
	buf_commit(&text, field);
	buf_append_str(&text, "\r\n\r\n");
	r = uplink_answer_read(&answer, buf_slice(&text));
	buf_release(&text);
	return r;
}

static void an_answer_has_a_limit(void **state)
{
	const char *interim = "HTTP/1.1 100 x\r\n\r\n"; /* 18 bytes */
	size_t fixed = strlen(PLAIN "X: \r\n\r\n");

	assert_int_equal(read_filled("", 0, UPLINK_HTTP_HEAD_MAX - fixed), PARSE_DONE);
	assert_int_equal(read_filled("", 0, UPLINK_HTTP_HEAD_MAX - fixed + 1), PARSE_BAD);
	assert_int_equal(read_filled(interim, 10, UPLINK_HTTP_HEAD_MAX - fixed - 180), PARSE_DONE);
	assert_int_equal(read_filled(interim, 10, UPLINK_HTTP_HEAD_MAX - fixed - 179), PARSE_BAD);
	assert_int_equal(read_filled(interim, 1000, 1), PARSE_BAD);
}

static void what_is_not_http_is_refused(void **state)
{
	static const char *const texts[] = {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 101 x\r\n\r\n",
		"\x15\x03\x01\x00\x02\x02\x46", "HTTP/1.1 101 x\nUpgrade: adit\n\n",
		"HTTP/1.1 100 x\r\n\r\nrubbish\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		memset(&answer, 0, sizeof(answer));
		assert_int_equal(uplink_answer_read(&answer, slice_from_str(texts[i])), PARSE_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_what_is_wanted),
		cmocka_unit_test(a_proxy_is_asked_for_the_relay),
		cmocka_unit_test(only_what_was_asked_for_is_agreed_to),
		cmocka_unit_test(each_code_of_the_protocol_has_a_sentence),
		cmocka_unit_test(bytes_one_by_one_are_the_same_answer),
		cmocka_unit_test(what_stands_behind_the_head_is_the_links),
		cmocka_unit_test(what_the_fields_say_is_told),
		cmocka_unit_test(an_answer_has_a_limit),
		cmocka_unit_test(what_is_not_http_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
