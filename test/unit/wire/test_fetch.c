/* One request and its answer, by a relay that the test plays by hand over a real socket. */
#include "wire/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/addr.h"
#include "io/loop.h"
#include "support/loop_turn.h"
#include "support/tcp_pair.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

struct fixture {
	struct loop *loop;
	struct fetch_request request;
	unsigned done;
	struct fetch_result result;
	char detail[256], code[64];
	struct buf body;
	int listening, peer;
	struct buf heard;
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
	fixture.request = (struct fetch_request) {
		.way = {.host = "127.0.0.1", .port = addr_port(&at), .timeout_ms = 60000},
		.method = "GET",
		.target = "/api/v1/me",
		.answer_max = 16};
	return 0;
}

static int tear_down(void **state)
{
	loop_free(&fixture.loop);
	buf_release(&fixture.heard);
	buf_release(&fixture.body);
	if (fixture.peer >= 0)
		close(fixture.peer);
	close(fixture.listening);
	return 0;
}

static void on_done(void *ctx, const struct fetch_result *result)
{
	assert_ptr_equal(ctx, &fixture);
	fixture.done++;
	fixture.result = *result;
	slice_to_str(result->detail, fixture.detail, sizeof(fixture.detail));
	slice_to_str(result->code, fixture.code, sizeof(fixture.code));
	buf_append_slice(&fixture.body, result->body);
}

static struct fetch *begin(void)
{
	struct fetch *f = fetch_start(fixture.loop, &fixture.request, on_done, &fixture);

	assert_int_equal(fixture.done, 0);
	return f;
}

static void hear(const char *last)
{
	while (!slice_ends(buf_slice(&fixture.heard), slice_from_str(last))) {
		loop_turn(fixture.loop);
		if (fixture.peer < 0)
			fixture.peer = accept4(fixture.listening, NULL, NULL, SOCK_NONBLOCK);
		else
			assert_int_equal(
				tcp_pair_receive(fixture.peer, &fixture.heard), TCP_PAIR_OPEN);
	}
}

static void finish(void)
{
	LOOP_TURN_UNTIL(fixture.loop, fixture.done);
	for (int i = 0; i < 5; i++)
		loop_turn(fixture.loop);
	assert_int_equal(fixture.done, 1);
}

/* The whole answer in pieces of that size; the connection ends behind it if that is asked for. */
static void answer(const char *text, size_t piece, bool ends)
{
	struct slice rest = slice_from_str(text);

	begin();
	hear("\r\n\r\n");
	while (rest.len && !fixture.done) {
		tcp_pair_send(fixture.peer, slice_first(rest, piece));
		rest = slice_from(rest, piece);
		loop_turn(fixture.loop);
	}
	if (ends)
		shutdown(fixture.peer, SHUT_WR);
	finish();
}

static void the_request_says_what_was_asked(void **state)
{
	char expected[512];

	fixture.request.method = "POST";
	fixture.request.target = "/api/v1/names";
	fixture.request.body = SLICE("{\"name\":\"demo\"}");
	fixture.request.way.fields = SLICE("Authorization: Bearer adit_x\r\n");
	begin();
	hear("}");
	snprintf(expected, sizeof(expected),
		"POST /api/v1/names HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: adit/%s\r\n"
		"Accept: application/json\r\nConnection: close\r\n"
		"Content-Type: application/json\r\nContent-Length: 15\r\n"
		"Authorization: Bearer adit_x\r\n\r\n{\"name\":\"demo\"}",
		fixture.request.way.port, ADIT_VERSION);
	buf_append_char(&fixture.heard, '\0');
	assert_string_equal(buf_slice(&fixture.heard).ptr, expected);
	tcp_pair_send(fixture.peer, SLICE("HTTP/1.1 204 No Content\r\n\r\n"));
	finish();
	assert_int_equal(fixture.result.hop, UPLINK_DONE);
	assert_int_equal(fixture.result.status, 204);
}

static void check_answer(const char *text, bool ends, const char *body)
{
	for (size_t piece = 1; piece <= 1000; piece *= 10) {
		tear_down(NULL);
		set_up(NULL);
		answer(text, piece, ends);
		if (fixture.result.err)
			fail_msg("%s: %s", text, fixture.detail);
		assert_int_equal(fixture.result.hop, UPLINK_DONE);
		assert_true(slice_eq(buf_slice(&fixture.body), slice_from_str(body)));
	}
}

