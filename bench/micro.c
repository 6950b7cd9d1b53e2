/*
 * What this machine charges for the parts of a relayed request: a system call, a copy, a send and
 * a read over loopback, a wake-up, a connection. Prints one JSON object; bench.py limits shows it.
 */
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
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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
	return (double)done / t / 1e9;
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

/* Ends the program: what is measured here does not fail on a machine that works. */
static void need(int ok)
{
	if (ok)
		return;
	perror("micro");
	exit(1);
}

static void copies_and_calls(void)
{
	double t0 = now(CLOCK_MONOTONIC);

	for (int i = 0; i < 2000000; i++)
		syscall(SYS_getppid);
	printf("\"null_syscall_ns\": %.0f", (now(CLOCK_MONOTONIC) - t0) / 2e6 * 1e9);
	printf(", \"memcpy_16k_GBps\": %.1f", copy_rate(16384, .5));
	printf(", \"memcpy_256k_GBps\": %.1f", copy_rate(262144, .5));
	printf(", \"memcpy_64m_GBps\": %.1f", copy_rate(64u << 20, 1));
}

static void readiness(const int fd[2])
{
	const int n = 200000;
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd[1]};
	double t0;

	epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &ev);
	need(write(fd[0], "x", 1) == 1);
	usleep(1000);
	t0 = now(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++)
		epoll_wait(ep, &ev, 1, -1);
	printf(", \"epoll_wait_1_ready_ns\": %.0f", (now(CLOCK_MONOTONIC) - t0) / n * 1e9);
	all(fd[1], 1);
	t0 = now(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++)
		need(recv(fd[1], big, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	printf(", \"read_eagain_ns\": %.0f", (now(CLOCK_MONOTONIC) - t0) / n * 1e9);
	close(ep);
}

static void transfers(void)
{
	double s, r;

	move(100, 200000, &s, &r);
	printf(", \"tcp_send_100B_ns\": %.0f, \"tcp_read_100B_ns\": %.0f", s, r);
	move(16384, 50000, &s, &r);
	printf(", \"tcp_send_16k_ns\": %.0f, \"tcp_read_16k_ns\": %.0f", s, r);
	move(65536, 20000, &s, &r);
	printf(", \"tcp_send_64k_ns\": %.0f, \"tcp_read_64k_ns\": %.0f", s, r);
	printf(", \"tcp_64k_hop_cpu_s_per_GiB\": %.3f", (s + r) * 16384 / 1e9);
}

/* Consumes the pair. */
static void ping_pong(int fd[2])
{
	const int n = 50000;
	double t0 = now(CLOCK_MONOTONIC);
	pthread_t th;
	char c = 'x';

	pthread_create(&th, NULL, echo_thread, &fd[1]);
	for (int i = 0; i < n; i++)
		need(write(fd[0], &c, 1) == 1 && read(fd[0], &c, 1) == 1);
	printf(", \"tcp_pingpong_two_threads_us\": %.1f", (now(CLOCK_MONOTONIC) - t0) / n * 1e6);
	close(fd[0]);
	pthread_join(th, NULL);
	close(fd[1]);
}

/* A listener for each pair as well, hence a little high. */
static void connections(void)
{
	const int n = 20000;
	double t0 = now(CLOCK_PROCESS_CPUTIME_ID);
	int c[2];

	for (int i = 0; i < n; i++) {
		pair(c);
		close(c[0]);
		close(c[1]);
	}
	t0 = now(CLOCK_PROCESS_CPUTIME_ID) - t0;
	printf(", \"tcp_listen_connect_accept_close_us\": %.1f", t0 / n * 1e6);
}

/* n bytes from a socket to a socket through a pipe. */
static void splice_all(int from, int to, const int pipe_fd[2], size_t n)
{
	while (n) {
		ssize_t in = splice(from, NULL, pipe_fd[1], NULL, n, SPLICE_F_MOVE), out;

		need(in > 0);
		n -= (size_t)in;
		for (; in > 0; in -= out) {
			out = splice(pipe_fd[0], NULL, to, NULL, (size_t)in, SPLICE_F_MOVE);
			need(out > 0);
		}
	}
}

static void splices(void)
{
	const int n = 20000;
	int a[2], b[2], p[2];
	double used = 0;

	pair(a);
	pair(b);
	need(!pipe2(p, O_NONBLOCK));
	fcntl(p[0], F_SETPIPE_SZ, 1 << 20);
	for (int i = 0; i < n; i++) {
		ssize_t w = send(a[0], big, 65536, 0);
		double t0 = now(CLOCK_MONOTONIC);

		need(w > 0);
		splice_all(a[1], b[0], p, (size_t)w);
		used += now(CLOCK_MONOTONIC) - t0;
		all(b[1], (size_t)w);
	}
	printf(", \"splice_64k_relay_ns\": %.0f", used / n * 1e9);
}

int main(void)
{
	int fd[2];

	big = malloc(128u << 20);
	need(big != NULL);
	memset(big, 1, 128u << 20);
	printf("{");
	copies_and_calls();
	pair(fd);
	readiness(fd);
	transfers();
	ping_pong(fd);
	connections();
	splices();
	printf("}\n");
	return 0;
}
