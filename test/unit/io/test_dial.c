/* Dialling this machine: addresses, names, unix sockets, races, failures and cancelling. */
#include "io/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/stream_tcp.h"
#include "support/loop_turn.h"
#include "support/stream_log.h"
#include "support/tcp_pair.h"

#define LONG_MS 60000
#define SHORT_MS 30

struct fixture {
	struct loop *loop;
	unsigned done;
	struct dial_result result;
	struct stream *stream; /* owned */
	char detail[256];
	char addr[ADDR_TEXT_MAX];
	int listening;
	uint16_t port;
	int filler; /* a socket that waits in a queue of one, and keeps it full */
};

static struct fixture fixture;

static int listen_at(uint16_t *port_out)
{
	struct addr at = {0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(addr_parse("127.0.0.1", 0, &at), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at.storage, at.len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(addr_of_socket(fd, &at), 0);
	*port_out = addr_port(&at);
	return fd;
}

static int set_up(void **state)
{
	fixture = (struct fixture) {.loop = loop_new(), .filler = -1};
	fixture.listening = listen_at(&fixture.port);
	return 0;
}

static int tear_down(void **state)
{
	stream_close(&fixture.stream);
	loop_free(&fixture.loop);
	close(fixture.listening);
	if (fixture.filler >= 0)
		close(fixture.filler);
	return 0;
}

static void on_done(void *ctx, const struct dial_result *result)
{
	assert_ptr_equal(ctx, &fixture);
	fixture.done++;
	fixture.result = *result;
	fixture.stream = result->stream;
	slice_to_str(result->detail, fixture.detail, sizeof(fixture.detail));
	if (result->addr)
		addr_print(result->addr, fixture.addr);
}

static struct dial *dial_to(const struct dial_target *target, uint64_t timeout_ms)
{
	struct dial *d = dial_start(fixture.loop, target, timeout_ms, on_done, &fixture);

	assert_int_equal(fixture.done, 0);
	return d;
}

static void dial_and_wait(const struct dial_target *target, uint64_t timeout_ms)
{
	dial_to(target, timeout_ms);
	LOOP_TURN_UNTIL(fixture.loop, fixture.done);
	loop_turn(fixture.loop);
	assert_int_equal(fixture.done, 1);
	assert_true((fixture.result.err == 0) == (fixture.stream != NULL));
	if (fixture.result.err)
		assert_true(fixture.detail[0]);
}

/* A port where nobody listens. */
static uint16_t free_port(void)
{
	uint16_t port;

	close(listen_at(&port));
	return port;
}

/* From now on nothing gets through to the listener, and nothing is refused either. */
static void fill_queue(void)
{
	fixture.filler = tcp_pair_connect(fixture.port);
}

/* Both ways, over the stream that was dialled. */
static void check_stream(int peer)
{
	struct stream_log log;
	struct slice hello = SLICE("hello");
	struct buf got = {0};

	assert_true(peer >= 0);
	stream_log_init(&log, fixture.stream);
	fixture.stream = NULL;
	stream_read_start(log.stream);
	assert_true(stream_write(log.stream, &hello, 1));
	stream_shutdown(log.stream);
	assert_int_equal(send(peer, "hi", 2, MSG_NOSIGNAL), 2);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	LOOP_TURN_UNTIL(fixture.loop, log.ended);
	assert_true(slice_eq(buf_slice(&log.data), SLICE("hi")));
	assert_int_equal(read(peer, buf_reserve(&got, 16), 16), 5);
	buf_commit(&got, 5);
	assert_true(slice_eq(buf_slice(&got), hello));
	buf_release(&got);
	stream_log_deinit(&log);
	close(peer);
}

static void an_address_is_dialled_without_a_resolver(void **state)
{
	struct dial_target target = {.host = "127.0.0.1", .port = fixture.port};
	int on = 0;
	socklen_t len = sizeof(on);

	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, 0);
	assert_true(fixture.result.resolved);
	assert_string_equal(fixture.addr, "127.0.0.1");
	assert_int_equal(
		getsockopt(stream_tcp_fd(fixture.stream), IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_true(on);
	check_stream(accept(fixture.listening, NULL, NULL));
}

static void a_name_is_resolved_and_dialled(void **state)
{
	struct dial_target target = {.host = "localhost", .port = fixture.port};

	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, 0);
	assert_true(fixture.result.resolved);
	check_stream(accept(fixture.listening, NULL, NULL));
}

static void check_unix(const char *path, int err, const char *why)
{
	struct dial_target target = {.path = path};
	char expected[256];

	fixture.done = 0;
	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, err);
	assert_null(fixture.result.addr);
	if (!err)
		return;
	snprintf(expected, sizeof(expected), "connect to %s: %s", path, why);
	assert_string_equal(fixture.detail, expected);
}

static void a_unix_socket_is_a_stream_as_well(void **state)
{
	char folder[] = "/tmp/test_dial.XXXXXX";
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_non_null(mkdtemp(folder));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", folder);
	check_unix(at.sun_path, ERR_NOT_FOUND, "no such file or directory");
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	check_unix(at.sun_path, ERR_REFUSED, "connection refused");
	assert_int_equal(listen(fd, 1), 0);
	check_unix(at.sun_path, 0, NULL);
	check_stream(accept(fd, NULL, NULL));
	close(fd);
	unlink(at.sun_path);
	rmdir(folder);
}

static void a_path_that_fits_no_socket_is_refused(void **state)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	check_unix(path, ERR_RANGE, "the path is too long for a socket");
}

