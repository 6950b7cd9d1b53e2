/* TCP tunnels: bytes, half-closes and resets both ways, and the PROXY header in front. */
#include "local_rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define TCP_LINE "7 203.0.113.9 51234 198.51.100.1 443 tcp -\n"

static struct rig rig;

static int set_up(void **state)
{
	rig_init(&rig, NULL);
	rig_set(&rig, &(struct tunnel_spec) {.proto = TUNNEL_TCP});
	return 0;
}

static int tear_down(void **state)
{
	rig_deinit(&rig);
	return 0;
}

static void bytes_go_both_ways(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, TCP_LINE "early");
	assert_false(visitor.reading);
	assert_int_equal(rig.opened, 1);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, "early");
	LOOP_TURN_UNTIL(rig.loop, visitor.reading);
	rig_send(fd, "banner");
	rig_expect_visitor(&rig, &visitor, "banner");
	stream_mem_feed(&visitor, SLICE("more"));
	rig_expect(&rig, fd, "more");
	stream_mem_fail(&visitor, ERR_RESET);
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_RESET);
	assert_int_equal(rig.requests, 1);
	assert_true(rig.report.tcp);
	assert_int_equal(rig.report.bytes_in, 9);
	assert_int_equal(rig.report.bytes_out, 6);
	assert_true(rig.report.first_byte_us > 0);
	assert_string_equal(rig.report.visitor, "203.0.113.9");
	assert_string_equal(rig.report.id, "");
	assert_string_equal(rig.report.method, "");
	assert_string_equal(rig.report.path, "");
	assert_string_equal(rig.report.code, "visitor-gone");
	stream_mem_deinit(&visitor);
}

static void the_line_may_come_byte_by_byte(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, "");
	for (const char *at = TCP_LINE; *at; at++)
		stream_mem_feed(&visitor, slice_of(at, 1));
	fd = rig_accept(&rig);
	rig_send(fd, "x");
	rig_expect_visitor(&rig, &visitor, "x");
	stream_mem_fail(&visitor, ERR_RESET);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_half_close_of_the_visitor_leaves_the_other_way_open(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, TCP_LINE);
	fd = rig_accept(&rig);
	LOOP_TURN_UNTIL(rig.loop, visitor.reading);
	stream_mem_feed(&visitor, SLICE("question"));
	stream_mem_end(&visitor);
	rig_expect(&rig, fd, "question");
	LOOP_TURN_UNTIL(rig.loop, tcp_pair_receive(fd, &visitor.out) == TCP_PAIR_ENDED);
	assert_false(visitor.shut);
	rig_send(fd, "answer");
	close(fd);
	rig_expect_whole(&rig, &visitor, "answer");
	assert_string_equal(rig.report.code, "");
	stream_mem_deinit(&visitor);
}

static void a_half_close_of_the_service_leaves_the_other_way_open(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, TCP_LINE);
	fd = rig_accept(&rig);
	rig_send(fd, "all");
	shutdown(fd, SHUT_WR);
	LOOP_TURN_UNTIL(rig.loop, visitor.shut);
	assert_false(visitor.closed);
	stream_mem_feed(&visitor, SLICE("still"));
	rig_expect(&rig, fd, "still");
	stream_mem_end(&visitor);
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	rig_expect_whole(&rig, &visitor, "all");
	stream_mem_deinit(&visitor);
}

static void a_reset_of_the_service_resets_the_visitor(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, TCP_LINE);
	fd = rig_accept(&rig);
	LOOP_TURN_UNTIL(rig.loop, visitor.reading);
	tcp_pair_reset(fd);
	LOOP_TURN_UNTIL(rig.loop, visitor.closed);
	assert_true(visitor.aborted);
	assert_int_equal(rig.failed, 0); /* it was there */
	assert_int_equal(rig.requests, 1);
	assert_string_equal(rig.report.code, "local-reset");
	stream_mem_deinit(&visitor);
}

static void a_visitor_may_leave_before_the_service_is_there(void **state)
{
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, TCP_LINE);
	stream_mem_fail(&visitor, ERR_RESET);
	assert_true(visitor.closed);
	rig_settle(&rig);
	assert_int_equal(rig.requests, 1);
	assert_int_equal(local_count(rig.local), 0);
	stream_mem_deinit(&visitor);
}

