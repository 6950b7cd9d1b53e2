/* Opening links to a relay that the test plays by hand, over real sockets. */
#include "wire/uplink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/stream_tcp.h"
#include "io/stream_tls.h"
#include "support/loop_turn.h"
#include "support/request_text.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"
#include "support/tls_context.h"
#include "wire/upgrade_accept.h"

#define LONG_MS 60000
#define SHORT_MS 30
#define AGREED "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: adit\r\n"

struct fixture {
	struct loop *loop;
	struct uplink_request request;
	unsigned done;
	struct uplink_result result;
	struct stream_log link;
	char detail[256];
	char code[64];
	char proof[64];
	struct buf received; /* what came with the link */
	int listening, peer;
	struct buf heard; /* by the relay */
	char place[64]; /* host:port of the listener */
};

static struct fixture fixture;

static int set_up(void **state)
{
	struct addr at = {0};

	fixture = (struct fixture) {.loop = loop_new(), .peer = -1};
	fixture.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(addr_parse("127.0.0.1", 0, &at), 0);
	assert_int_equal(bind(fixture.listening, (struct sockaddr *)&at.storage, at.len), 0);
	assert_int_equal(listen(fixture.listening, 5), 0);
	assert_int_equal(addr_of_socket(fixture.listening, &at), 0);
	fixture.request = (struct uplink_request) {
		.host = "127.0.0.1", .port = addr_port(&at), .timeout_ms = LONG_MS};
	snprintf(fixture.place, sizeof(fixture.place), "127.0.0.1:%u", fixture.request.port);
	return 0;
}

static int tear_down(void **state)
{
	if (fixture.link.stream)
		stream_log_deinit(&fixture.link);
	loop_free(&fixture.loop);
	buf_release(&fixture.heard);
	buf_release(&fixture.received);
	if (fixture.peer >= 0)
		close(fixture.peer);
	close(fixture.listening);
	return 0;
}

static void on_done(void *ctx, const struct uplink_result *result)
{
	assert_ptr_equal(ctx, &fixture);
	fixture.done++;
	fixture.result = *result;
	slice_to_str(result->detail, fixture.detail, sizeof(fixture.detail));
	slice_to_str(result->code, fixture.code, sizeof(fixture.code));
	slice_to_str(result->proof, fixture.proof, sizeof(fixture.proof));
	buf_append_slice(&fixture.received, result->received);
	assert_true((result->link != NULL) == (result->hop == UPLINK_DONE));
	if (!result->link)
		return;
	stream_log_init(&fixture.link, result->link);
	stream_read_start(result->link);
}

static struct uplink *begin(void)
{
	struct uplink *u = uplink_start(fixture.loop, &fixture.request, on_done, &fixture);

	assert_int_equal(fixture.done, 0);
	return u;
}

static void wait_for_end(void)
{
	LOOP_TURN_UNTIL(fixture.loop, fixture.done);
	for (int i = 0; i < 5; i++)
		loop_turn(fixture.loop);
	assert_int_equal(fixture.done, 1);
}

/* Plays the relay until it has heard a whole head. */
static void hear(void)
{
	buf_release(&fixture.heard);
	while (!slice_ends(buf_slice(&fixture.heard), SLICE("\r\n\r\n"))) {
		loop_turn(fixture.loop);
		if (fixture.peer < 0)
			fixture.peer = accept4(fixture.listening, NULL, NULL, SOCK_NONBLOCK);
		else
			assert_int_equal(
				tcp_pair_receive(fixture.peer, &fixture.heard), TCP_PAIR_OPEN);
	}
}

static void say(const char *text)
{
	tcp_pair_send(fixture.peer, slice_from_str(text));
}

static void check_failed(enum uplink_hop hop, int err, const char *detail, const char *why)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "%s%s%s", detail, fixture.place, why);
	assert_int_equal(fixture.result.hop, hop);
	assert_int_equal(fixture.result.err, err);
	assert_string_equal(fixture.detail, expected);
}

/* Bytes both ways over the link that came about. */
static void check_link(void)
{
	struct slice hello = SLICE("hello");
	struct buf got = {0};

	assert_int_equal(fixture.result.hop, UPLINK_DONE);
	assert_int_equal(fixture.result.status, 101);
	say("welcome");
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&fixture.link.data) >= 7);
	assert_true(slice_eq(buf_slice(&fixture.link.data), SLICE("welcome")));
	assert_true(stream_write(fixture.link.stream, &hello, 1));
	while (buf_len(&got) < 5)
		assert_int_equal(tcp_pair_receive(fixture.peer, &got), TCP_PAIR_OPEN);
	assert_true(slice_eq(buf_slice(&got), hello));
	buf_release(&got);
}

