/* Which connection a request takes, and when one is kept, dropped, or tried again. */
#include "local_rig.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "base/err.h"

#define POST RIG_LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"
#define POST_SENT "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"

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

static struct local_tunnel *tunnel(void)
{
	uint32_t number = RIG_TUNNEL;

	return map_get(&rig.local->tunnels, slice_of(&number, sizeof(number)));
}

static unsigned kept(void)
{
	return tunnel()->kept_count;
}

/* As if the connections had been idle for longer. */
static void age(uint64_t ms)
{
	LIST_EACH (node, &tunnel()->kept)
		CONTAINER_OF(node, struct local_conn, node)->used_ms -= ms;
}

/* A request over this connection, or over a new one with -1; returns the one it took. */
static int serve_on(int fd, const char *request)
{
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, request);
	if (fd < 0)
		fd = rig_accept(&rig);
	rig_expect(&rig, fd, request + strlen(RIG_LINE));
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	stream_mem_deinit(&visitor);
	return fd;
}

static void a_connection_is_used_again_and_again(void **state)
{
	int fd = serve_on(-1, RIG_GET);

	assert_false(rig.report.reused);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(kept(), 1);
		serve_on(fd, i % 2 ? POST : RIG_GET);
		assert_true(rig.report.reused);
	}
	assert_false(rig_has_connection(&rig));
	close(fd);
}

static void the_one_used_last_is_taken_first(void **state)
{
	struct stream_mem a, b;
	int fds[2];

	rig_visit(&rig, &a, RIG_GET);
	fds[0] = rig_accept(&rig);
	rig_visit(&rig, &b, RIG_GET);
	fds[1] = rig_accept(&rig);
	rig_expect(&rig, fds[0], RIG_GET_SENT);
	rig_expect(&rig, fds[1], RIG_GET_SENT);
	rig_send(fds[1], RIG_OK);
	rig_expect_whole(&rig, &b, RIG_OK);
	rig_send(fds[0], RIG_OK);
	rig_expect_whole(&rig, &a, RIG_OK);
	serve_on(fds[0], RIG_GET);
	serve_on(fds[0], RIG_GET);
	assert_int_equal(kept(), 2);
	close(fds[0]);
	close(fds[1]);
	stream_mem_deinit(&a);
	stream_mem_deinit(&b);
}

