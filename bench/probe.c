/*
 * Round-trip time of small messages over an upgraded connection:
 *   probe HOST PORT HOST_HEADER PATH CONNECTIONS SECONDS SIZE
 * Each connection asks for an Upgrade, then sends SIZE bytes and waits for their echo, over and
 * over, one message in flight. Prints one JSON object.
 */
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
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int cmp(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static int upgrade(const char *host, int port, const char *hh, const char *path)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
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

static struct probe_run {
	struct conn *conns;
	char *msg;
	size_t size;
	int poll_fd;
	int up, lost;
} run;

static void open_all(int n, char **argv)
{
	for (int i = 0; i < n; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &run.conns[run.up]};
		int fd = upgrade(argv[1], atoi(argv[2]), argv[3], argv[4]);

		if (fd < 0)
			continue;
		run.conns[run.up++].fd = fd;
		epoll_ctl(run.poll_fd, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void send_message(struct conn *c, double t)
{
	c->sent = t;
	if (send(c->fd, run.msg, run.size, MSG_NOSIGNAL) < 0)
		run.lost++;
}

static void on_readable(struct conn *c)
{
	ssize_t r = read(c->fd, run.msg, run.size - c->got);
	double t = now();

	if (r <= 0) {
		epoll_ctl(run.poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
		close(c->fd);
		run.lost++;
		return;
	}
	c->got += (size_t)r;
	if (c->got < run.size)
		return;
	c->got = 0;
	if (samples < cap)
		sample[samples++] = (float)((t - c->sent) * 1e6);
	send_message(c, t);
}

static void report(int asked, double secs)
{
	float p50 = 0, p99 = 0;

	qsort(sample, samples, sizeof *sample, cmp);
	if (samples) {
		p50 = sample[samples / 2];
		p99 = sample[samples * 99 / 100];
	}
	printf("{\"asked\": %d, \"up\": %d, \"lost\": %d, \"messages\": %zu, "
	       "\"secs\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
		asked, run.up, run.lost, samples, secs, p50, p99);
}

int main(int argc, char **argv)
{
	struct epoll_event evs[64];
	double start, end;
	int asked;

	if (argc != 8) {
		fputs("usage: probe HOST PORT HOST_HEADER PATH CONNS SECS SIZE\n", stderr);
		return 2;
	}
	asked = atoi(argv[5]);
	run.size = strtoul(argv[7], NULL, 10);
	run.conns = calloc((size_t)asked, sizeof *run.conns);
	run.msg = calloc(1, run.size);
	sample = malloc(cap * sizeof *sample);
	if (!run.conns || !run.msg || !sample)
		return 1;
	run.poll_fd = epoll_create1(EPOLL_CLOEXEC);
	open_all(asked, argv);
	start = now();
	end = start + atof(argv[6]);
	for (int i = 0; i < run.up; i++)
		send_message(&run.conns[i], now());
	while (run.up > run.lost && now() < end) {
		int n = epoll_wait(run.poll_fd, evs, 64, 100);

		for (int i = 0; i < n; i++)
			on_readable(evs[i].data.ptr);
	}
	report(asked, now() - start);
	free(sample);
	free(run.msg);
	free(run.conns);
	return 0;
}
