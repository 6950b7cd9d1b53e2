/* Upgrades: from the 101 on, bytes go both ways. */
#include "local_rig.h"

#include <unistd.h>

#include "base/err.h"

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

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

static void an_upgrade_becomes_two_pipes(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_LINE UPGRADE "early");
	stream_mem_feed(&visitor, SLICE(" bird"));
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, UPGRADE);
	rig_settle(&rig);
	stream_mem_feed(&visitor, SLICE("!"));
	rig_send(fd, SWITCHED "hello");
	rig_expect_visitor(&rig, &visitor, SWITCHED "hello");
	rig_expect(&rig, fd, "early bird!");
	stream_mem_feed(&visitor, SLICE("more"));
	rig_expect(&rig, fd, "more");
	stream_mem_end(&visitor);
	assert_int_equal(rig.requests, 0);
	LOOP_TURN_UNTIL(rig.loop, tcp_pair_receive(fd, &visitor.out) == TCP_PAIR_ENDED);
	rig_send(fd, " bye");
	close(fd);
	rig_expect_whole(&rig, &visitor, SWITCHED "hello bye");
	assert_true(rig.report.upgraded);
	assert_int_equal(rig.report.status, 101);
	assert_int_equal(rig.report.bytes_in, strlen(UPGRADE) + 15);
	assert_int_equal(rig.report.bytes_out, strlen(SWITCHED) + 9);
	stream_mem_deinit(&visitor);
}

/* After a large answer the next one is read to where the visitor's stream wants it. */
static void what_comes_behind_the_switch_stays_whole_where_it_was_read_to(void **state)
{
	static char body[40001], room[65536];
	struct stream_mem visitor;
	int fd;

	memset(body, 'b', sizeof(body) - 1);
	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n");
	rig_send(fd, body);
	LOOP_TURN_UNTIL(rig.loop, visitor.closed);
	stream_mem_deinit(&visitor);
	rig_visit(&rig, &visitor, RIG_LINE UPGRADE);
	visitor.room = slice_of(room, sizeof(room));
	rig_expect(&rig, fd, UPGRADE);
	rig_send(fd, SWITCHED "hello");
	rig_expect_visitor(&rig, &visitor, SWITCHED "hello");
	assert_true(visitor.room.ptr > room);
	stream_mem_end(&visitor);
	close(fd);
	rig_expect_whole(&rig, &visitor, SWITCHED "hello");
	assert_int_equal(rig.report.bytes_out, strlen(SWITCHED) + 5);
	stream_mem_deinit(&visitor);
}

static void an_upgrade_may_be_declined(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_LINE UPGRADE "early");
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, UPGRADE);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	assert_false(rig.report.upgraded);
	stream_mem_deinit(&visitor);
	/* What was meant for another protocol never reaches the connection, which is kept. */
	rig_visit(&rig, &visitor, RIG_GET);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, RIG_OK);
	rig_expect_visitor(&rig, &visitor, RIG_OK);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_half_close_before_the_switch_is_passed_on_after_it(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_LINE UPGRADE);
	stream_mem_end(&visitor);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, UPGRADE);
	rig_send(fd, SWITCHED);
	rig_expect_visitor(&rig, &visitor, SWITCHED);
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	rig_expect_whole(&rig, &visitor, SWITCHED);
	stream_mem_deinit(&visitor);
}

static void a_piped_visitor_that_fails_resets_the_service(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_visit(&rig, &visitor, RIG_LINE UPGRADE);
	fd = rig_accept(&rig);
	rig_send(fd, SWITCHED);
	rig_expect_visitor(&rig, &visitor, SWITCHED);
	rig_expect(&rig, fd, UPGRADE);
	stream_mem_fail(&visitor, ERR_RESET);
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_RESET);
	assert_int_equal(rig.requests, 1);
	stream_mem_deinit(&visitor);
}

static void early_bytes_of_an_upgrade_are_bounded(void **state)
{
	static char block[32768];
	struct stream_mem visitor;
	unsigned blocks = 0;
	int fd;

	rig_visit(&rig, &visitor, RIG_LINE UPGRADE);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, UPGRADE);
	for (; visitor.reading && blocks < 100; blocks++)
		stream_mem_feed(&visitor, slice_of(block, sizeof(block)));
	assert_int_equal(blocks, 2);
	rig_settle(&rig);
	assert_false(visitor.reading);
	rig_send(fd, SWITCHED);
	LOOP_TURN_UNTIL(rig.loop, visitor.reading);
	close(fd);
	rig_settle(&rig);
	stream_mem_deinit(&visitor);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_upgrade_becomes_two_pipes),
		TEST(what_comes_behind_the_switch_stays_whole_where_it_was_read_to),
		TEST(an_upgrade_may_be_declined),
		TEST(a_half_close_before_the_switch_is_passed_on_after_it),
		TEST(a_piped_visitor_that_fails_resets_the_service),
		TEST(early_bytes_of_an_upgrade_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