static void a_kept_connection_goes_when_the_service_speaks_or_closes(void **state)
{
	int fd = serve_on(-1, RIG_GET);

	rig_send(fd, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	LOOP_TURN_UNTIL(rig.loop, kept() == 0);
	close(fd);
	fd = serve_on(-1, RIG_GET);
	close(fd);
	LOOP_TURN_UNTIL(rig.loop, kept() == 0);
	fd = serve_on(-1, RIG_GET);
	tcp_pair_reset(fd);
	LOOP_TURN_UNTIL(rig.loop, kept() == 0);
	fd = serve_on(-1, RIG_GET);
	close(fd);
}

static void one_that_ended_unheard_is_not_taken(void **state)
{
	int fd = serve_on(-1, RIG_GET);

	close(fd);
	/* The loop has had no turn yet: only the kernel knows. */
	fd = serve_on(-1, POST);
	assert_false(rig.report.reused);
	close(fd);
}

static void a_post_takes_only_a_fresh_one(void **state)
{
	int fd = serve_on(-1, RIG_GET), other;

	age(LOCAL_FRESH_MS + 1);
	other = serve_on(-1, POST);
	assert_false(rig.report.reused);
	assert_int_equal(kept(), 2);
	serve_on(other, POST);
	assert_true(rig.report.reused);
	age(LOCAL_FRESH_MS + 1);
	serve_on(other, RIG_GET); /* may be sent twice */
	close(fd);
	close(other);
}

static void a_post_waits_for_the_proof_that_connections_are_kept(void **state)
{
	int first = serve_on(-1, RIG_GET), second = serve_on(-1, POST);

	assert_false(rig.report.reused); /* the service may be about to close */
	age(LOCAL_PROOF_MS);
	serve_on(second, POST); /* it was not */
	close(first);
	close(second);
	LOOP_TURN_UNTIL(rig.loop, kept() == 0);
	first = serve_on(-1, RIG_GET); /* they had ended at once */
	second = serve_on(-1, POST);
	assert_false(rig.report.reused);
	close(second);
	LOOP_TURN_UNTIL(rig.loop, kept() == 1);
	serve_on(first, RIG_GET); /* this one was good for two */
	serve_on(first, POST);
	assert_true(rig.report.reused);
	close(first);
}

static void no_more_than_some_are_kept(void **state)
{
	struct stream_mem visitors[LOCAL_KEPT_MAX + 2];
	int fds[LOCAL_KEPT_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		rig_visit(&rig, &visitors[i], RIG_GET);
		fds[i] = rig_accept(&rig);
		rig_expect(&rig, fds[i], RIG_GET_SENT);
	}
	assert_int_equal(local_count(rig.local), ARRAY_LEN(fds));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		rig_send(fds[i], RIG_OK);
		rig_expect_whole(&rig, &visitors[i], RIG_OK);
		stream_mem_deinit(&visitors[i]);
	}
	assert_int_equal(kept(), LOCAL_KEPT_MAX);
	/* Those that were idle for the longest time went. */
	assert_int_equal(rig_expect_end(&rig, fds[0]), TCP_PAIR_ENDED);
	assert_int_equal(rig_expect_end(&rig, fds[1]), TCP_PAIR_ENDED);
	for (size_t i = 2; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

static void an_idle_one_is_closed_in_time(void **state)
{
	int fd;

	timeout_queue_set(rig.local->idle, 1);
	fd = serve_on(-1, RIG_GET);
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	assert_int_equal(kept(), 0);
}

static void a_request_is_sent_again_when_its_kept_connection_dies(void **state)
{
	int fd = serve_on(-1, RIG_GET);
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, RIG_GET);
	rig_expect(&rig, fd, RIG_GET_SENT);
	tcp_pair_reset(fd);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	assert_false(rig.report.reused);
	assert_int_equal(rig.requests, 2);
	/* And once more it is a kept one. */
	serve_on(fd, RIG_GET);
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_request_is_not_sent_again_when_a_new_connection_dies(void **state)
{
	int fd = serve_on(-1, RIG_GET);
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, RIG_GET);
	rig_expect(&rig, fd, RIG_GET_SENT);
	close(fd);
	fd = rig_accept(&rig);
	rig_expect(&rig, fd, RIG_GET_SENT);
	close(fd);
	rig_expect_failed(&rig, &visitor, "local-reset", "before its answer began");
	assert_false(rig_has_connection(&rig));
	stream_mem_deinit(&visitor);
}

static void a_request_with_a_body_is_not_sent_again(void **state)
{
	int fd = serve_on(-1, RIG_GET);
	struct stream_mem visitor;

	serve_on(fd, RIG_GET);
	rig_visit(&rig, &visitor, POST);
	rig_expect(&rig, fd, POST_SENT);
	close(fd);
	rig_expect_failed(&rig, &visitor, "local-reset", "before its answer began");
	assert_true(rig.report.reused);
	assert_false(rig_has_connection(&rig));
	stream_mem_deinit(&visitor);
}

static void a_request_is_not_sent_again_behind_the_first_byte(void **state)
{
	int fd = serve_on(-1, RIG_GET);
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, RIG_GET);
	rig_expect(&rig, fd, RIG_GET_SENT);
	rig_send(fd, "H");
	close(fd);
	rig_expect_failed(&rig, &visitor, "local-reset", "before its answer was whole");
	assert_false(rig_has_connection(&rig));
	stream_mem_deinit(&visitor);
}

static void a_removed_tunnel_keeps_nothing(void **state)
{
	int fd = serve_on(-1, RIG_GET), busy;
	struct stream_mem visitor, late;

	rig_visit(&rig, &visitor, RIG_GET);
	busy = fd;
	rig_expect(&rig, busy, RIG_GET_SENT);
	local_remove(rig.local, RIG_TUNNEL);
	local_remove(rig.local, RIG_TUNNEL);
	rig_visit(&rig, &late, RIG_GET);
	rig_expect_failed(&rig, &late, "local-unreachable", "closed this tunnel");
	rig_send(busy, RIG_OK);
	rig_expect_whole(&rig, &visitor, RIG_OK);
	assert_int_equal(rig_expect_end(&rig, busy), TCP_PAIR_ENDED);
	assert_string_equal(rig.report.tunnel, "web");
	stream_mem_deinit(&visitor);
	stream_mem_deinit(&late);
}

static void another_spec_has_connections_of_its_own(void **state)
{
	int fd = serve_on(-1, RIG_GET);

	rig_set(&rig, &(struct tunnel_spec) {.proto = TUNNEL_HTTP});
	assert_int_equal(rig_expect_end(&rig, fd), TCP_PAIR_ENDED);
	fd = serve_on(-1, RIG_GET);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_is_used_again_and_again),
		TEST(the_one_used_last_is_taken_first),
		TEST(a_kept_connection_goes_when_the_service_speaks_or_closes),
		TEST(one_that_ended_unheard_is_not_taken),
		TEST(a_post_takes_only_a_fresh_one),
		TEST(a_post_waits_for_the_proof_that_connections_are_kept),
		TEST(no_more_than_some_are_kept),
		TEST(an_idle_one_is_closed_in_time),
		TEST(a_request_is_sent_again_when_its_kept_connection_dies),
		TEST(a_request_is_not_sent_again_when_a_new_connection_dies),
		TEST(a_request_with_a_body_is_not_sent_again),
		TEST(a_request_is_not_sent_again_behind_the_first_byte),
		TEST(a_removed_tunnel_keeps_nothing),
		TEST(another_spec_has_connections_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
