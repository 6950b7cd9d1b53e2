/* One request and its answer: what the service gets, what the visitor gets, what is reported. */
#include "local_rig.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"

static struct rig rig;

static int set_up(void **state)
{
	rig_init(&rig, NULL);
	return 0;
}

static int tear_down(void **state)
{
	rig_deinit(&rig);
	return 0;
}

/* A visitor that is served with the answer over a new connection; returns the connection. */
static int serve(const char *request, const char *sent, const char *answer)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, request);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, sent);
	rig_send(fd, answer);
	rig_expect_whole(&rig, &visitor, answer);
	stream_mem_deinit(&visitor);
	return fd;
}

static void a_get_is_served_with_one_write_and_reported(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	assert_int_equal(local_count(rig.local), 1);
	assert_int_equal(rig.opened, 1);
	stream_mem_end(&visitor);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	assert_int_equal(visitor.writes, 1);
	assert_int_equal(local_count(rig.local), 0);
	assert_int_equal(rig.requests, 1);
	assert_int_equal(rig.report.status, 200);
	assert_string_equal(rig.report.tunnel, "web");
	assert_true(strstr(rig.report.target, "http://127.0.0.1:") == rig.report.target);
	assert_string_equal(rig.report.visitor, "203.0.113.9");
	assert_string_equal(rig.report.method, "GET");
	assert_string_equal(rig.report.path, "/a?b");
	assert_string_equal(rig.report.id, "4f2a90c1d3e5b768");
	assert_string_equal(rig.report.code, "");
	assert_int_equal(rig.report.bytes_in, strlen(RIG_GET_SENT));
	assert_int_equal(rig.report.bytes_out, strlen(RIG_OK));
	assert_true(rig.report.duration_us >= rig.report.first_byte_us);
	assert_true(rig.report.first_byte_us > 0);
	assert_false(rig.report.tcp);
	assert_false(rig.report.reused);
	assert_false(rig.report.upgraded);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void bytes_may_come_one_by_one_from_both_sides(void **state)
{
	static const char answer[] = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
				     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, "");
	for (const char *at = RIG_GET; *at; at++)
		stream_mem_feed(&visitor, slice_of(at, 1));
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	for (const char *at = answer; *at; at++) {
		tcp_pair_send(fd, slice_of(at, 1));
		loop_turn(rig.loop);
	}
	rig_expect_whole(&rig, &visitor, answer);
	assert_int_equal(rig.report.status, 200);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void what_came_is_passed_on_without_waiting_for_more(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
	rig_expect_visitor(
		&rig, &visitor, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
	buf_clear(&visitor.out);
	rig_send(fd, "data: 1\n\n");
	rig_expect_visitor(&rig, &visitor, "data: 1\n\n");
	assert_false(visitor.shut);
	close(fd);
	rig_expect_whole(&rig, &visitor, "data: 1\n\n");
	stream_mem_deinit(&visitor);
}

static void answers_of_every_framing_have_their_end(void **state)
{
	static const struct {
		const char *method;
		const char *answer;
		bool kept;
	} rows[] = {
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", true},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
			true},
		{"GET",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
			"1\r\n\r\na",
			true},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
			false},
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false},
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na",
			true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[256];
		size_t line = strlen(RIG_LINE);
		int fd;

		snprintf(request, sizeof(request), "%s%s / HTTP/1.1\r\nHost: a\r\n\r\n", RIG_LINE,
			rows[i].method);
		fd = serve(request, request + line, rows[i].answer);
		if (rows[i].kept)
			close(fd);
		else
			assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
		rig_settle(&rig);
	}
	assert_int_equal(rig.requests, ARRAY_LEN(rows));
}

