/* The local side as a whole: its limits, lines that are none, names replaced, and its end. */
#include "local_rig.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/tunnel_spec.h"

static struct rig rig;

static int set_up(void **state)
{
	rig_init(&rig, &(struct local_conf) {.connect_ms = 60000, .max_streams = 2});
	return 0;
}

static int tear_down(void **state)
{
	rig_deinit(&rig);
	return 0;
}

static void visitors_beyond_the_limit_are_refused(void **state)
{
	struct stream_mem a, b, c, d;
	int fd;

	rig_visit(&rig, &a, RIG_GET);
	rig_visit(&rig, &b, "");
	rig_visit(&rig, &c, "");
	assert_int_equal(rig.failed, 0); /* nothing is told inside the call */
	assert_int_equal(local_count(rig.local), 2);
	rig_expect_failed(&rig, &c, "local-overloaded", "serves 2 visitors already");
	assert_false(b.closed);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &a, RIG_OK);
	assert_int_equal(local_count(rig.local), 1);
	rig_visit(&rig, &d, RIG_GET);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &d, RIG_OK);
	stream_mem_end(&b);
	close(fd);
	stream_mem_deinit(&a);
	stream_mem_deinit(&b);
	stream_mem_deinit(&c);
	stream_mem_deinit(&d);
}

static void a_refused_visitor_may_leave_first(void **state)
{
	struct stream_mem a, b, c;

	rig_visit(&rig, &a, "");
	rig_visit(&rig, &b, "");
	rig_visit(&rig, &c, "");
	stream_mem_fail(&c, -1);
	rig_settle(&rig);
	assert_int_equal(rig.failed, 0);
	assert_int_equal(local_count(rig.local), 2);
	stream_mem_end(&a);
	stream_mem_end(&b);
	stream_mem_deinit(&a);
	stream_mem_deinit(&b);
	stream_mem_deinit(&c);
}

static void a_line_that_is_none_resets_the_stream(void **state)
{
	static const char *const lines[] = {
		"\n", "GET / HTTP/1.1\r\n", "0 a 1 b 2 http c\n", "8 a 1 b 2 http c\n"};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct stream_mem visitor;

		rig_visit(&rig, &visitor, lines[i]);
		assert_true(visitor.aborted);
		assert_int_equal(rig.failed, i == 3); /* one that is not ours is told */
		stream_mem_deinit(&visitor);
	}
	assert_string_equal(rig.code, "local-unreachable");
	assert_int_equal(rig.requests, 0);
}

static void names_are_replaced_in_every_request(void **state)
{
	char want[256];
	struct stream_mem visitor;
	int fd = -1;

	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .host_header = (char *)"rewrite"});
	snprintf(want, sizeof(want),
		"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nOrigin: http://127.0.0.1:%u\r\n\r\n",
		rig.port, rig.port);
	for (int i = 0; i < 3; i++) {
		rig_visit(&rig, &visitor,
			RIG_LINE "GET /x HTTP/1.1\r\nHost: demo.test\r\n"
				 "Origin: https://demo.test\r\n\r\n");
		if (fd < 0)
			fd = rig_accept(&rig);
		rig_expect(&rig, fd, want);
		rig_send(fd, RIG_OK);
		rig_expect_whole(&rig, &visitor, RIG_OK);
		assert_string_equal(rig.report.path, "/x");
		assert_string_equal(rig.report.method, "GET");
		stream_mem_deinit(&visitor);
	}
	close(fd);
}

#define FOUND_IN                                                                                   \
	"HTTP/1.1 103 x\r\nLocation: http://127.0.0.1:%u/\r\n\r\n"                                 \
	"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:%u%s\r\nContent-Length: 2\r\n\r\nok"
#define FOUND_OUT                                                                                  \
	"HTTP/1.1 103 x\r\nLocation: http://127.0.0.1:%u/\r\n\r\n"                                 \
	"HTTP/1.1 302 Found\r\nlocation: https://demo.test%s\r\nContent-Length: 2\r\n\r\nok"

/* The bytes of the answer in one piece, and each alone. */
static void send_pieces(int fd, const char *text, bool one_by_one)
{
	char piece[2] = "";

	for (size_t i = 0; one_by_one && text[i]; i++) {
		piece[0] = text[i];
		rig_send(fd, piece);
		rig_settle(&rig);
	}
	if (!one_by_one)
		rig_send(fd, text);
}

