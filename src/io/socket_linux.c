/* Options that POSIX does not have. Where one fails, the socket is none of TCP. */
#include "io/socket_linux.h"

#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The kernel counts its own overhead into both figures, at most as much again as the bytes. */
size_t socket_linux_room(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 ||
		info[SK_MEMINFO_SNDBUF] <= info[SK_MEMINFO_WMEM_QUEUED])
		return 0;
	return (info[SK_MEMINFO_SNDBUF] - info[SK_MEMINFO_WMEM_QUEUED]) / 2;
}

bool socket_linux_is_delivered(int fd)
{
	int waiting = 0;

	return ioctl(fd, SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

bool socket_linux_is_heard(int fd, uint64_t within_us)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
		info.tcpi_last_ack_recv < within_us / 1000;
}

void socket_linux_set_patience(int fd, unsigned limit_ms)
{
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
}

void socket_linux_limit_unsent(int fd, unsigned bytes)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}
