/* What the heads of requests and responses look like on the other side (D25). */
#include "relay/exchange_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proto/http1_parse.h"
#include "proto/http_hop.h"
#include "relay/relay_conf.h"
#include "support/request_text.h"

#define PEER "192.0.2.7"
#define ID "0123456789abcdef"
#define GET "GET /a?b=c HTTP/1.1\r\nHost: a.test\r\n"
#define ORIGIN                                                                                     \
	"X-Forwarded-For: " PEER "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\n"     \
	"X-Request-Id: " ID "\r\n"

static struct http_head head;
static const struct relay_conf plain = {.forwarded = false};
static const struct relay_conf forwarding = {.forwarded = true};
static const struct relay_conf trusting = {.forwarded = true, .trust_proxy = true};
static const struct relay_conf field = {.forwarded = true, .forwarded_field = true};
static const struct relay_conf field_trusting = {
	.forwarded = true, .forwarded_field = true, .trust_proxy = true};
static const struct relay_conf field_alone = {.forwarded_field = true};
static const struct relay_conf secure = {.forwarded = true, .secure = true};
static const struct relay_conf trusting_plain = {.trust_proxy = true};

static void check_text(struct buf *out, const char *expected)
{
	buf_append_char(out, '\0');
	assert_string_equal(buf_slice(out).ptr, expected);
	buf_release(out);
}

/* Rewrites the request for the path "/a?b=c". */
static void check_request(
	const char *text, const char *expected, struct exchange_head_request request)
{
	struct buf out = {0};

	request_text_parse(&head, text);
	http_hop_mark(&head);
	request.head = &head;
	if (!request.conf)
		request.conf = &plain;
	request.path = SLICE("/a?b=c");
	request.peer = SLICE(PEER);
	request.request_id = SLICE(ID);
	exchange_head_write_request(&out, &request);
	check_text(&out, expected);
}

struct row {
	const char *text;
	const char *expected;
};

static void check_rows(const struct row *rows, size_t count, struct exchange_head_request request)
{
	for (size_t i = 0; i < count; i++)
		check_request(rows[i].text, rows[i].expected, request);
}

/* ---- requests ---- */