static void check_location(const char *rest, bool one_by_one)
{
	char in[300], want[300];
	struct stream_mem visitor;
	int fd;

	snprintf(in, sizeof(in), FOUND_IN, rig.port, rig.port, rest);
	snprintf(want, sizeof(want), FOUND_OUT, rig.port, rest);
	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .host_header = (char *)"rewrite"});
	rig_visit(&rig, &visitor, RIG_LINE "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n");
	fd = rig_accept(&rig);
	send_pieces(fd, in, one_by_one);
	rig_expect_whole(&rig, &visitor, want);
	assert_int_equal(rig.report.bytes_out, strlen(want));
	stream_mem_deinit(&visitor);
	close(fd);
}

static void a_redirect_to_the_own_name_leads_to_the_tunnel(void **state)
{
	static const char *const rests[] = {"", "/", "/a?b=http://127.0.0.1:1", "#c"};

	for (size_t i = 0; i < 2 * ARRAY_LEN(rests); i++)
		check_location(rests[i / 2], i % 2);
}

#define COOKIES_IN                                                                                 \
	"HTTP/1.1 302 x\r\nSet-Cookie: a=b; Domain=127.0.0.1; Path=/\r\n"                          \
	"Set-Cookie: c=d; domain=.x.test\r\nLocation: http://127.0.0.1:%u/\r\n"                    \
	"set-cookie:e=f;Domain=127.0.0.1;Domain=127.0.0.1\r\nContent-Length: 2\r\n\r\nok"
#define COOKIES_OUT                                                                                \
	"HTTP/1.1 302 x\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d; domain=.x.test\r\n"         \
	"Location: https://demo.test/\r\nset-cookie:e=f\r\nContent-Length: 2\r\n\r\nok"

static void cookies_for_the_own_name_become_the_tunnel_s(void **state)
{
	char in[400];
	struct stream_mem visitor;
	int fd;

	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .host_header = (char *)"rewrite"});
	snprintf(in, sizeof(in), COOKIES_IN, rig.port);
	for (int i = 0; i < 2; i++) {
		rig_visit(&rig, &visitor, RIG_LINE "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n");
		fd = rig_accept(&rig);
		send_pieces(fd, in, i);
		rig_expect_whole(&rig, &visitor, COOKIES_OUT);
		assert_int_equal(rig.report.bytes_out, strlen(COOKIES_OUT));
		stream_mem_deinit(&visitor);
		close(fd);
		rig_settle(&rig);
	}
}

/* Its head was understood, and what stands behind it is no answer. */
static void a_renamed_answer_that_fails_leaves_nothing_for_the_next_one(void **state)
{
	static const char bad[] = "HTTP/1.1 200 x\r\nSet-Cookie: a=b; Domain=app.test\r\n"
				  "Transfer-Encoding: chunked\r\n\r\nxyz\r\n";
	struct stream_mem visitor;
	int fd;

	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .host_header = (char *)"app.test"});
	rig_visit(&rig, &visitor, RIG_LINE "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n");
	fd = rig_accept(&rig);
	rig_send(fd, bad);
	rig_expect_failed(&rig, &visitor, "local-reset", "not HTTP");
	stream_mem_deinit(&visitor);
	close(fd);
	rig_visit(&rig, &visitor, RIG_LINE "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n");
	fd = rig_accept(&rig);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	stream_mem_deinit(&visitor);
	close(fd);
}

/* Without --host-header the service knows the tunnel's name, and means what it says. */
static void cookies_stay_where_the_service_knows_the_name(void **state)
{
	static const char in[] = "HTTP/1.1 200 x\r\nSet-Cookie: a=b; Domain=127.0.0.1\r\n"
				 "Content-Length: 0\r\n\r\n";
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_LINE "GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n");
	fd = rig_accept(&rig);
	rig_send(fd, in);
	rig_expect_whole(&rig, &visitor, in);
	stream_mem_deinit(&visitor);
	close(fd);
}

/* The visitor came by http, and the service wants https: with http in it, that would not end. */
static void a_redirect_from_http_to_https_stays_one(void **state)
{
	static const char found[] = "HTTP/1.1 301 x\r\nLocation: https://app.test/x\r\n"
				    "Content-Length: 0\r\n\r\n";
	struct stream_mem visitor;
	int fd;

	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .host_header = (char *)"app.test"});
	rig_visit(&rig, &visitor,
		"7 203.0.113.9 51234 198.51.100.1 80 http 4f2a90c1d3e5b768\n"
		"GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n");
	fd = rig_accept(&rig);
	rig_send(fd, found);
	rig_expect_whole(&rig, &visitor, found);
	stream_mem_deinit(&visitor);
	close(fd);
}

