/* Sockets by hand: nothing of src/io is used to test src/io. */
#include "support/tcp_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#define TCP_PAIR_SMALL 4096

static struct sockaddr_in tcp_pair_address(uint16_t port)
{
	return (struct sockaddr_in) {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int tcp_pair_socket(int small)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CHECK(fd >= 0);
	if (small) {
		CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
		CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
	}
	return fd;
}

static void tcp_pair_await(int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};

	while (poll(&ready, 1, -1) != 1)
		CHECK(errno == EINTR);
}

static void tcp_pair_dial(int fd, uint16_t port)
{
	struct sockaddr_in to = tcp_pair_address(port);
	int err = 0;
	socklen_t len = sizeof(err);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return;
	CHECK(errno == EINPROGRESS);
	tcp_pair_await(fd, POLLOUT);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0);
}

/* Accepted sockets have the buffers of the listening one. */
static void tcp_pair_make(int fds[2], int small)
{
	struct sockaddr_in at = tcp_pair_address(0);
	socklen_t len = sizeof(at);
	int listening = tcp_pair_socket(small);

	CHECK(bind(listening, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		listen(listening, 1) == 0);
	CHECK(getsockname(listening, (struct sockaddr *)&at, &len) == 0);
	fds[0] = tcp_pair_socket(small);
	tcp_pair_dial(fds[0], ntohs(at.sin_port));
	tcp_pair_await(listening, POLLIN);
	fds[1] = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(fds[1] >= 0);
	close(listening);
}

void tcp_pair_open(int fds[2])
{
	tcp_pair_make(fds, 0);
}

void tcp_pair_open_small(int fds[2])
{
	tcp_pair_make(fds, TCP_PAIR_SMALL);
}

int tcp_pair_connect(uint16_t port)
{
	int fd = tcp_pair_socket(0);

	tcp_pair_dial(fd, port);
	return fd;
}

void tcp_pair_send(int fd, struct slice data)
{
	CHECK(send(fd, data.ptr, data.len, MSG_NOSIGNAL) == (ssize_t)data.len);
}

enum tcp_pair_end tcp_pair_receive(int fd, struct buf *out)
{
	for (;;) {
		ssize_t n = recv(fd, buf_reserve(out, 65536), 65536, 0);

		if (n > 0) {
			buf_commit(out, (size_t)n);
			continue;
		}
		if (n == 0)
			return TCP_PAIR_ENDED;
		CHECK(errno == EAGAIN || errno == ECONNRESET);
		return errno == EAGAIN ? TCP_PAIR_OPEN : TCP_PAIR_RESET;
	}
}

void tcp_pair_reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
	close(fd);
}
