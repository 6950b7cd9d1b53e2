/*
 * The smallest possible relay and agent, as a measuring stick: what the machine asks of a tunnel
 * that multiplexes and does nothing else. One TCP link between the two, 8-byte frame heads, reads
 * straight into the link's output buffer, one write to the link per batch of events.
 *   floor relay PUBLIC_PORT LINK_PORT
 *   floor agent LINK_PORT BACKEND_PORT
 * It is no product: no authentication, no HTTP, no windows per stream, 127.0.0.1 only. Built with
 * -DSEAL the link carries AES-128-GCM records of at most 16 KiB under a fixed key: what an
 * encrypted link costs once its handshake is done.
 */
#include <arpa/inet.h>
#include <errno.h>
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
#ifdef SEAL
#include <openssl/evp.h>
#endif

enum { DATA, OPEN, CLOSE };
#define SLOTS 65536
#define CHUNK 65536 /* most payload in one frame */
#define OUT_CAP (1u << 20) /* link output buffer */
#define IN_CAP (1u << 18) /* link input buffer */
#define BACKLOG_MAX (4u << 20) /* parked bytes before the link is left unread */

struct head {
	uint32_t id, len_type;
}; /* type in the top byte */
struct stream {
	uint32_t id;
	int fd, readable, hup, queued, closing;
	char *park;
	size_t park_off, park_len, park_cap;
	struct stream *next;
};

static struct stream *slot[SLOTS], *queue, **queue_end = &queue;
static char out[OUT_CAP], in[IN_CAP];
static size_t out_off, out_len, parked;
static int ep, link_fd = -1, link_readable, is_relay, target_port;
static uint32_t next_id;
static struct head ih;
static size_t ih_have, payload_left;
static const int one = 1;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int tcp(int port, int listening)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (listening) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(fd, (void *)&a, sizeof a) || listen(fd, 4096))
			die("floor: listen");
	} else if (connect(fd, (void *)&a, sizeof a) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static void watch(int fd, void *p)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = p};
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void enqueue(struct stream *s)
{
	if (s->queued)
		return;
	s->queued = 1;
	s->next = NULL;
	*queue_end = s;
	queue_end = &s->next;
}

/* Send [*off, len) of buf.  1: all gone, 0: the link is full. */
static int push(const char *buf, size_t *off, size_t len)
{
	while (*off < len) {
		ssize_t n = send(link_fd, buf + *off, len - *off, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EAGAIN)
				return 0;
			die("floor: link");
		}
		*off += n;
	}
	return 1;
}

#ifdef SEAL
#define RECORD 16384
#define TAG 16
static char sealed[(1u << 18) / RECORD * (RECORD + TAG + 2)], opened[IN_CAP];
static size_t sealed_off, sealed_len, raw_len;
static EVP_CIPHER_CTX *enc, *dec;
static uint64_t enc_n, dec_n;

static void seal_start(void)
{
	static const unsigned char key[16] = "floor, not safe";

	enc = EVP_CIPHER_CTX_new();
	dec = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(enc, EVP_aes_128_gcm(), NULL, key, NULL);
	EVP_DecryptInit_ex(dec, EVP_aes_128_gcm(), NULL, key, NULL);
}