static void a_link_comes_about_with_what_stands_behind_the_head(void **state)
{
	begin();
	hear();
	assert_true(slice_starts(
		buf_slice(&fixture.heard), SLICE("GET /_adit/session HTTP/1.1\r\nHost: ")));
	say(AGREED "Adit-Received: 5\r\nAdit-Proof: abc\r\n\r\nfirst");
	wait_for_end();
	assert_true(slice_eq(buf_slice(&fixture.received), SLICE("first")));
	assert_int_equal(fixture.result.peer_received, 5);
	assert_string_equal(fixture.proof, "abc");
	assert_int_equal(fixture.result.hop_us[UPLINK_PROXY], 0);
	assert_true(fixture.result.hop_us[UPLINK_HTTP] > 0);
	check_link();
}

static void an_answer_may_come_byte_by_byte(void **state)
{
	static const char answer[] = "HTTP/1.1 103 Early Hints\r\n\r\n" AGREED "\r\n";

	begin();
	hear();
	for (size_t i = 0; i + 1 < sizeof(answer); i++) {
		assert_int_equal(fixture.done, 0);
		tcp_pair_send(fixture.peer, slice_of(answer + i, 1));
		loop_turn(fixture.loop);
	}
	wait_for_end();
	assert_int_equal(buf_len(&fixture.received), 0);
	check_link();
}

static void a_websocket_link_has_frames(void **state)
{
	static const char frame[] = {(char)0x82, 2, 'h', 'i'};
	static struct http_head head;
	struct buf answer = {0};

	fixture.request.framing = UPLINK_WEBSOCKET;
	begin();
	hear();
	buf_append_char(&fixture.heard, '\0');
	request_text_parse(&head, buf_slice(&fixture.heard).ptr);
	assert_int_equal(upgrade_kind_of(&head), UPGRADE_WEBSOCKET);
	upgrade_write_answer(&answer, UPGRADE_WEBSOCKET, &head, SLICE(""));
	buf_append(&answer, frame, sizeof(frame));
	tcp_pair_send(fixture.peer, buf_slice(&answer));
	wait_for_end();
	assert_int_equal(fixture.result.hop, UPLINK_DONE);
	assert_int_equal(buf_len(&fixture.received), 0);
	LOOP_TURN_UNTIL(fixture.loop, fixture.link.data_count);
	tcp_pair_send(fixture.peer, slice_of(frame, sizeof(frame)));
	LOOP_TURN_UNTIL(fixture.loop, fixture.link.data_count == 2);
	assert_true(slice_eq(buf_slice(&fixture.link.data), SLICE("hihi")));
	buf_release(&answer);
}

