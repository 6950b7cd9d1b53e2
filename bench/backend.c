/*
 * The backend of the benchmarks, in three modes that share one origin:
 *   listen  an ordinary server, what a reverse proxy stands in front of
 *   pool    the far end of one localtunnel tunnel: it dials the relay and answers on those sockets
 *   hold    many idle tunnels, for the memory figures
 * Nothing here is charged to a peer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "origin.h"
#include "pool.h"

#define EVENTS 256

static const int one = 1;

static int usage(void)
{
	fputs("usage: backend listen PORT [ADDRESS]\n"
	      "       backend pool RELAY:PORT NAME SOCKETS\n"
	      "       backend hold RELAY:PORT TUNNELS SOCKETS [PREFIX]\n",
		stderr);
	return 2;
}

static void accept_all(int listener, struct origin *origin)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		origin_adopt(origin, fd, NULL);
	}
}

static int serve_listener(const char *port, const char *address)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	struct epoll_event evs[EVENTS], ev = {.events = EPOLLIN, .data.ptr = NULL};
	int poll_fd = epoll_create1(EPOLL_CLOEXEC);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct origin *origin = origin_new(poll_fd, NULL);

	inet_pton(AF_INET, address, &a.sin_addr);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (void *)&a, sizeof a) || listen(listener, 4096)) {
		perror("backend: listen");
		return 1;
	}
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(poll_fd, evs, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (evs[i].data.ptr)
				origin_serve(evs[i].data.ptr);
			else
				accept_all(listener, origin);
		}
	}
}

static int open_tunnels(struct pool *pool, struct origin *origin, const char *prefix, unsigned n)
{
	char name[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%s%u", prefix, i);
		if (pool_open(pool, origin, name))
			return -1;
	}
	return 0;
}

/* tunnels 0: one, called as prefix says. */
static int serve_pool(const char *relay, const char *prefix, unsigned tunnels, unsigned sockets)
{
	struct epoll_event evs[EVENTS];
	int poll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct origin *origin = origin_new(poll_fd, pool_on_closed);
	struct pool *pool = pool_new(relay, sockets);

	if (!pool)
		return usage();
	if (tunnels ? open_tunnels(pool, origin, prefix, tunnels) : pool_open(pool, origin, prefix))
		return 1;
	printf("open %u\n", tunnels ? tunnels : 1); /* the driver waits for this line */
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(poll_fd, evs, EVENTS, pool_refill(pool, origin));

		for (int i = 0; i < n; i++)
			origin_serve(evs[i].data.ptr);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "listen"))
		return serve_listener(argv[2], argc == 4 ? argv[3] : "127.0.0.1");
	if (argc == 5 && !strcmp(argv[1], "pool"))
		return serve_pool(argv[2], argv[3], 0, (unsigned)atoi(argv[4]));
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "hold"))
		return serve_pool(argv[2], argc == 6 ? argv[5] : "idle", (unsigned)atoi(argv[3]),
			(unsigned)atoi(argv[4]));
	return usage();
}
