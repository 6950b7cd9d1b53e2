/* Which fields end at the next hop, who keeps the connection, who upgrades it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proto/http1_parse.h"
#include "proto/http_hop.h"

static struct http_head head;

static void read_request(const char *text)
{
	struct http1_parser parser = {0};
	struct http1_limits limits = {1000, 20000, HTTP_FIELDS_MAX};

	assert_int_equal(
		http1_parse_request(&parser, slice_from_str(text), &limits, &head), PARSE_DONE);
}

/* The names of the fields that may be passed on, with a blank behind each. */
static void check_passed_on(const char *text, const char *wanted)
{
	char names[512] = "";
	size_t len = 0;

	read_request(text);
	http_hop_mark(&head);
	for (size_t i = 0; i < head.field_count; i++) {
		if (head.fields[i].hop)
			continue;
		len += slice_to_str(head.fields[i].name, names + len, sizeof(names) - len);
		names[len++] = ' ';
	}
	names[len] = '\0';
	assert_string_equal(names, wanted);
}

static void fields_of_the_connection_are_marked(void **state)
{
	check_passed_on("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\n"
			"Proxy-Connection: a\r\nProxy-Authenticate: a\r\nProxy-Authorization: a\r\n"
			"TE: trailers\r\nTransfer-Encoding: chunked\r\nUpgrade: a\r\nTrailer: "
			"b\r\nX: a\r\n\r\n",
		"Host Trailer X ");
}

static void nominated_fields_are_marked_in_all_their_places(void **state)
{
	check_passed_on("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 1\r\nX-C: 1\r\nx-a: 2\r\n"
			"Connection: , X-A\r\nconnection: close,\tx-b ,\r\n\r\n",
		"Host X-C ");
}

static void fields_that_this_relay_answers_for_cannot_be_nominated(void **state)
{
	check_passed_on("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Forwarded-For: a\r\n"
			"X-Forwarded-Host: a\r\nX-Forwarded-Proto: a\r\nX-Request-Id: a\r\n"
			"Forwarded: a\r\nCookie: a\r\nConnection: host, content-length, cookie, "
			"x-forwarded-for, x-forwarded-host, x-forwarded-proto, x-request-id, "
			"forwarded\r\n\r\n",
		"Host Content-Length X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto "
		"X-Request-Id "
		"Forwarded ");
}

static void too_many_nominations_nominate_everything(void **state)
{
	check_passed_on(
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nConnection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
		"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n",
		"Host X ");
	check_passed_on(
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nConnection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
		"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n",
		"Host ");
}

static void a_connection_is_kept_as_the_version_and_the_options_say(void **state)
{
	static const struct {
		const char *text;
		bool keeps;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x, "
		 "close\r\n\r\n",
			false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_request(rows[i].text);
		assert_int_equal(http_hop_keeps_alive(&head), rows[i].keeps);
	}
}

#define UPGRADE "Connection: keep-alive, Upgrade\r\n"

static void an_upgrade_needs_all_its_parts_and_no_body(void **state)
{
	static const struct {
		const char *text;
		bool wants;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade: websocket\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade: x\r\nContent-Length: 0\r\n\r\n",
			true},
		{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade:\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nHost: a\r\n" UPGRADE "Upgrade: websocket\r\n\r\n", false},
		{"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade: websocket\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade: x\r\nContent-Length: 1\r\n\r\n",
			false},
		{"POST / HTTP/1.1\r\nHost: a\r\n" UPGRADE
		 "Upgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n",
			false},
		{"GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade: h2c\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Upgrade: websocket, H2C\r\n\r\n", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_request(rows[i].text);
		assert_int_equal(http_hop_wants_upgrade(&head), rows[i].wants);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_the_connection_are_marked),
		cmocka_unit_test(nominated_fields_are_marked_in_all_their_places),
		cmocka_unit_test(fields_that_this_relay_answers_for_cannot_be_nominated),
		cmocka_unit_test(too_many_nominations_nominate_everything),
		cmocka_unit_test(a_connection_is_kept_as_the_version_and_the_options_say),
		cmocka_unit_test(an_upgrade_needs_all_its_parts_and_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
