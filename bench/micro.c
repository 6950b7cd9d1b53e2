/* micro.c - what this machine charges for the parts of a relayed request.
 * Prints one JSON object.  Build: cc -O2 -o micro micro.c -lpthread
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int one = 1;
static char *big;

static double now(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void pair(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	bind(l, (void *)&a, sizeof a);
	listen(l, 16);
	getsockname(l, (void *)&a, &n);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd[0], (void *)&a, sizeof a))
		perror("micro: connect");
	fd[1] = accept(l, NULL, NULL);
	close(l);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void all(int fd, size_t n)
{
	while (n) {
		ssize_t r = read(fd, big, n);
		if (r <= 0)
			exit(1);
		n -= r;
	}
}

/* ns of CPU for one send and one read of n bytes, both ends in this thread */
static void move(size_t n, int rounds, double *snd, double *rcv)
{
	int fd[2];
	double t0, t1, s = 0, r = 0;

	pair(fd);
	for (int i = 0; i < rounds; i++) {
		size_t left = n;

		while (left) { /* never more in flight than the socket takes */
			ssize_t w;
			t0 = now(CLOCK_MONOTONIC);
			w = send(fd[0], big, left, MSG_DONTWAIT);
			t1 = now(CLOCK_MONOTONIC);
			if (w <= 0)
				exit(1);
			s += t1 - t0;
			all(fd[1], w);
			r += now(CLOCK_MONOTONIC) - t1;
			left -= w;
		}
	}
	close(fd[0]);
	close(fd[1]);
	*snd = s / rounds * 1e9;
	*rcv = r / rounds * 1e9;
}

static double copy_rate(size_t n, double secs)
{
	char *a = big, *b = big + (64u << 20);
	double t0 = now(CLOCK_MONOTONIC), t;
	size_t done = 0;

	do {
		for (int i = 0; i < 16; i++) {
			memcpy(b, a, n);
			__asm__ volatile("" : : "r"(b) : "memory");
			done += n;
		}
		t = now(CLOCK_MONOTONIC) - t0;
	} while (t < secs);
	return done / t / 1e9;
}

static void *echo_thread(void *p)
{
	int fd = *(int *)p;
	char c;

	while (read(fd, &c, 1) == 1)
		if (write(fd, &c, 1) != 1)
			break;
	return NULL;
}

int main(void)
{
	double t0, t, s, r;
	int fd[2], ep, n = 200000, c[2];
	struct epoll_event ev = {.events = EPOLLIN};
	pthread_t th;
	char ch = 'x';

	big = malloc(128u << 20);
	memset(big, 1, 128u << 20);
	printf("{");

	t0 = now(CLOCK_MONOTONIC);
	for (int i = 0; i < 2000000; i++)
		syscall(SYS_getppid);
	printf("\"null_syscall_ns\": %.0f", (now(CLOCK_MONOTONIC) - t0) / 2e6 * 1e9);

	printf(", \"memcpy_16k_GBps\": %.1f", copy_rate(16384, .5));
	printf(", \"memcpy_256k_GBps\": %.1f", copy_rate(262144, .5));
	printf(", \"memcpy_64m_GBps\": %.1f", copy_rate(64u << 20, 1));

	pair(fd);
	ep = epoll_create1(0);
	ev.data.fd = fd[1];
	epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &ev);
	if (write(fd[0], &ch, 1) != 1)
		return 1;
	usleep(1000);
	t0 = now(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++)
		epoll_wait(ep, &ev, 1, -1);
	printf(", \"epoll_wait_1_ready_ns\": %.0f", (now(CLOCK_MONOTONIC) - t0) / n * 1e9);
	all(fd[1], 1);
	t0 = now(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++)
		if (recv(fd[1], big, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
			return 1;
	printf(", \"read_eagain_ns\": %.0f", (now(CLOCK_MONOTONIC) - t0) / n * 1e9);

	move(100, n, &s, &r);
	printf(", \"tcp_send_100B_ns\": %.0f, \"tcp_read_100B_ns\": %.0f", s, r);
	move(16384, 50000, &s, &r);
	printf(", \"tcp_send_16k_ns\": %.0f, \"tcp_read_16k_ns\": %.0f", s, r);
	move(65536, 20000, &s, &r);
	printf(", \"tcp_send_64k_ns\": %.0f, \"tcp_read_64k_ns\": %.0f", s, r);
	printf(", \"tcp_64k_hop_cpu_s_per_GiB\": %.3f", (s + r) * 16384 / 1e9);

	t0 = now(CLOCK_MONOTONIC);
	pthread_create(&th, NULL, echo_thread, &fd[1]);
	for (int i = 0; i < 50000; i++) {
		if (write(fd[0], &ch, 1) != 1 || read(fd[0], &ch, 1) != 1)
			return 1;
	}
	t = now(CLOCK_MONOTONIC) - t0;
	printf(", \"tcp_pingpong_two_threads_us\": %.1f", t / 50000 * 1e6);
	close(fd[0]);
	pthread_join(th, NULL);
	close(fd[1]);

	t0 = now(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < 20000; i++) {
		pair(c); /* includes a listener of its own: a little high */
		close(c[0]);
		close(c[1]);
	}
	t = (now(CLOCK_PROCESS_CPUTIME_ID) - t0) / 20000;
	printf(", \"tcp_listen_connect_accept_close_us\": %.1f", t * 1e6);

	{ /* splice: socket -> pipe -> socket, 64 KiB at a time */
		int a[2], b[2], p[2];
		double used = 0;

		pair(a);
		pair(b);
		if (pipe2(p, O_NONBLOCK))
			return 1;
		fcntl(p[0], F_SETPIPE_SZ, 1 << 20);
		for (int i = 0; i < 20000; i++) {
			ssize_t w = send(a[0], big, 65536, 0), left = w;

			t0 = now(CLOCK_MONOTONIC);
			while (left > 0) {
				ssize_t m = splice(a[1], NULL, p[1], NULL, left, SPLICE_F_MOVE),
					q = m;
				if (m <= 0)
					return 1;
				while (q > 0) {
					ssize_t o =
						splice(p[0], NULL, b[0], NULL, q, SPLICE_F_MOVE);
					if (o <= 0)
						return 1;
					q -= o;
				}
				left -= m;
			}
			used += now(CLOCK_MONOTONIC) - t0;
			all(b[1], w);
		}
		printf(", \"splice_64k_relay_ns\": %.0f", used / 20000 * 1e9);
	}
	printf("}\n");
	return 0;
}
