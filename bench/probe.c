/* probe.c - round-trip time of small messages over an upgraded connection.
 *   probe HOST PORT HOST_HEADER PATH CONNECTIONS SECONDS SIZE
 * Each connection asks for an Upgrade, then sends SIZE bytes and waits for
 * their echo, over and over.  Prints one JSON object.
 * Build: cc -O2 -o probe probe.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct conn {
	int fd;
	size_t got;
	double sent;
};
static float *sample;
static size_t samples, cap = 1u << 22;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int cmp(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static int upgrade(const char *host, int port, const char *hh, const char *path)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval tv = {.tv_sec = 5};
	char buf[4096];
	size_t n = 0;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, host, &a.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	if (connect(fd, (void *)&a, sizeof a))
		goto bad;
	dprintf(fd,
		"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		path, hh);
	do {
		ssize_t r = read(fd, buf + n, sizeof buf - 1 - n);
		if (r <= 0)
			goto bad;
		buf[n += r] = 0;
	} while (!strstr(buf, "\r\n\r\n") && n < sizeof buf - 1);
	if (strncmp(buf, "HTTP/1.1 101", 12))
		goto bad;
	return fd;
bad:
	close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	int nc, up = 0, lost = 0, ep = epoll_create1(0);
	double end, secs, t0;
	size_t size;
	struct conn *cs;
	char *msg;

	if (argc != 8) {
		fprintf(stderr, "usage: probe HOST PORT HOST_HEADER PATH CONNS SECS SIZE\n");
		return 2;
	}
	nc = atoi(argv[5]);
	secs = atof(argv[6]);
	size = atoi(argv[7]);
	cs = calloc(nc, sizeof *cs);
	sample = malloc(cap * sizeof *sample);
	msg = calloc(1, size > 65536 ? size : 65536);
	for (int i = 0; i < nc; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &cs[up]};
		int fd = upgrade(argv[1], atoi(argv[2]), argv[3], argv[4]);

		if (fd < 0)
			continue;
		cs[up++].fd = fd;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
	t0 = now();
	end = t0 + secs;
	for (int i = 0; i < up; i++) {
		cs[i].sent = now();
		if (send(cs[i].fd, msg, size, MSG_NOSIGNAL) < 0)
			lost++;
	}
	while (up > lost && now() < end) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, 100);

		for (int i = 0; i < n; i++) {
			struct conn *c = evs[i].data.ptr;
			ssize_t r = read(c->fd, msg, size - c->got);
			double t = now();

			if (r <= 0) {
				epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
				close(c->fd);
				lost++;
				continue;
			}
			c->got += r;
			if (c->got < size)
				continue;
			c->got = 0;
			if (samples < cap)
				sample[samples++] = (t - c->sent) * 1e6;
			c->sent = t;
			if (send(c->fd, msg, size, MSG_NOSIGNAL) < 0)
				lost++;
		}
	}
	secs = now() - t0;
	qsort(sample, samples, sizeof *sample, cmp);
	printf("{\"asked\": %d, \"up\": %d, \"lost\": %d, \"messages\": %zu, "
	       "\"secs\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
		nc, up, lost, samples, secs, samples ? sample[samples / 2] : 0,
		samples ? sample[samples * 99 / 100] : 0);
	free(sample);
	free(msg);
	free(cs);
	return 0;
}
