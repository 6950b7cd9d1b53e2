/* Which requests open a link, and the 101 they get. */
#include "wire/upgrade_accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/http1_parse.h"
#include "support/request_text.h"

#define GET "GET /_adit/session HTTP/1.1\r\nHost: relay.example.com\r\n"
#define PLAIN "Connection: Upgrade\r\nUpgrade: adit\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: adit\r\n"
#define WEBSOCKET "Connection: Upgrade\r\nUpgrade: websocket\r\n"

struct row {
	const char *text;
	enum upgrade_kind kind;
};

static const struct row rows[] = {
	{GET PLAIN "Adit-Version: 1\r\n\r\n", UPGRADE_PLAIN},
	{GET "connection: keep-alive, upgrade\r\nupgrade: ADIT\r\n\r\n", UPGRADE_PLAIN},
	{GET "Connection: Upgrade\r\nUpgrade: websocket, adit\r\n\r\n", UPGRADE_PLAIN},
	{"GET /_adit/session?x HTTP/1.1\r\nHost: a\r\n" PLAIN "\r\n", UPGRADE_PLAIN},
	{GET WEBSOCKET KEY VERSION PROTOCOL "\r\n", UPGRADE_WEBSOCKET},
	{GET WEBSOCKET KEY VERSION "Sec-WebSocket-Protocol: chat, adit\r\n\r\n", UPGRADE_WEBSOCKET},
	/* not what opens a link */
	{GET "\r\n", UPGRADE_NONE},
	{GET "Upgrade: adit\r\n\r\n", UPGRADE_NONE},
	{GET "Connection: Upgrade\r\n\r\n", UPGRADE_NONE},
	{GET PLAIN "Content-Length: 1\r\n\r\n", UPGRADE_NONE},
	{GET "Connection: Upgrade\r\nUpgrade: aditd\r\n\r\n", UPGRADE_NONE},
	{"GET /_adit/session HTTP/1.0\r\nHost: a\r\n" PLAIN "\r\n", UPGRADE_NONE},
	{"POST /_adit/session HTTP/1.1\r\nHost: a\r\n" PLAIN "\r\n", UPGRADE_NONE},
	{"GET /_adit/session/ HTTP/1.1\r\nHost: a\r\n" PLAIN "\r\n", UPGRADE_NONE},
	{"GET / HTTP/1.1\r\nHost: a\r\n" PLAIN "\r\n", UPGRADE_NONE},
	/* a WebSocket that is not ours, or not whole */
	{GET WEBSOCKET KEY VERSION "\r\n", UPGRADE_NONE},
	{GET WEBSOCKET KEY VERSION "Sec-WebSocket-Protocol: chat\r\n\r\n", UPGRADE_NONE},
	{GET WEBSOCKET KEY PROTOCOL "\r\n", UPGRADE_NONE},
	{GET WEBSOCKET KEY PROTOCOL "Sec-WebSocket-Version: 8\r\n\r\n", UPGRADE_NONE},
	{GET WEBSOCKET KEY VERSION VERSION PROTOCOL "\r\n", UPGRADE_NONE},
	{GET WEBSOCKET VERSION PROTOCOL "\r\n", UPGRADE_NONE},
	{GET WEBSOCKET KEY KEY VERSION PROTOCOL "\r\n", UPGRADE_NONE},
	{GET WEBSOCKET VERSION PROTOCOL "Sec-WebSocket-Key: short\r\n\r\n", UPGRADE_NONE},
};

static struct http_head head;

static void only_whole_requests_for_a_session_open_a_link(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		request_text_parse(&head, rows[i].text);
		if (upgrade_kind_of(&head) != rows[i].kind)
			print_error("%s", rows[i].text);
		assert_int_equal(upgrade_kind_of(&head), rows[i].kind);
	}
}

static void check_answer(const char *request, const char *expected)
{
	struct buf out = {0};

	request_text_parse(&head, request);
	upgrade_write_answer(&out, upgrade_kind_of(&head), &head, SLICE("Adit-Received: 7\r\n"));
	buf_append_char(&out, '\0');
	assert_string_equal(buf_slice(&out).ptr, expected);
	buf_release(&out);
}

static void the_answer_names_what_was_agreed(void **state)
{
	check_answer(GET PLAIN "\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: adit\r\n"
		"Adit-Received: 7\r\n\r\n");
	check_answer(GET WEBSOCKET KEY VERSION PROTOCOL "\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		"Sec-WebSocket-Protocol: adit\r\nAdit-Received: 7\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_whole_requests_for_a_session_open_a_link),
		cmocka_unit_test(the_answer_names_what_was_agreed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