static void a_body_is_passed_on_as_it_comes(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor,
		RIG_LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
	stream_mem_feed(&visitor, SLICE("cd"));
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcd");
	stream_mem_feed(&visitor, SLICE("ef"));
	rig_expect(&rig, fd, "ef");
	stream_mem_end(&visitor);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	assert_int_equal(rig.report.bytes_in, 47 + 6);
	assert_string_equal(rig.report.method, "POST");
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_long_body_is_held_back(void **state)
{
	static char block[65536];
	struct stream_mem visitor;
	struct buf got = {0};
	size_t sent = 0;
	int fd;

	rig_visit(&rig, &visitor,
		RIG_LINE "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (; visitor.reading && sent < 1000; sent++)
		stream_mem_feed(&visitor, slice_of(block, sizeof(block)));
	assert_int_equal(sent, 1); /* while there is no connection */
	fd = rig_accept(&rig);
	LOOP_TURN_UNTIL(rig.loop, visitor.reading);
	for (; visitor.reading && sent < 1000; sent++) {
		stream_mem_feed(&visitor, slice_of(block, sizeof(block)));
		rig_settle(&rig);
	}
	assert_true(sent < 1000);
	while (!visitor.reading) {
		tcp_pair_receive(fd, &got);
		buf_clear(&got);
		loop_turn(rig.loop);
	}
	stream_mem_fail(&visitor, ERR_RESET);
	while (tcp_pair_receive(fd, &got) == TCP_PAIR_OPEN) {
		buf_clear(&got);
		loop_turn(rig.loop);
	}
	assert_string_equal(rig.report.code, "visitor-gone");
	assert_int_equal(rig.failed, 0);
	buf_release(&got);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_slow_visitor_holds_the_service_back(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	visitor.full = true;
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na");
	rig_expect_visitor(&rig, &visitor, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na");
	buf_clear(&visitor.out);
	rig_send(fd, "bcd");
	rig_settle(&rig);
	assert_int_equal(buf_len(&visitor.out), 0);
	stream_mem_drain(&visitor);
	rig_expect_whole(&rig, &visitor, "bcd");
	close(fd);
	stream_mem_deinit(&visitor);
}

static void bytes_behind_an_answer_are_nobodys(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_send(fd, RIG_OK "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
	rig_expect_whole(&rig, &visitor, RIG_OK);
	LOOP_TURN_UNTIL(rig.loop, tcp_pair_receive(fd, &visitor.out) != TCP_PAIR_OPEN);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_visitor_that_leaves_takes_the_connection_along(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	stream_mem_fail(&visitor, ERR_RESET);
	assert_true(visitor.closed);
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	assert_int_equal(rig.failed, 0);
	assert_int_equal(rig.requests, 1);
	assert_int_equal(rig.report.status, 0);
	stream_mem_deinit(&visitor);
}

static void a_visitor_may_leave_at_any_time(void **state)
{
	static const char *const texts[] = {"", "7 203", RIG_LINE, RIG_LINE "GET / HT", RIG_GET,
		RIG_LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab"};

	for (size_t i = 0; i < ARRAY_LEN(texts) * 2; i++) {
		struct stream_mem visitor;

		rig_visit(&rig, &visitor, texts[i / 2]);
		if (i % 2)
			stream_mem_fail(&visitor, ERR_RESET);
		else
			stream_mem_end(&visitor);
		/* A whole request without more is none that has left. */
		assert_int_equal(visitor.closed, i != 8);
		if (i == 8)
			stream_mem_fail(&visitor, ERR_RESET);
		stream_mem_deinit(&visitor);
		rig_settle(&rig);
	}
	assert_int_equal(local_count(rig.local), 0);
	assert_int_equal(rig.failed, 0);
}

static void an_answer_before_the_requests_end_ends_the_connection(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor,
		RIG_LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
	rig_send(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
	rig_expect_whole(&rig, &visitor, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	assert_int_equal(rig.report.status, 413);
	stream_mem_deinit(&visitor);
}

static void more_than_one_request_is_refused(void **state)
{
	static const char *const texts[] = {RIG_GET "GET / HTTP/1.1\r\n",
		RIG_LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nab"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct stream_mem visitor;

		rig_visit(&rig, &visitor, texts[i]);
		rig_expect_failed(&rig, &visitor, "local-reset", "more than one request");
		stream_mem_deinit(&visitor);
	}
	assert_false(rig_has_connection(&rig));
}

static void a_request_that_is_none_is_refused(void **state)
{
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, RIG_LINE "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n");
	rig_expect_failed(&rig, &visitor, "local-reset", "not well-formed");
	assert_int_equal(rig.requests, 0);
	stream_mem_deinit(&visitor);
}

static void a_service_that_fails_is_reported(void **state)
{
	static const struct {
		const char *answer;
		const char *message;
	} rows[] = {
		{"", "closed the connection before its answer began"},
		{"HTTP/1.1 200 O", "closed the connection before its answer was whole"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "before its answer was whole"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
			"before its answer was whole"},
		{"SSH-2.0-x\r\n", "not HTTP: "},
		{"HTTP/1.1 200 OK\nA: b\n\n", "not HTTP: "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "not HTTP: "},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", "not HTTP: "},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n \r\n\r\n",
			"not HTTP: "},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", "unasked"},
		{"\x15\x03\x01\x02\x02F", "the service speaks TLS: use https://"},
		{"\x16\x03\x01\x02\x02F", "the service speaks TLS: use https://"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stream_mem visitor;
		int fd;

		rig_visit(&rig, &visitor, RIG_GET);
		fd = rig_accept(&rig);
		rig_expect(&rig, fd, RIG_GET_SENT);
		rig_send(fd, rows[i].answer);
		close(fd);
		rig_expect_failed(&rig, &visitor, "local-reset", rows[i].message);
		assert_non_null(strstr(rig.message, "http://127.0.0.1:"));
		assert_int_equal(rig.requests, i + 1);
		assert_string_equal(rig.report.code, "local-reset");
		stream_mem_deinit(&visitor);
	}
}

static void interim_answers_have_an_end(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	for (int i = 0; i < 33; i++)
		rig_send(fd, "HTTP/1.1 102 Processing\r\n\r\n");
	rig_expect_failed(&rig, &visitor, "local-reset", "never comes to its end");
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_reset_by_the_service_is_passed_on(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	tcp_pair_reset(fd);
	rig_expect_failed(&rig, &visitor, "local-reset", "has reset the connection");
	stream_mem_deinit(&visitor);
}

static void a_service_that_is_not_there_is_named(void **state)
{
	struct stream_mem visitor;
	char message[64];

	rig_stop_listening(&rig);
	rig_visit(&rig, &visitor, RIG_GET);
	snprintf(message, sizeof(message), "connect to 127.0.0.1:%u: connection refused", rig.port);
	rig_expect_failed(&rig, &visitor, "local-refused", message);
	assert_int_equal(rig.requests, 1);
	assert_string_equal(rig.report.code, "local-refused");
	stream_mem_deinit(&visitor);
}

static void localhost_is_either_loopback_address(void **state)
{
	int fd;

	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .target.host = (char *)"localhost"});
	fd = serve(RIG_GET, RIG_GET_SENT, RIG_OK);
	close(fd);
}

static void a_socket_that_is_not_there_is_unreachable(void **state)
{
	struct stream_mem visitor;

	rig_set(&rig,
		&(struct tunnel_spec) {
			.proto = TUNNEL_HTTP, .target.path = (char *)"/nonexistent/socket"});
	rig_visit(&rig, &visitor, RIG_GET);
	rig_expect_failed(&rig, &visitor, "local-unreachable", "/nonexistent/socket");
	stream_mem_deinit(&visitor);
}

/* What the relay would refuse is not passed on to it: it would be shown as served. */
static void an_answer_beyond_the_relay_s_limits_is_refused(void **state)
{
	static const struct {
		struct local_limits limits;
		unsigned fields; /* of 21 bytes, behind 40 */
		bool is_refused;
	} rows[] = {{{4000, 0}, 188, false}, {{4000, 0}, 189, true}, {{0, 10}, 9, false},
		{{0, 10}, 10, true}, {{0, 0}, 255, false}, {{UINT32_MAX, UINT32_MAX}, 256, true}};
	struct buf answer = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stream_mem visitor;
		int fd;

		buf_clear(&answer);
		buf_append_str(&answer, "HTTP/1.1 200 OK\r\nContent-Length:  0\r\n");
		for (unsigned k = 0; k < rows[i].fields; k++)
			buf_append_str(&answer, "X-A: 01234567890123\r\n");
		buf_append_slice(&answer, slice_of("\r\n", 3));
		local_set_limits(rig.local, &rows[i].limits);
		rig_visit(&rig, &visitor, RIG_GET);
		fd = rig_accept(&rig);
		rig_send(fd, answer.base);
		if (rows[i].is_refused)
			rig_expect_failed(&rig, &visitor, "local-reset", "too large for the relay");
		else
			rig_expect_whole(&rig, &visitor, answer.base);
		rig_stop_listening(&rig);
		stream_mem_deinit(&visitor);
		close(fd);
		tear_down(state);
		set_up(state);
	}
	buf_release(&answer);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_get_is_served_with_one_write_and_reported),
		TEST(bytes_may_come_one_by_one_from_both_sides),
		TEST(what_came_is_passed_on_without_waiting_for_more),
		TEST(answers_of_every_framing_have_their_end),
		TEST(a_body_is_passed_on_as_it_comes),
		TEST(a_long_body_is_held_back),
		TEST(a_slow_visitor_holds_the_service_back),
		TEST(bytes_behind_an_answer_are_nobodys),
		TEST(a_visitor_that_leaves_takes_the_connection_along),
		TEST(a_visitor_may_leave_at_any_time),
		TEST(an_answer_before_the_requests_end_ends_the_connection),
		TEST(more_than_one_request_is_refused),
		TEST(a_request_that_is_none_is_refused),
		TEST(a_service_that_fails_is_reported),
		TEST(an_answer_beyond_the_relay_s_limits_is_refused),
		TEST(interim_answers_have_an_end),
		TEST(a_reset_by_the_service_is_passed_on),
		TEST(a_service_that_is_not_there_is_named),
		TEST(localhost_is_either_loopback_address),
		TEST(a_socket_that_is_not_there_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