static void a_refusal_names_the_address(void **state)
{
	struct dial_target target = {.host = "127.0.0.1", .port = free_port()};
	char expected[128];

	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, ERR_REFUSED);
	assert_true(fixture.result.resolved);
	assert_string_equal(fixture.addr, "127.0.0.1");
	snprintf(expected, sizeof(expected), "connect to 127.0.0.1:%u: connection refused",
		target.port);
	assert_string_equal(fixture.detail, expected);
}

static void a_name_that_is_none_is_not_resolved(void **state)
{
	struct dial_target target = {.host = "\xff", .port = 1};

	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, ERR_SYNTAX);
	assert_false(fixture.result.resolved);
	assert_string_equal(fixture.detail, "look up \xff: this is not the name of a host");
}

static void silence_ends_with_the_time_limit(void **state)
{
	struct dial_target target = {.host = "127.0.0.1", .port = fixture.port};
	char expected[128];

	fill_queue();
	dial_and_wait(&target, SHORT_MS);
	assert_int_equal(fixture.result.err, ERR_TIMEOUT);
	snprintf(expected, sizeof(expected), "connect to 127.0.0.1:%u: no answer in 0.03 s",
		target.port);
	assert_string_equal(fixture.detail, expected);
}

static struct dial_target race(struct addr addrs[2], uint16_t first, uint16_t second)
{
	assert_int_equal(addr_parse("127.0.0.1", first, &addrs[0]), 0);
	assert_int_equal(addr_parse("127.0.0.1", second, &addrs[1]), 0);
	return (struct dial_target) {
		.host = "relay.example.com", .port = second, .addrs = addrs, .addr_count = 2};
}

static void the_second_address_starts_when_the_first_is_silent(void **state)
{
	struct addr addrs[2];
	uint16_t port;
	int listening = listen_at(&port);
	struct dial_target target = race(addrs, fixture.port, port);

	fill_queue();
	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, 0);
	assert_in_range(fixture.result.connect_us, 249000, LONG_MS * 1000ull);
	check_stream(accept(listening, NULL, NULL));
	close(listening);
}

static void the_second_address_starts_at_once_when_the_first_fails(void **state)
{
	struct addr addrs[2];
	struct dial_target target = race(addrs, free_port(), fixture.port);

	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, 0);
	check_stream(accept(fixture.listening, NULL, NULL));
}

static void when_all_fail_the_name_and_the_address_are_told(void **state)
{
	struct addr addrs[2];
	struct dial_target target = race(addrs, free_port(), free_port());
	char expected[128];

	dial_and_wait(&target, LONG_MS);
	assert_int_equal(fixture.result.err, ERR_REFUSED);
	snprintf(expected, sizeof(expected),
		"connect to relay.example.com (127.0.0.1 and 1 more) port %u: connection refused",
		target.port);
	assert_string_equal(fixture.detail, expected);
}

/* Turns until the loop would have told. */
static void check_silence(void)
{
	for (int i = 0; i < 20; i++)
		loop_turn(fixture.loop);
	assert_int_equal(fixture.done, 0);
}

static void a_cancelled_dial_is_silent_wherever_it_is(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "\xff"};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct dial_target target = {.host = hosts[i], .port = fixture.port};
		struct dial *d = dial_to(&target, LONG_MS);

		dial_cancel(&d);
		assert_null(d);
		check_silence();
	}
	fill_queue();
	for (int turns = 0; turns < 3; turns++) {
		struct dial_target target = {.host = "127.0.0.1", .port = fixture.port};
		struct dial *d = dial_to(&target, LONG_MS);

		for (int i = 0; i < turns; i++)
			loop_turn(fixture.loop);
		dial_cancel(&d);
		dial_cancel(&d);
		check_silence();
	}
}

int main(void)
{
#define DIAL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		DIAL_TEST(an_address_is_dialled_without_a_resolver),
		DIAL_TEST(a_name_is_resolved_and_dialled),
		DIAL_TEST(a_unix_socket_is_a_stream_as_well),
		DIAL_TEST(a_path_that_fits_no_socket_is_refused),
		DIAL_TEST(a_refusal_names_the_address),
		DIAL_TEST(a_name_that_is_none_is_not_resolved),
		DIAL_TEST(silence_ends_with_the_time_limit),
		DIAL_TEST(the_second_address_starts_when_the_first_is_silent),
		DIAL_TEST(the_second_address_starts_at_once_when_the_first_fails),
		DIAL_TEST(when_all_fail_the_name_and_the_address_are_told),
		DIAL_TEST(a_cancelled_dial_is_silent_wherever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