static void a_name_may_be_given(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP, .host_header = (char *)"app.local"});
	rig_visit(&rig, &visitor,
		RIG_LINE "GET / HTTP/1.1\r\nHost: demo.test\r\nOrigin: https://demo.test\r\n\r\n");
	fd = rig_accept(&rig);
	rig_expect(
		&rig, fd, "GET / HTTP/1.1\r\nHost: app.local\r\nOrigin: https://demo.test\r\n\r\n");
	close(fd);
	rig_expect_failed(&rig, &visitor, "local-reset", "closed");
	stream_mem_deinit(&visitor);
}

static void a_long_path_is_cut_in_the_report(void **state)
{
	char request[2000];
	struct stream_mem visitor;
	int fd;

	snprintf(
		request, sizeof(request), "%sGET /%0999d HTTP/1.1\r\nHost: a\r\n\r\n", RIG_LINE, 0);
	rig_visit(&rig, &visitor, request);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, request + strlen(RIG_LINE));
	close(fd);
	rig_expect_failed(&rig, &visitor, "local-reset", "closed");
	assert_int_equal(strlen(rig.report.path), 512);
	stream_mem_deinit(&visitor);
}

static void a_visitor_that_the_relay_gives_up_is_told_with_its_reason(void **state)
{
	struct slice code = SLICE("idle-timeout"), message = SLICE("nothing moved");
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	/* Not these: another stream, and one of another session. */
	local_given_up(rig.local, &rig, 41, code, message);
	local_given_up(rig.local, &fd, 42, code, message);
	assert_int_equal(rig.requests, 0);
	local_given_up(rig.local, &rig, 42, code, message);
	assert_int_equal(rig.requests, 1);
	assert_string_equal(rig.report.code, "idle-timeout");
	assert_true(visitor.aborted);
	assert_int_equal(rig.failed, 0); /* the relay knows */
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	assert_int_equal(local_count(rig.local), 0);
	local_given_up(rig.local, &rig, 42, code, message);
	assert_int_equal(rig.requests, 1);
	stream_mem_deinit(&visitor);
}

/* Whatever runs when the local side ends is closed, and nobody hears of it. */
static void its_end_ends_everything(void **state)
{
	struct stream_mem line, http, kept;
	int fds[2];

	rig_visit(&rig, &kept, RIG_GET);
	fds[0] = rig_accept(&rig);
	rig_expect(&rig, fds[0], RIG_GET_SENT);
	rig_send(fds[0], RIG_OK);
	rig_expect_whole(&rig, &kept, RIG_OK);
	rig_visit(&rig, &line, "7 ");
	rig_visit(&rig, &http, RIG_LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na");
	fds[1] = rig_accept(&rig);
	rig_expect(&rig, fds[1], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na");
	local_free(&rig.local);
	assert_null(rig.local);
	assert_true(line.aborted);
	assert_true(http.aborted);
	assert_int_equal(rig_expect_end(&rig, fds[0]), TCP_PAIR_ENDED);
	assert_int_equal(rig_expect_end(&rig, fds[1]), TCP_PAIR_ENDED);
	assert_int_equal(rig.requests, 1);
	stream_mem_deinit(&line);
	stream_mem_deinit(&http);
	stream_mem_deinit(&kept);
}

static void its_end_cancels_what_has_begun(void **state)
{
	struct stream_mem dialling, refused[2];

	rig_visit(&rig, &dialling, RIG_GET);
	rig_visit(&rig, &refused[0], "");
	rig_visit(&rig, &refused[1], "");
	local_free(&rig.local);
	assert_true(dialling.aborted);
	assert_true(refused[1].aborted);
	stream_mem_deinit(&dialling);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(visitors_beyond_the_limit_are_refused),
		TEST(a_refused_visitor_may_leave_first),
		TEST(a_line_that_is_none_resets_the_stream),
		TEST(names_are_replaced_in_every_request),
		TEST(a_redirect_to_the_own_name_leads_to_the_tunnel),
		TEST(cookies_for_the_own_name_become_the_tunnel_s),
		TEST(a_renamed_answer_that_fails_leaves_nothing_for_the_next_one),
		TEST(cookies_stay_where_the_service_knows_the_name),
		TEST(a_redirect_from_http_to_https_stays_one),
		TEST(a_name_may_be_given),
		TEST(a_long_path_is_cut_in_the_report),
		TEST(a_visitor_that_the_relay_gives_up_is_told_with_its_reason),
		TEST(its_end_ends_everything),
		TEST(its_end_cancels_what_has_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
