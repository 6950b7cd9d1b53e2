/* Listening sockets: ports, sharing, and what happens without descriptors. */
#include "io/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "support/loop_turn.h"
#include "support/tcp_pair.h"

#define MANY 200

/* One loop with one listener; closes what it accepts. */
struct side {
	struct loop *loop;
	struct timeout_queue *retry;
	struct listener *listener;
	atomic_uint accepted;
	unsigned paused;
	unsigned close_after; /* closes the listener when so many were accepted */
	char peer[ADDR_TEXT_MAX];
	uint16_t peer_port;
};

static struct side sides[2];

static int set_up(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		sides[i] = (struct side) {.loop = loop_new()};
		sides[i].retry = timeout_queue_new(sides[i].loop, 1);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		listener_close(&sides[i].listener);
		timeout_queue_free(&sides[i].retry);
		loop_free(&sides[i].loop);
	}
	return 0;
}

static void on_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	struct side *side = ctx;

	addr_print(peer, side->peer);
	side->peer_port = addr_port(peer);
	stream_close(&stream);
	if (atomic_fetch_add(&side->accepted, 1) + 1 == side->close_after)
		listener_close(&side->listener);
}

static void on_paused(void *ctx)
{
	struct side *side = ctx;

	side->paused++;
}

static const struct listener_events events = {.accepted = on_accepted, .paused = on_paused};

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), 0);
	return addr;
}

static int open_at(struct side *side, uint16_t port, bool shared)
{
	struct addr addr = address("127.0.0.1", port);

	return listener_open(side->loop, &addr, shared, &side->listener);
}

static void start(struct side *side)
{
	listener_start(side->listener, &events, side, side->retry);
}

static void open_and_start(struct side *side)
{
	assert_int_equal(open_at(side, 0, false), 0);
	start(side);
}

/* ---- ports ---- */

static void port_0_takes_a_free_one_and_says_which(void **state)
{
	struct addr own;
	int fd;

	open_and_start(&sides[0]);
	assert_int_not_equal(listener_port(sides[0].listener), 0);
	fd = tcp_pair_connect(listener_port(sides[0].listener));
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].accepted == 1);
	assert_string_equal(sides[0].peer, "127.0.0.1");
	assert_int_equal(addr_of_socket(fd, &own), 0);
	assert_int_equal(sides[0].peer_port, addr_port(&own));
	close(fd);
}

static void connections_before_the_start_are_queued(void **state)
{
	int fd;

	assert_int_equal(open_at(&sides[0], 0, false), 0);
	fd = tcp_pair_connect(listener_port(sides[0].listener));
	loop_turn(sides[0].loop);
	assert_int_equal(sides[0].accepted, 0);
	start(&sides[0]);
	assert_int_equal(sides[0].accepted, 0);
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].accepted == 1);
	close(fd);
}

static void a_taken_port_is_refused(void **state)
{
	struct addr addr = address("127.0.0.1", 0);

	assert_int_equal(listener_probe(&addr), 0);
	assert_int_equal(open_at(&sides[0], 0, false), 0);
	addr = address("127.0.0.1", listener_port(sides[0].listener));
	assert_int_equal(listener_probe(&addr), ERR_BUSY);
	assert_int_equal(open_at(&sides[1], addr_port(&addr), false), ERR_BUSY);
	assert_int_equal(open_at(&sides[1], addr_port(&addr), true), ERR_BUSY);
	assert_null(sides[1].listener);
}

static void an_address_of_another_machine_is_refused(void **state)
{
	struct addr addr = address("192.0.2.1", 0);

	assert_int_equal(listener_probe(&addr), ERR_ADDRESS);
	assert_int_equal(
		listener_open(sides[0].loop, &addr, false, &sides[0].listener), ERR_ADDRESS);
}

static void ipv6_listeners_take_ipv4_as_well(void **state)
{
	struct addr any = address(NULL, 0);
	int fd;

	if (listener_open(sides[0].loop, &any, false, &sides[0].listener) != 0)
		skip(); /* a kernel without IPv6 */
	start(&sides[0]);
	fd = tcp_pair_connect(listener_port(sides[0].listener));
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].accepted == 1);
	assert_string_equal(sides[0].peer, "127.0.0.1");
	close(fd);
}

/* ---- sharing ---- */

