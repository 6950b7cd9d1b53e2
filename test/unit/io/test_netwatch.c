/* News about the network: which messages count, and a real address in a network of its own. */
#include "io/netwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/loop.h"
#include "io/netwatch_linux.h"
#include "support/loop_turn.h"

#define SKIPPED 77

/* One message, as the kernel writes it. */
static void put(struct buf *out, uint16_t type, const void *body, size_t len)
{
	struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_len = (uint32_t)NLMSG_LENGTH(len)};
	size_t padded = NLMSG_SPACE(len);
	char *at = buf_reserve(out, padded);

	memset(at, 0, padded);
	memcpy(at, &header, sizeof(header));
	memcpy(at + NLMSG_HDRLEN, body, len);
	buf_commit(out, padded);
}

static bool is_change(uint16_t type, unsigned char prefix, unsigned char kind, unsigned flags)
{
	struct rtmsg route = {
		.rtm_family = AF_INET, .rtm_dst_len = prefix, .rtm_type = kind, .rtm_flags = flags};
	struct buf out = {0};
	bool changed;

	put(&out, type, &route, sizeof(route));
	changed = netwatch_linux_is_change(buf_slice(&out));
	buf_release(&out);
	return changed;
}

static void only_addresses_and_default_routes_count(void **state)
{
	assert_true(is_change(RTM_NEWADDR, 24, 0, 0));
	assert_true(is_change(RTM_DELADDR, 24, 0, 0));
	assert_true(is_change(RTM_NEWROUTE, 0, RTN_UNICAST, 0));
	assert_true(is_change(RTM_DELROUTE, 0, RTN_UNICAST, 0));
	assert_false(is_change(RTM_NEWROUTE, 24, RTN_UNICAST, 0));
	assert_false(is_change(RTM_NEWROUTE, 0, RTN_UNREACHABLE, 0));
	assert_false(is_change(RTM_NEWROUTE, 0, RTN_UNICAST, RTM_F_CLONED));
	assert_false(is_change(RTM_NEWLINK, 0, RTN_UNICAST, 0));
}

static void the_change_may_stand_behind_others_and_messages_may_be_cut(void **state)
{
	struct rtmsg other = {.rtm_dst_len = 24, .rtm_type = RTN_UNICAST};
	struct ifaddrmsg address = {.ifa_family = AF_INET};
	struct buf out = {0};
	size_t last;

	put(&out, RTM_NEWROUTE, &other, sizeof(other));
	last = buf_len(&out);
	put(&out, RTM_NEWADDR, &address, sizeof(address));
	assert_true(netwatch_linux_is_change(buf_slice(&out)));
	for (size_t len = 0; len < last + NLMSG_LENGTH(sizeof(address)); len++)
		assert_false(netwatch_linux_is_change(slice_first(buf_slice(&out), len)));
	buf_release(&out);
}

static void on_change(void *ctx)
{
	++*(unsigned *)ctx;
}

/* Gives the loopback interface of a new network its addresses. Exits with 0 when that was told
 * once. */
static void run_in_own_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	struct loop *loop;
	struct netwatch *n;
	unsigned told = 0;
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
		_exit(SKIPPED);
	loop = loop_new();
	n = netwatch_new(loop, on_change, &told);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		_exit(SKIPPED);
	LOOP_TURN_UNTIL(loop, told);
	for (int i = 0; i < 20; i++)
		loop_turn(loop);
	netwatch_free(&n);
	netwatch_free(&n);
	loop_free(&loop);
	_exit(told == 1 ? 0 : 1);
}

static void an_address_that_comes_is_told_once(void **state)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		run_in_own_network();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void nothing_is_told_after_the_end(void **state)
{
	struct loop *loop = loop_new();
	unsigned told = 0;
	struct netwatch *n = netwatch_new(loop, on_change, &told);

	loop_turn(loop);
	netwatch_free(&n);
	assert_null(n);
	loop_free(&loop);
	assert_int_equal(told, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_addresses_and_default_routes_count),
		cmocka_unit_test(the_change_may_stand_behind_others_and_messages_may_be_cut),
		cmocka_unit_test(an_address_that_comes_is_told_once),
		cmocka_unit_test(nothing_is_told_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