/* Moves one record's worth of out to the end of sealed. */
static void seal_record(void)
{
	size_t n = out_len - out_off < RECORD ? out_len - out_off : RECORD;
	unsigned char iv[12] = {0}, *p = (void *)(sealed + sealed_len);
	int w;

	p[0] = (unsigned char)(n >> 8);
	p[1] = (unsigned char)n;
	memcpy(iv, &enc_n, sizeof enc_n);
	enc_n++;
	EVP_EncryptInit_ex(enc, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(enc, p + 2, &w, (void *)(out + out_off), (int)n);
	EVP_EncryptFinal_ex(enc, p + 2 + w, &w);
	EVP_CIPHER_CTX_ctrl(enc, EVP_CTRL_GCM_GET_TAG, TAG, p + 2 + n);
	sealed_len += n + TAG + 2;
	out_off += n;
}

static void flush_link(void)
{
	while (push(sealed, &sealed_off, sealed_len) && out_off < out_len) {
		sealed_off = sealed_len = 0;
		while (out_off < out_len && sealed_len + RECORD + TAG + 2 <= sizeof sealed)
			seal_record();
	}
	if (out_off == out_len)
		out_off = out_len = 0;
}
#else
static void flush_link(void)
{
	push(out, &out_off, out_len);
	if (out_off == out_len)
		out_off = out_len = 0;
}
#endif

static size_t room(void)
{
	if (out_off && OUT_CAP - out_len < CHUNK + 64) {
		memmove(out, out + out_off, out_len - out_off);
		out_len -= out_off;
		out_off = 0;
	}
	return OUT_CAP - out_len;
}

static void put_head(uint32_t id, uint32_t type, size_t len)
{
	struct head h = {id, type << 24 | (uint32_t)len};

	memcpy(out + out_len, &h, sizeof h);
	out_len += sizeof h;
}

static void forget(struct stream *s)
{
	slot[s->id % SLOTS] = NULL;
	close(s->fd);
	s->fd = -1;
	parked -= s->park_len - s->park_off;
	free(s->park);
	s->park = NULL;
	if (!s->queued)
		free(s);
}

static struct stream *new_stream(uint32_t id, int fd)
{
	struct stream *s = calloc(1, sizeof *s);

	s->id = id;
	s->fd = fd;
	slot[id % SLOTS] = s;
	watch(fd, s);
	return s;
}

/* 1: all written, 0: some is parked, -1: the stream is dead */
static int drain(struct stream *s)
{
	while (s->park_off < s->park_len) {
		ssize_t n =
			send(s->fd, s->park + s->park_off, s->park_len - s->park_off, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		s->park_off += n;
		parked -= n;
	}
	s->park_off = s->park_len = 0;
	return 1;
}

static void deliver(struct stream *s, const char *p, size_t n)
{
	if (s->park_len == s->park_off) {
		ssize_t w = send(s->fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno != EAGAIN)
			return; /* its read side will report the end */
		if (w > 0) {
			p += w;
			n -= w;
		}
	}
	if (!n)
		return;
	if (s->park_len + n > s->park_cap) {
		s->park_cap = (s->park_len + n) * 2;
		s->park = realloc(s->park, s->park_cap);
		if (!s->park)
			die("floor: memory");
	}
	memcpy(s->park + s->park_len, p, n);
	s->park_len += n;
	parked += n;
}

static void frame_start(void)
{
	uint32_t type = ih.len_type >> 24;
	struct stream *s = slot[ih.id % SLOTS];

	payload_left = ih.len_type & 0xffffff;
	if (s && s->id != ih.id)
		s = NULL;
	if (type == OPEN && !is_relay && !s) {
		int fd = tcp(target_port, 0);

		if (fd >= 0)
			new_stream(ih.id, fd);
		else {
			room();
			put_head(ih.id, CLOSE, 0);
		}
	} else if (type == CLOSE && s) {
		if (s->park_len > s->park_off)
			s->closing = 1;
		else
			forget(s);
	}
}

static void take(const char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		if (payload_left) {
			size_t w = n - at;
			struct stream *s = slot[ih.id % SLOTS];

			if (w > payload_left)
				w = payload_left;
			if (s && s->id == ih.id && !s->closing)
				deliver(s, p + at, w);
			at += w;
			payload_left -= w;
			continue;
		}
		while (at < n && ih_have < sizeof ih)
			((char *)&ih)[ih_have++] = p[at++];
		if (ih_have == sizeof ih) {
			ih_have = 0;
			frame_start();
		}
	}
}

#ifdef SEAL
/* Opens the whole records among the first have bytes of in; keeps the rest for the next read. */
static void take_sealed(size_t have)
{
	size_t at = 0, got = 0;

	while (have - at >= 2) {
		unsigned char iv[12] = {0}, *p = (void *)(in + at);
		size_t len = (size_t)p[0] << 8 | p[1];
		int w;

		if (have - at < len + TAG + 2)
			break;
		memcpy(iv, &dec_n, sizeof dec_n);
		dec_n++;
		EVP_DecryptInit_ex(dec, NULL, NULL, NULL, iv);
		EVP_DecryptUpdate(dec, (void *)(opened + got), &w, p + 2, (int)len);
		EVP_CIPHER_CTX_ctrl(dec, EVP_CTRL_GCM_SET_TAG, TAG, p + 2 + len);
		if (EVP_DecryptFinal_ex(dec, (void *)(opened + got + w), &w) != 1)
			die("floor: record");
		got += len;
		at += len + TAG + 2;
	}
	raw_len = have - at;
	memmove(in, in + at, raw_len);
	take(opened, got);
}
#endif

static void read_link(void)
{
	size_t have = 0;

	while (link_readable && parked < BACKLOG_MAX) {
		ssize_t n;

#ifdef SEAL
		have = raw_len;
#endif
		n = read(link_fd, in + have, IN_CAP - have);
		if (n < 0 && errno == EAGAIN) {
			link_readable = 0;
			return;
		}
		if (n <= 0)
			exit(0);
		if ((size_t)n < IN_CAP - have)
			link_readable = 0;
#ifdef SEAL
		take_sealed(have + (size_t)n);
#else
		take(in, (size_t)n);
#endif
	}
}

/* Move one chunk from a stream to the link.  0: it must wait for room. */
static int pump(struct stream *s)
{
	while (s->readable) {
		ssize_t n;

		if (room() < CHUNK + 64)
			return 0;
		n = read(s->fd, out + out_len + sizeof(struct head), CHUNK);
		if (n < 0 && errno == EAGAIN) {
			s->readable = 0;
			break;
		}
		if (n <= 0) {
			put_head(s->id, CLOSE, 0);
			s->queued = 0;
			forget(s);
			return 1;
		}
		put_head(s->id, DATA, (size_t)n);
		out_len += (size_t)n;
		if (n < CHUNK && !s->hup)
			s->readable = 0;
	}
	s->queued = 0;
	return 1;
}

static void accept_all(int l)
{
	int fd;

	while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (room() < CHUNK + 64 || link_fd < 0) {
			close(fd);
			continue;
		}
		while (slot[++next_id % SLOTS])
			;
		put_head(next_id, OPEN, 0);
		new_stream(next_id, fd);
	}
}