static void what_is_the_gates_stays_here(void **state)
{
	static const struct row rows[] = {
		{GET "Authorization: Basic eDp5\r\nX: 1\r\n\r\n", GET "X: 1\r\n\r\n"},
		{GET "authorization: Bearer x\r\nAuthorization: y\r\n\r\n", GET "\r\n"},
		{GET "Cookie: a=1; __adit_session=x; b=2\r\ncookie: __adit_csrf=y\r\n"
		     "COOKIE:\r\n\r\n",
			GET "Cookie: a=1; b=2\r\nCOOKIE: \r\n\r\n"},
		{GET "Cookie: __Host-__adit_session=x;__Host-__adit_csrf=y ;c\r\n\r\n",
			GET "Cookie: c\r\n\r\n"},
		{GET "Proxy-Authorization: x\r\nX-Authorization: y\r\n\r\n",
			GET "X-Authorization: y\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.gated = true});
}

static void what_is_the_gates_stays_here_in_upgrades(void **state)
{
	static const struct row rows[] = {
		{GET "Connection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Basic eDp5\r\n"
		     "Cookie: __adit_session=x; a=1\r\n\r\n",
			GET "Connection: Upgrade\r\nUpgrade: websocket\r\nCookie: a=1\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows),
		(struct exchange_head_request) {.gated = true, .upgrade = true});
}

static void what_is_not_about_the_connection_passes_unchanged(void **state)
{
	static const struct row rows[] = {
		{GET "\r\n", GET "\r\n"},
		{"PURGE /a?b=c HTTP/1.1\r\nhOST:\ta.test \r\nX-Empty:\r\ncookie: a\r\nCookie: b\r\n"
		 "X-Bytes: \xe4\xff\r\ncOOKIE: a\r\n\r\n",
			"PURGE /a?b=c HTTP/1.1\r\nhOST: a.test\r\nX-Empty: \r\ncookie: a\r\n"
			"Cookie: b\r\nX-Bytes: \xe4\xff\r\ncOOKIE: a\r\n\r\n"},
		{"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTrailer: X-Sum\r\n"
		 "Expect: 100-continue\r\nVia: 1.1 x\r\nAuthorization: Basic eDp5\r\n\r\n",
			"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTrailer: "
			"X-Sum\r\n"
			"Expect: 100-continue\r\nVia: 1.1 x\r\nAuthorization: Basic eDp5\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {0});
}

static void what_is_about_the_connection_ends_here(void **state)
{
	static const struct row rows[] = {
		{GET "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: "
		     "close\r\n"
		     "Proxy-Authorization: Basic eDp5\r\nX: 1\r\n\r\n",
			GET "X: 1\r\n\r\n"},
		{GET "Connection: close, X-Secret\r\nX-Secret: 1\r\nx-secret: 2\r\nX: 1\r\n\r\n",
			GET "X: 1\r\n\r\n"},
		{GET "Connection: Host, Cookie\r\nCookie: a=b\r\n\r\n", GET "\r\n"},
		/* An upgrade that nobody is to be asked for. */
		{GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
		     "HTTP2-Settings: AAMAAABk\r\n\r\n",
			GET "\r\n"},
		{"GET /a?b=c HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
			GET "\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {0});
}

static void the_coding_of_the_body_is_written_anew(void **state)
{
	static const struct row rows[] = {
		{"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nTRANSFER-ENCODING: Chunked\r\nX: "
		 "1\r\n\r\n",
			"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nX: 1\r\n"
			"Transfer-Encoding: chunked\r\n\r\n"},
		{"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
		 "Connection: Transfer-Encoding\r\n\r\n",
			"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\n"
			"Transfer-Encoding: chunked\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.chunked = true});
}

static void trailers_are_still_asked_for(void **state)
{
	static const struct row rows[] = {
		{GET "TE: trailers\r\nConnection: TE\r\n\r\n",
			GET "TE: trailers\r\nConnection: TE\r\n\r\n"},
		{GET "te: gzip, TRAILERS\r\nConnection: te, close\r\nX: 1\r\n\r\n",
			GET "X: 1\r\nTE: trailers\r\nConnection: TE\r\n\r\n"},
		{GET "TE: gzip\r\nConnection: TE\r\n\r\n", GET "\r\n"},
		{GET "TE:\r\nConnection: TE\r\n\r\n", GET "\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {0});
}

static void http_1_0_cannot_expect_anything(void **state)
{
	static const struct row rows[] = {
		{"POST /a?b=c HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\n"
		 "Content-Length: 1\r\n\r\n",
			"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {0});
}

static void the_authority_of_an_absolute_target_takes_the_place_of_host(void **state)
{
	static const struct row rows[] = {
		{"GET http://a.test/a?b=c HTTP/1.1\r\nX: 1\r\nhost: other.test\r\n\r\n",
			"GET /a?b=c HTTP/1.1\r\nX: 1\r\nhost: a.test\r\n\r\n"},
		{"GET http://a.test/a?b=c HTTP/1.1\r\nHost:\r\n\r\n", GET "\r\n"},
	};
	struct exchange_head_request request = {.authority = SLICE("a.test")};

	check_rows(rows, ARRAY_LEN(rows), request);
	request.conf = &forwarding;
	check_request("GET http://a.test/a?b=c HTTP/1.1\r\nHost: other.test\r\n\r\n",
		GET ORIGIN "\r\n", request);
}

/* RFC 9112, 3.2: a request of HTTP/1.1 without Host would be refused there. */
static void a_request_without_host_gets_the_one_of_its_target(void **state)
{
	check_request("GET http://a.test/a?b=c HTTP/1.0\r\nX: 1\r\n\r\n", GET "X: 1\r\n\r\n",
		(struct exchange_head_request) {.authority = SLICE("a.test")});
}

/* ---- where a request came from ---- */

#define CLAIMS                                                                                     \
	"X-Forwarded-For: 10.0.0.1\r\nX-FORWARDED-PROTO: https\r\nX-Forwarded-Host: b.test\r\n"    \
	"X-Request-Id: mine\r\nForwarded: for=10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\n"

static void the_visitor_is_named(void **state)
{
	check_request(GET "\r\n", GET ORIGIN "\r\n",
		(struct exchange_head_request) {.conf = &forwarding});
	check_request(GET "\r\n",
		GET "X-Forwarded-For: " PEER "\r\nX-Forwarded-Proto: https\r\n"
		    "X-Forwarded-Host: a.test\r\nX-Request-Id: " ID "\r\n\r\n",
		(struct exchange_head_request) {.conf = &secure});
	check_request(GET "\r\n",
		GET "X-Forwarded-For: " PEER "\r\nX-Forwarded-Proto: https\r\n"
		    "X-Forwarded-Host: a.test\r\nX-Request-Id: " ID "\r\n\r\n",
		(struct exchange_head_request) {.conf = &forwarding, .tls = true});
}

static void what_a_visitor_claims_is_replaced(void **state)
{
	static const struct row rows[] = {
		{GET CLAIMS "X: 1\r\n\r\n", GET "X: 1\r\n" ORIGIN "\r\n"},
		{GET CLAIMS CLAIMS "\r\n", GET ORIGIN "\r\n"},
		{GET CLAIMS "Connection: X-Forwarded-For, Forwarded, X-Real-IP\r\n\r\n",
			GET ORIGIN "\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &forwarding});
}

/* Much that runs behind us reads X_Forwarded_For as X-Forwarded-For. */
static void claims_with_underscores_are_claims(void **state)
{
	static const struct row rows[] = {
		{GET "X_Forwarded_For: 10.0.0.1\r\nx-forwarded_proto: https\r\n"
		     "X_FORWARDED-HOST: b.test\r\nX_Request_Id: mine\r\nX_Real_IP: 10.0.0.1\r\n"
		     "X_Forwarded_Fo: 1\r\nX_Forwarded_For_: 1\r\n_Forwarded: 1\r\n\r\n",
			GET "X_Forwarded_Fo: 1\r\nX_Forwarded_For_: 1\r\n_Forwarded: 1\r\n" ORIGIN
			    "\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &forwarding});
	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &trusting});
}

static void what_a_trusted_proxy_says_is_kept_and_added_to(void **state)
{
	static const struct row rows[] = {
		{GET "\r\n", GET ORIGIN "\r\n"},
		{GET CLAIMS "\r\n",
			GET "X-FORWARDED-PROTO: https\r\nX-Forwarded-Host: b.test\r\n"
			    "X-Request-Id: mine\r\nForwarded: for=10.0.0.1\r\n"
			    "X-Real-IP: 10.0.0.1\r\n"
			    "X-Forwarded-For: 10.0.0.1, " PEER "\r\n\r\n"},
		{GET "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nx-forwarded-for: 10.0.0.3\r\n"
		     "X-Forwarded-For:\r\nX-Forwarded-Proto: https\r\n\r\n",
			GET "X-Forwarded-Proto: https\r\n"
			    "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, " PEER "\r\n"
			    "X-Forwarded-Host: a.test\r\nX-Request-Id: " ID "\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &trusting});
}

#define TRUSTED "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b.test\r\nX-Request-Id: mine\r\n"

/* RFC 7239; what a visitor says there about itself is not passed on. */
static void the_visitor_is_named_in_forwarded_as_well(void **state)
{
	static const struct row rows[] = {
		{GET "\r\n", GET ORIGIN "Forwarded: for=" PEER ";host=a.test;proto=http\r\n\r\n"},
		{GET CLAIMS CLAIMS "forwarded: for=1\r\n\r\n",
			GET ORIGIN "Forwarded: for=" PEER ";host=a.test;proto=http\r\n\r\n"},
	};
	static const struct row off[] = {{GET CLAIMS "\r\n", GET CLAIMS "\r\n"}};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &field});
	check_rows(off, ARRAY_LEN(off), (struct exchange_head_request) {.conf = &field_alone});
}

static void forwarded_goes_on_where_a_trusted_proxy_began(void **state)
{
	static const struct row rows[] = {
		{GET "\r\n", GET ORIGIN "Forwarded: for=" PEER ";host=a.test;proto=http\r\n\r\n"},
		{GET TRUSTED "Forwarded: for=10.0.0.1;proto=https\r\n\r\n",
			GET TRUSTED "X-Forwarded-For: " PEER "\r\n"
				    "Forwarded: for=10.0.0.1;proto=https, for=" PEER "\r\n\r\n"},
		{GET TRUSTED "X-Forwarded-For: 10.0.0.1\r\n\r\n",
			GET TRUSTED "X-Forwarded-For: 10.0.0.1, " PEER "\r\n"
				    "Forwarded: for=10.0.0.1;host=b.test;proto=https, for=" PEER
				    "\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &field_trusting});
}

static void nothing_is_added_or_taken_when_that_is_off(void **state)
{
	static const struct row rows[] = {{GET CLAIMS "\r\n", GET CLAIMS "\r\n"}};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &plain});
	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.conf = &trusting_plain});
}

/* ---- upgrades ---- */

static void an_upgrade_takes_along_what_it_needs(void **state)
{
	static const struct row rows[] = {
		{GET "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
			GET "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			    "Sec-WebSocket-Key: x\r\n\r\n"},
		{GET "upgrade: WebSocket\r\nconnection: keep-alive,\tupGRADE\r\n\r\n",
			GET "upgrade: WebSocket\r\nconnection: keep-alive,\tupGRADE\r\n\r\n"},
		/* What was nominated besides is gone, so its name goes as well. */
		{GET "Connection: Upgrade, X-Secret\r\nUpgrade: a, b/2\r\nX-Secret: 1\r\n\r\n",
			GET "Connection: Upgrade\r\nUpgrade: a, b/2\r\n\r\n"},
		{GET "Connection: close, upgrade\r\nUpgrade: a\r\nKeep-Alive: 5\r\n"
		     "Proxy-Connection: upgrade\r\nTE: trailers\r\n\r\n",
			GET "Connection: Upgrade\r\nUpgrade: a\r\n\r\n"},
		{"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n"
		 "Connection: upgrade\r\nUpgrade: a\r\n\r\n",
			"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n"
			"Connection: upgrade\r\nUpgrade: a\r\n\r\n"},
	};

	check_rows(rows, ARRAY_LEN(rows), (struct exchange_head_request) {.upgrade = true});
	check_request(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" ORIGIN "\r\n",
		(struct exchange_head_request) {.upgrade = true, .conf = &forwarding});
}

/* ---- responses ---- */

static void check_response(
	const char *text, const char *expected, struct exchange_head_response response)
{
	static const struct http1_limits limits = {1000, 20000, HTTP_FIELDS_MAX};
	struct http1_parser parser = {0};
	struct buf out = {0};

	assert_int_equal(
		http1_parse_response(&parser, slice_from_str(text), &limits, &head), PARSE_DONE);
	http_hop_mark(&head);
	response.head = &head;
	exchange_head_write_response(&out, &response);
	check_text(&out, expected);
}

#define OK "HTTP/1.1 200 OK\r\n"

static void a_response_passes_but_for_its_connection(void **state)
{
	static const struct row rows[] = {
		{"HTTP/1.1 299 Odd Reason\r\nset-cookie: a\r\nSet-Cookie: b\r\nX:\r\n\r\n",
			"HTTP/1.1 299 Odd Reason\r\nset-cookie: a\r\nSet-Cookie: b\r\nX: \r\n\r\n"},
		{"HTTP/1.0 404 \r\nContent-Length: 3\r\n\r\n",
			"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n"},
		{OK "Connection: keep-alive, X-Secret\r\nKeep-Alive: timeout=5\r\nX-Secret: 1\r\n"
		    "Proxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\n"
		    "Trailer: X-Sum\r\nDate: now\r\n\r\n",
			OK "Trailer: X-Sum\r\nDate: now\r\n\r\n"},
		/* Said by the service itself, for whoever is behind. */
		{OK "X-Forwarded-For: a\r\nX-Request-Id: b\r\nForwarded: c\r\n\r\n",
			OK "X-Forwarded-For: a\r\nX-Request-Id: b\r\nForwarded: c\r\n\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_response(rows[i].text, rows[i].expected, (struct exchange_head_response) {0});
}

static void the_framing_of_a_response_is_that_of_its_way(void **state)
{
	static const char text[] = OK "Content-Length: 3\r\nConnection: close\r\nX: 1\r\n\r\n";

	check_response(text, OK "X: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		(struct exchange_head_response) {.chunked = true, .drop_length = true});
	check_response(text, OK "Content-Length: 3\r\nX: 1\r\nConnection: close\r\n\r\n",
		(struct exchange_head_response) {.close = true});
	check_response(text, OK "Content-Length: 3\r\nX: 1\r\nConnection: keep-alive\r\n\r\n",
		(struct exchange_head_response) {.keep_alive = true});
	check_response(text, OK "X: 1\r\nConnection: close\r\n\r\n",
		(struct exchange_head_response) {
			.close = true, .keep_alive = true, .drop_length = true});
}

static void an_agreed_upgrade_passes(void **state)
{
	check_response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		       "connection: Upgrade, close\r\nKeep-Alive: 5\r\nX: 1\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nconnection: Upgrade\r\n"
		"X: 1\r\n\r\n",
		(struct exchange_head_response) {.upgrade = true, .close = true});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_gates_stays_here),
		cmocka_unit_test(what_is_the_gates_stays_here_in_upgrades),
		cmocka_unit_test(what_is_not_about_the_connection_passes_unchanged),
		cmocka_unit_test(what_is_about_the_connection_ends_here),
		cmocka_unit_test(the_coding_of_the_body_is_written_anew),
		cmocka_unit_test(trailers_are_still_asked_for),
		cmocka_unit_test(http_1_0_cannot_expect_anything),
		cmocka_unit_test(the_authority_of_an_absolute_target_takes_the_place_of_host),
		cmocka_unit_test(a_request_without_host_gets_the_one_of_its_target),
		cmocka_unit_test(the_visitor_is_named),
		cmocka_unit_test(what_a_visitor_claims_is_replaced),
		cmocka_unit_test(claims_with_underscores_are_claims),
		cmocka_unit_test(what_a_trusted_proxy_says_is_kept_and_added_to),
		cmocka_unit_test(the_visitor_is_named_in_forwarded_as_well),
		cmocka_unit_test(forwarded_goes_on_where_a_trusted_proxy_began),
		cmocka_unit_test(nothing_is_added_or_taken_when_that_is_off),
		cmocka_unit_test(an_upgrade_takes_along_what_it_needs),
		cmocka_unit_test(a_response_passes_but_for_its_connection),
		cmocka_unit_test(the_framing_of_a_response_is_that_of_its_way),
		cmocka_unit_test(an_agreed_upgrade_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