static void a_websocket_answer_to_another_key_is_refused(void **state)
{
	fixture.request.framing = UPLINK_WEBSOCKET;
	begin();
	hear();
	say("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	    "Sec-WebSocket-Protocol: adit\r\n\r\n");
	wait_for_end();
	check_failed(UPLINK_HTTP, ERR_DENIED, "",
		" answered 101 x: its WebSocket answer belongs to another request");
}

static void a_refusal_has_its_code(void **state)
{
	begin();
	hear();
	say("HTTP/1.1 503 Service Unavailable\r\nX-Adit-Error: draining\r\nRetry-After: 3\r\n\r\n");
	wait_for_end();
	assert_int_equal(fixture.result.status, 503);
	assert_int_equal(fixture.result.retry_after_s, 3);
	assert_string_equal(fixture.code, "draining");
	check_failed(UPLINK_HTTP, ERR_DENIED, "",
		" answered 503 (draining): the relay is about to stop");
}

static void another_server_is_told_apart(void **state)
{
	begin();
	hear();
	say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	wait_for_end();
	check_failed(UPLINK_HTTP, ERR_DENIED, "",
		" answered 404 Not Found: this is not a relay of adit, or something in front of "
		"one");
}

static void what_is_not_http_is_told(void **state)
{
	begin();
	hear();
	say("SSH-2.0-OpenSSH\r\n");
	wait_for_end();
	assert_int_equal(fixture.result.hop, UPLINK_HTTP);
	assert_int_equal(fixture.result.err, ERR_SYNTAX);
	assert_int_equal(fixture.result.status, 0);
	assert_non_null(strstr(fixture.detail, ": its answer is not HTTP as it should be: "));
}

static void an_end_without_an_answer_is_told(void **state)
{
	begin();
	hear();
	close(fixture.peer);
	fixture.peer = -1;
	wait_for_end();
	check_failed(UPLINK_HTTP, ERR_ENDED, "", ": closed the connection without an answer");
}

static void silence_ends_with_the_time_limit(void **state)
{
	fixture.request.timeout_ms = SHORT_MS;
	begin();
	wait_for_end();
	check_failed(UPLINK_HTTP, ERR_TIMEOUT, "", ": no answer to the request in 0.03 s");
}

static void a_relay_that_is_not_there_is_told(void **state)
{
	close(fixture.listening);
	fixture.listening = -1;
	begin();
	wait_for_end();
	check_failed(UPLINK_TCP, ERR_REFUSED, "connect to ", ": connection refused");
}

static void a_name_that_is_none_fails_at_dns(void **state)
{
	fixture.request.host = "\xff";
	begin();
	wait_for_end();
	assert_int_equal(fixture.result.hop, UPLINK_DNS);
	assert_string_equal(fixture.detail, "look up \xff: this is not the name of a host");
}

/* ---- through a proxy, which is the listener; the relay's own address is never dialled ---- */

static void use_proxy(void)
{
	fixture.request.host = "relay.invalid";
	fixture.request.port = 80;
	fixture.request.proxy = fixture.place;
	fixture.request.proxy_authorization = "Basic dTpw";
}

static void a_proxy_connects_us(void **state)
{
	use_proxy();
	begin();
	hear();
	assert_true(slice_starts(
		buf_slice(&fixture.heard), SLICE("CONNECT relay.invalid:80 HTTP/1.1\r\n")));
	say("HTTP/1.0 200 Connection established\r\nContent-Length: 7\r\n\r\n");
	hear();
	assert_true(slice_starts(buf_slice(&fixture.heard),
		SLICE("GET /_adit/session HTTP/1.1\r\nHost: relay.invalid\r\n")));
	/* the password is for the proxy alone */
	buf_append_char(&fixture.heard, '\0');
	assert_null(strstr(buf_slice(&fixture.heard).ptr, "dTpw"));
	say(AGREED "\r\n");
	wait_for_end();
	assert_true(fixture.result.hop_us[UPLINK_PROXY] > 0);
	check_link();
}

/* The relay behind the proxy, with the certificate of a.test. */
static struct stream_log begin_tls(const char *host)
{
	struct stream_log relay;
	struct stream *lower;
	struct tls *tls;

	assert_int_equal(tls_context_open(NULL), 0);
	use_proxy();
	fixture.request.host = host;
	fixture.request.port = 443;
	fixture.request.tls = tls_context_client;
	begin();
	hear();
	say("HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(stream_tcp_adopt(fixture.loop, fixture.peer, &lower), 0);
	fixture.peer = -1;
	tls = tls_accept(tls_context_server);
	stream_log_init(&relay, stream_tls_new(fixture.loop, &lower, &tls));
	return relay;
}

static void tls_goes_through_a_proxy(void **state)
{
	struct stream_log relay = begin_tls("a.test");
	struct slice answer = SLICE(AGREED "\r\nfirst"), hello = SLICE("hello");

	stream_listen(relay.stream, relay.stream->events, &relay);
	stream_read_start(relay.stream);
	LOOP_TURN_UNTIL(fixture.loop, slice_ends(buf_slice(&relay.data), SLICE("\r\n\r\n")));
	assert_true(slice_starts(
		buf_slice(&relay.data), SLICE("GET /_adit/session HTTP/1.1\r\nHost: a.test\r\n")));
	buf_clear(&relay.data);
	stream_write(relay.stream, &answer, 1);
	wait_for_end();
	assert_int_equal(fixture.result.hop, UPLINK_DONE);
	assert_true(fixture.result.hop_us[UPLINK_TLS] > 0);
	assert_true(slice_eq(buf_slice(&fixture.received), SLICE("first")));
	assert_true(stream_write(fixture.link.stream, &hello, 1));
	LOOP_TURN_UNTIL(fixture.loop, buf_len(&relay.data) == 5);
	assert_true(slice_eq(buf_slice(&relay.data), hello));
	stream_log_deinit(&fixture.link);
	stream_log_deinit(&relay);
	loop_turn(fixture.loop);
	tls_context_close(NULL);
}

static void a_certificate_for_another_name_fails_at_tls(void **state)
{
	struct stream_log relay = begin_tls("b.test");

	stream_listen(relay.stream, relay.stream->events, &relay);
	stream_read_start(relay.stream);
	wait_for_end();
	assert_int_equal(fixture.result.hop, UPLINK_TLS);
	assert_int_equal(fixture.result.err, ERR_TLS);
	assert_int_equal(fixture.result.status, 0);
	assert_ptr_equal(strstr(fixture.detail, "b.test:443: the certificate is not for b.test"),
		fixture.detail);
	stream_log_deinit(&relay);
	loop_turn(fixture.loop);
	tls_context_close(NULL);
}

static void a_proxy_may_refuse(void **state)
{
	use_proxy();
	begin();
	hear();
	say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
	wait_for_end();
	assert_int_equal(fixture.result.status, 407);
	check_failed(UPLINK_PROXY, ERR_DENIED, "proxy ",
		" answered 407 Proxy Authentication Required: "
		"the proxy wants a user and a password");
}

static void a_proxy_may_not_speak_for_the_relay(void **state)
{
	use_proxy();
	begin();
	hear();
	say("HTTP/1.1 200 OK\r\n\r\n" AGREED "\r\n");
	wait_for_end();
	check_failed(UPLINK_PROXY, ERR_SYNTAX, "proxy ", ": more came behind its answer");
}

static void a_proxy_that_is_not_there_is_told(void **state)
{
	use_proxy();
	close(fixture.listening);
	fixture.listening = -1;
	begin();
	wait_for_end();
	check_failed(UPLINK_PROXY, ERR_REFUSED, "the proxy cannot be reached: connect to ",
		": connection refused");
}

static void a_proxy_has_a_host_and_a_port(void **state)
{
	static const char *const bad[] = {"", "proxy", "proxy:", "proxy:0", "proxy:65536", ":80"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		fixture.done = 0;
		fixture.request.proxy = bad[i];
		begin();
		wait_for_end();
		assert_int_equal(fixture.result.hop, UPLINK_PROXY);
		assert_int_equal(fixture.result.err, ERR_SYNTAX);
	}
}

static void a_cancelled_attempt_is_silent_wherever_it_is(void **state)
{
	for (int turns = 0; turns < 6; turns++) {
		struct uplink *u = begin();

		for (int i = 0; i < turns; i++)
			loop_turn(fixture.loop);
		uplink_cancel(&u);
		uplink_cancel(&u);
		assert_null(u);
		for (int i = 0; i < 10; i++)
			loop_turn(fixture.loop);
		assert_int_equal(fixture.done, 0);
	}
}

int main(void)
{
#define UPLINK_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		UPLINK_TEST(a_link_comes_about_with_what_stands_behind_the_head),
		UPLINK_TEST(an_answer_may_come_byte_by_byte),
		UPLINK_TEST(a_websocket_link_has_frames),
		UPLINK_TEST(a_websocket_answer_to_another_key_is_refused),
		UPLINK_TEST(a_refusal_has_its_code),
		UPLINK_TEST(another_server_is_told_apart),
		UPLINK_TEST(what_is_not_http_is_told),
		UPLINK_TEST(an_end_without_an_answer_is_told),
		UPLINK_TEST(silence_ends_with_the_time_limit),
		UPLINK_TEST(a_relay_that_is_not_there_is_told),
		UPLINK_TEST(a_name_that_is_none_fails_at_dns),
		UPLINK_TEST(a_proxy_connects_us),
		UPLINK_TEST(tls_goes_through_a_proxy),
		UPLINK_TEST(a_certificate_for_another_name_fails_at_tls),
		UPLINK_TEST(a_proxy_may_refuse),
		UPLINK_TEST(a_proxy_may_not_speak_for_the_relay),
		UPLINK_TEST(a_proxy_that_is_not_there_is_told),
		UPLINK_TEST(a_proxy_has_a_host_and_a_port),
		UPLINK_TEST(a_cancelled_attempt_is_silent_wherever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