/* Waits for the agent, then opens the public port. Returns its socket. */
static int start_relay(int public_port, int link_port)
{
	int pub, listener = tcp(link_port, 1);

	while ((link_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0)
		usleep(10000);
	setsockopt(link_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	pub = tcp(public_port, 1);
	return pub;
}

static void on_stream(struct stream *s, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		s->readable = 1;
		if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			s->hup = 1;
		enqueue(s);
	}
	if (events & EPOLLOUT && s->park_len > s->park_off && drain(s) == 1 && s->closing)
		forget(s);
}

/* Gives every waiting stream its turn once. */
static void pump_queue(void)
{
	struct stream *s, *todo = queue;

	queue = NULL;
	queue_end = &queue;
	while ((s = todo) != NULL) {
		todo = s->next;
		if (s->fd < 0) {
			free(s);
		} else if (!pump(s)) {
			s->queued = 0;
			enqueue(s);
		}
	}
}

static void turn(int *pub)
{
	struct epoll_event evs[256];
	int n = epoll_wait(ep, evs, 256, queue && room() >= CHUNK + 64 ? 0 : -1);

	for (int i = 0; i < n; i++) {
		if (evs[i].data.ptr == pub)
			accept_all(*pub);
		else if (evs[i].data.ptr != &link_fd)
			on_stream(evs[i].data.ptr, evs[i].events);
		else if (evs[i].events & EPOLLIN)
			link_readable = 1;
	}
	pump_queue();
	flush_link();
	read_link();
	flush_link();
}

int main(int argc, char **argv)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct rlimit rl;
	int pub = -1;

	if (argc != 4) {
		fprintf(stderr, "usage: floor relay PUBLIC LINK | floor agent LINK BACKEND\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!getrlimit(RLIMIT_NOFILE, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
#ifdef SEAL
	seal_start();
#endif
	ep = epoll_create1(EPOLL_CLOEXEC);
	is_relay = !strcmp(argv[1], "relay");
	if (is_relay) {
		pub = start_relay(atoi(argv[2]), atoi(argv[3]));
		ev.data.ptr = &pub;
		epoll_ctl(ep, EPOLL_CTL_ADD, pub, &ev);
	} else {
		link_fd = tcp(atoi(argv[2]), 0);
		target_port = atoi(argv[3]);
	}
	watch(link_fd, &link_fd);
	for (;;)
		turn(&pub);
}