static void a_service_that_is_not_there_is_named(void **state)
{
	struct stream_mem visitor;

	rig_stop_listening(&rig);
	rig_visit(&rig, &visitor, TCP_LINE);
	rig_expect_failed(&rig, &visitor, "local-refused", "connection refused");
	assert_true(rig.report.tcp);
	stream_mem_deinit(&visitor);
}

static void a_slow_service_holds_the_visitor_back(void **state)
{
	static char block[65536];
	struct stream_mem visitor;
	unsigned blocks = 0;
	int fd;

	rig_visit(&rig, &visitor, TCP_LINE);
	fd = rig_accept(&rig);
	LOOP_TURN_UNTIL(rig.loop, visitor.reading);
	for (; visitor.reading && blocks < 1000; blocks++) {
		stream_mem_feed(&visitor, slice_of(block, sizeof(block)));
		rig_settle(&rig);
	}
	assert_true(blocks < 1000);
	close(fd);
	LOOP_TURN_UNTIL(rig.loop, visitor.closed);
	stream_mem_deinit(&visitor);
}

/* ---- the PROXY header ---- */

static void the_proxy_header_comes_first(void **state)
{
	static const struct {
		enum tunnel_proto proto;
		unsigned version;
		const char *text;
		struct slice want;
	} rows[] = {
		{TUNNEL_TCP, 1, TCP_LINE "hi",
			SLICE("PROXY TCP4 203.0.113.9 198.51.100.1 51234 443\r\nhi")},
		{TUNNEL_TCP, 2, TCP_LINE "hi",
			SLICE("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x01"
			      "\xc8\x22\x01\xbbhi")},
		{TUNNEL_TCP, 1, "7 - - - - tcp -\nhi", SLICE("PROXY UNKNOWN\r\nhi")},
		{TUNNEL_HTTP, 1, RIG_GET,
			SLICE("PROXY TCP4 203.0.113.9 198.51.100.1 51234 443\r\n" RIG_GET_SENT)},
		{TUNNEL_HTTP, 2, RIG_GET,
			SLICE("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x01"
			      "\xc8\x22\x01\xbb" RIG_GET_SENT)},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stream_mem visitor;
		int fd;

		rig_set(&rig,
			&(struct tunnel_spec) {
				.proto = rows[i].proto, .proxy_protocol = rows[i].version});
		rig_visit(&rig, &visitor, rows[i].text);
		fd = rig_accept(&rig);
		rig_expect_slice(&rig, fd, rows[i].want);
		close(fd);
		rig_settle(&rig);
		rig.failed = 0;
		if (!visitor.closed)
			stream_mem_end(&visitor);
		assert_true(visitor.closed);
		stream_mem_deinit(&visitor);
	}
}

static void visitors_with_a_proxy_header_share_no_connection(void **state)
{
	rig_set(&rig, &(struct tunnel_spec) {.proto = TUNNEL_HTTP, .proxy_protocol = 1});
	for (int i = 0; i < 3; i++) {
		struct stream_mem visitor;
		int fd;

		rig_visit(&rig, &visitor, RIG_GET);
		fd = rig_accept(&rig);
		rig_expect(
			&rig, fd, "PROXY TCP4 203.0.113.9 198.51.100.1 51234 443\r\n" RIG_GET_SENT);
		rig_send(fd, RIG_OK);
		rig_expect_whole(&rig, &visitor, RIG_OK);
		assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
		stream_mem_deinit(&visitor);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways),
		TEST(the_line_may_come_byte_by_byte),
		TEST(a_half_close_of_the_visitor_leaves_the_other_way_open),
		TEST(a_half_close_of_the_service_leaves_the_other_way_open),
		TEST(a_reset_of_the_service_resets_the_visitor),
		TEST(a_visitor_may_leave_before_the_service_is_there),
		TEST(a_service_that_is_not_there_is_named),
		TEST(a_slow_service_holds_the_visitor_back),
		TEST(the_proxy_header_comes_first),
		TEST(visitors_with_a_proxy_header_share_no_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