static void shared_listeners_are_refused_by_the_probe_and_by_others(void **state)
{
	struct addr addr;
	struct listener *third = NULL;

	assert_int_equal(open_at(&sides[0], 0, true), 0);
	addr = address("127.0.0.1", listener_port(sides[0].listener));
	assert_int_equal(open_at(&sides[1], addr_port(&addr), true), 0);
	assert_int_equal(listener_port(sides[1].listener), addr_port(&addr));
	assert_int_equal(listener_probe(&addr), ERR_BUSY);
	assert_int_equal(listener_open(sides[0].loop, &addr, false, &third), ERR_BUSY);
}

static void *run_side(void *ctx)
{
	loop_run(((struct side *)ctx)->loop);
	return NULL;
}

static void the_kernel_spreads_connections_over_shared_listeners(void **state)
{
	pthread_t threads[2];
	uint16_t port;

	assert_int_equal(open_at(&sides[0], 0, true), 0);
	port = listener_port(sides[0].listener);
	assert_int_equal(open_at(&sides[1], port, true), 0);
	for (int i = 0; i < 2; i++) {
		start(&sides[i]);
		assert_int_equal(pthread_create(&threads[i], NULL, run_side, &sides[i]), 0);
	}
	for (int i = 0; i < MANY; i++)
		close(tcp_pair_connect(port));
	while (atomic_load(&sides[0].accepted) + atomic_load(&sides[1].accepted) < MANY)
		continue;
	for (int i = 0; i < 2; i++) {
		loop_stop(sides[i].loop);
		pthread_join(threads[i], NULL);
		assert_true(sides[i].accepted > 0);
	}
	assert_int_equal(sides[0].accepted + sides[1].accepted, MANY);
}

/* ---- out of descriptors ---- */

static struct rlimit limit_descriptors(rlim_t count)
{
	struct rlimit usual, less;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	less = usual;
	less.rlim_cur = count;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	return usual;
}

static void accepting_pauses_without_descriptors_and_goes_on_later(void **state)
{
	struct rlimit usual;
	int fds[3];

	open_and_start(&sides[0]);
	for (int i = 0; i < 3; i++)
		fds[i] = tcp_pair_connect(listener_port(sides[0].listener));
	usual = limit_descriptors(0);
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].paused == 3);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(sides[0].accepted, 0);
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].accepted == 3);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void a_pause_is_no_busy_loop(void **state)
{
	struct rlimit usual;
	int fd;

	timeout_queue_set(sides[0].retry, 3600000);
	open_and_start(&sides[0]);
	fd = tcp_pair_connect(listener_port(sides[0].listener));
	usual = limit_descriptors(0);
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].paused == 1);
	for (int i = 0; i < 100; i++)
		loop_turn(sides[0].loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(sides[0].paused, 1);
	listener_close(&sides[0].listener);
	close(fd);
}

static void without_descriptors_no_listener_opens(void **state)
{
	struct addr addr = address("127.0.0.1", 0);
	struct rlimit usual = limit_descriptors(0);
	int probed = listener_probe(&addr), opened = open_at(&sides[0], 0, false);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(probed, ERR_NO_FDS);
	assert_int_equal(opened, ERR_NO_FDS);
}

/* ---- the end ---- */

static void a_listener_may_be_closed_while_it_accepts(void **state)
{
	int fds[3];

	sides[0].close_after = 2;
	open_and_start(&sides[0]);
	for (int i = 0; i < 3; i++)
		fds[i] = tcp_pair_connect(listener_port(sides[0].listener));
	LOOP_TURN_UNTIL(sides[0].loop, sides[0].accepted == 2);
	for (int i = 0; i < 5; i++)
		loop_turn(sides[0].loop);
	assert_int_equal(sides[0].accepted, 2);
	listener_close(&sides[0].listener);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
#define LISTENER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LISTENER_TEST(port_0_takes_a_free_one_and_says_which),
		LISTENER_TEST(connections_before_the_start_are_queued),
		LISTENER_TEST(a_taken_port_is_refused),
		LISTENER_TEST(an_address_of_another_machine_is_refused),
		LISTENER_TEST(ipv6_listeners_take_ipv4_as_well),
		LISTENER_TEST(shared_listeners_are_refused_by_the_probe_and_by_others),
		LISTENER_TEST(the_kernel_spreads_connections_over_shared_listeners),
		LISTENER_TEST(accepting_pauses_without_descriptors_and_goes_on_later),
		LISTENER_TEST(a_pause_is_no_busy_loop),
		LISTENER_TEST(without_descriptors_no_listener_opens),
		LISTENER_TEST(a_listener_may_be_closed_while_it_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
