/*
 * rtnetlink: which of its messages mean that a connection may have lost its way. Routes to single
 * places come and go all day, so only the default one counts.
 */
#include "io/netwatch_linux.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETWATCH_READ_SIZE 16384u

int netwatch_linux_open(void)
{
	struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			RTMGRP_IPV6_ROUTE};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&groups, sizeof(groups)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool netwatch_linux_is_default_route(const struct nlmsghdr *header)
{
	const struct rtmsg *route = NLMSG_DATA(header);

	return header->nlmsg_len >= NLMSG_LENGTH(sizeof(*route)) && route->rtm_dst_len == 0 &&
		route->rtm_type == RTN_UNICAST && !(route->rtm_flags & RTM_F_CLONED);
}

bool netwatch_linux_is_change(struct slice messages)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)messages.ptr;
	size_t left = messages.len;

	for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
		switch (header->nlmsg_type) {
		case RTM_NEWADDR:
		case RTM_DELADDR:
			return true;
		case RTM_NEWROUTE:
		case RTM_DELROUTE:
			if (netwatch_linux_is_default_route(header))
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

bool netwatch_linux_read(int fd)
{
	_Alignas(struct nlmsghdr) char messages[NETWATCH_READ_SIZE];
	bool changed = false;
	ssize_t n;

	for (;;) {
		n = recv(fd, messages, sizeof(messages), 0);
		if (n > 0)
			changed |= netwatch_linux_is_change(slice_of(messages, (size_t)n));
		else if (n < 0 && errno == ENOBUFS)
			changed = true; /* so many that some were lost: one may have been ours */
		else if (n == 0 || errno != EINTR)
			return changed;
	}
}