static void an_answer_ends_in_every_usual_way(void **state)
{
	check_answer(HEAD "Content-Length: 5\r\n\r\nhello", false, "hello");
	check_answer(HEAD "Content-Length: 16\r\n\r\n0123456789abcdef", false, "0123456789abcdef");
	check_answer(HEAD "Content-Length: 0\r\n\r\n", false, "");
	check_answer(HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
		false, "hello");
	check_answer(HEAD "Connection: close\r\n\r\nhello", true, "hello");
	check_answer(
		"HTTP/1.1 103 Early Hints\r\n\r\n" HEAD "Content-Length: 2\r\n\r\nok", false, "ok");
	check_answer(
		"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno", false, "no");
}

static void the_head_is_told(void **state)
{
	answer("HTTP/1.1 429 Too Many Requests\r\nX-Adit-Error: too-many-logins\r\n"
	       "Retry-After: 7\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
		1000, false);
	assert_int_equal(fixture.result.status, 429);
	assert_string_equal(fixture.code, "too-many-logins");
	assert_int_equal(fixture.result.retry_after_s, 7);
	assert_int_equal(fixture.result.date_s, 784111777);
}

static void check_failed(const char *text, bool ends, int err, const char *words)
{
	tear_down(NULL);
	set_up(NULL);
	answer(text, 1000, ends);
	assert_int_equal(fixture.result.hop, UPLINK_HTTP);
	assert_int_equal(fixture.result.err, err);
	if (!strstr(fixture.detail, words))
		fail_msg("%s, not %s", fixture.detail, words);
	assert_int_equal(buf_len(&fixture.body), 0);
}

static void a_bad_answer_is_told(void **state)
{
	check_failed(HEAD "Content-Length: 17\r\n\r\n0123456789abcdefg", false, ERR_LIMIT,
		"longer than it should be");
	check_failed(HEAD "Content-Length: 5\r\n\r\nhell", true, ERR_ENDED, "in the middle");
	check_failed(HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true, ERR_ENDED,
		"in the middle");
	check_failed("", true, ERR_ENDED, "without an answer");
	check_failed("SSH-2.0-x\r\n\r\n", false, ERR_SYNTAX, "");
	check_failed(
		HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", false, ERR_SYNTAX, "");
	check_failed(HEAD "Transfer-Encoding: chunked\r\n\r\nx\r\n", false, ERR_SYNTAX, "");
	check_failed("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: adit\r\n\r\n", false,
		ERR_SYNTAX, "another protocol");
}

static void silence_ends_with_the_time_limit(void **state)
{
	fixture.request.way.timeout_ms = 30;
	begin();
	finish();
	assert_int_equal(fixture.result.hop, UPLINK_HTTP);
	assert_int_equal(fixture.result.err, ERR_TIMEOUT);
	assert_non_null(strstr(fixture.detail, "no whole answer in 0.03 s"));
}

static void a_relay_that_is_not_there_is_told(void **state)
{
	close(fixture.listening);
	begin();
	finish();
	fixture.listening = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(fixture.result.hop, UPLINK_TCP);
	assert_int_equal(fixture.result.err, ERR_REFUSED);
}

static void a_cancelled_request_is_silent_wherever_it_is(void **state)
{
	struct fetch *f = begin();

	fetch_cancel(&f);
	f = begin();
	hear("\r\n\r\n");
	tcp_pair_send(fixture.peer, SLICE(HEAD "Content-Length: 5\r\n\r\nhe"));
	for (int i = 0; i < 5; i++)
		loop_turn(fixture.loop);
	fetch_cancel(&f);
	for (int i = 0; i < 5; i++)
		loop_turn(fixture.loop);
	assert_int_equal(fixture.done, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_request_says_what_was_asked),
		TEST(an_answer_ends_in_every_usual_way),
		TEST(the_head_is_told),
		TEST(a_bad_answer_is_told),
		TEST(silence_ends_with_the_time_limit),
		TEST(a_relay_that_is_not_there_is_told),
		TEST(a_cancelled_request_is_silent_wherever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
