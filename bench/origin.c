/*
 * What the origin answers:
 *   GET /0, or any other path   13 bytes, "hello, world\n"
 *   GET /<n>                    n bytes; n may end in k or m, as in /64k and /1m
 *   POST                        the body is read and thrown away, the answer is the 13 bytes
 *   Upgrade                     101, then every byte comes back
 * One thread, keep-alive and pipelining, no allocation per request: it must stay far cheaper than
 * what it stands behind. It trusts its peers and belongs on a loopback address only.
 */
#include "origin.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IN_CAP 16384u
#define PATTERN_SIZE (1u << 20)
#define SINK_SIZE (1u << 18)

enum origin_state {
	AT_HEAD,
	AT_BODY,
	AT_CHUNK_SIZE,
	AT_CHUNK_DATA,
	AT_CHUNK_END,
	AT_TRAILER,
	AT_ECHO,
	AT_END, /* our end is said, the other one is awaited */
};

enum step { STEP_DEAD = -1, STEP_ANSWER, STEP_MORE, STEP_AGAIN };

struct origin {
	int poll_fd; /* borrowed */
	origin_closed_fn on_closed;
	char pattern[PATTERN_SIZE];
	char sink[SINK_SIZE];
};

struct origin_conn {
	struct origin *origin; /* borrowed */
	void *owner; /* borrowed */
	int fd;
	enum origin_state state;
	bool close_after;
	bool want_out;
	bool no_body;
	bool small; /* the answer's body is the 13 bytes */
	bool served;
	size_t in_len;
	uint64_t left; /* body bytes still to read */
	uint64_t size; /* of the answer's body, once the request is all read */
	size_t head_off, head_len; /* of the answer, still to send */
	uint64_t out_left; /* body bytes still to send */
	char head[256];
	char in[IN_CAP];
};

static const char hello[] = "hello, world\n";
#define HELLO_LEN (sizeof hello - 1)

static void drop(struct origin_conn *c)
{
	origin_closed_fn closed = c->origin->on_closed;
	void *owner = c->owner;
	bool served = c->served;

	close(c->fd);
	free(c);
	if (closed)
		closed(owner, served);
}

static void want(struct origin_conn *c, bool out)
{
	struct epoll_event ev = {.data.ptr = c};

	if (c->want_out == out)
		return;
	c->want_out = out;
	ev.events = out ? EPOLLOUT : EPOLLIN;
	epoll_ctl(c->origin->poll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

static void use(struct origin_conn *c, size_t n)
{
	c->in_len -= n;
	memmove(c->in, c->in + n, c->in_len);
	c->in[c->in_len] = 0;
}

/* Sends what is pending. 1: all gone, 0: the socket is full, -1: dead. */
static int flush(struct origin_conn *c)
{
	while (c->head_off < c->head_len || c->out_left) {
		struct iovec v[2];
		struct msghdr m = {.msg_iov = v};
		size_t head = c->head_len - c->head_off;
		size_t body = c->out_left > PATTERN_SIZE ? PATTERN_SIZE : (size_t)c->out_left;
		ssize_t n;

		if (head)
			v[m.msg_iovlen++] = (struct iovec) {c->head + c->head_off, head};
		if (c->small && body)
			v[m.msg_iovlen++] = (struct iovec) {(char *)hello + HELLO_LEN - body, body};
		else if (body)
			v[m.msg_iovlen++] = (struct iovec) {c->origin->pattern, body};
		n = sendmsg(c->fd, &m, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if ((size_t)n < head)
			head = (size_t)n;
		c->head_off += head;
		c->out_left -= (size_t)n - head;
	}
	return 1;
}

static enum step answer(struct origin_conn *c)
{
	c->state = AT_HEAD;
	c->served = true;
	c->head_off = 0;
	c->head_len = (size_t)snprintf(c->head, sizeof c->head,
		"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
		"Content-Length: %llu\r\n%s\r\n",
		(unsigned long long)c->size, c->close_after ? "Connection: close\r\n" : "");
	c->out_left = c->no_body ? 0 : c->size;
	return STEP_ANSWER;
}

/* The value of a field in a head that ends in a NUL; NULL when it has none. */
static const char *field(const char *head, const char *name)
{
	size_t n = strlen(name);
	const char *p = head;

	while ((p = strstr(p, "\r\n")) != NULL) {
		p += 2;
		if (!strncasecmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

static bool starts(const char *value, const char *word)
{
	return value && !strncasecmp(value, word, strlen(word));
}

/* RFC 6455, 4.2.2: base64 of the SHA-1 of the key and a fixed text. */
static void accept_key(const char *key, char out[32])
{
	char text[100];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	int n = key ? (int)strcspn(key, " \r\n") : 0;

	n = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", n > 40 ? 40 : n,
		key ? key : "");
	EVP_Digest(text, (size_t)n, digest, &digest_len, EVP_sha1(), NULL);
	EVP_EncodeBlock((unsigned char *)out, digest, (int)digest_len);
}

static enum step upgrade(struct origin_conn *c, size_t used)
{
	char key[32];

	accept_key(field(c->in, "Sec-WebSocket-Key"), key);
	c->served = true;
	c->head_off = 0;
	c->head_len = (size_t)snprintf(c->head, sizeof c->head,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		key);
	c->state = AT_ECHO;
	use(c, used);
	return STEP_ANSWER;
}

/* How large an answer the target asks for. */
static void read_target(struct origin_conn *c, const char *target)
{
	char *unit;

	c->small = target[0] != '/' || target[1] < '1' || target[1] > '9';
	c->size = HELLO_LEN;
	if (c->small)
		return;
	c->size = strtoull(target + 1, &unit, 10);
	c->size <<= *unit == 'k' ? 10 : *unit == 'm' ? 20 : 0;
}

/* Which body follows the head. -1: the socket is dead. */
static int read_framing(struct origin_conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const char *length = field(c->in, "Content-Length");

	c->left = length ? strtoull(length, NULL, 10) : 0;
	if (starts(field(c->in, "Transfer-Encoding"), "chunked"))
		c->state = AT_CHUNK_SIZE;
	else if (c->left)
		c->state = AT_BODY;
	if (starts(field(c->in, "Expect"), "100-") &&
		send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0)
		return -1;
	return 0;
}

static enum step read_head(struct origin_conn *c)
{
	char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	const char *target, *line_end, *connection;
	size_t used;
	bool get;

	if (!end)
		return c->in_len >= IN_CAP - 1 ? STEP_DEAD : STEP_MORE;
	used = (size_t)(end + 4 - c->in);
	end[2] = 0;
	target = strchr(c->in, ' ');
	line_end = strstr(c->in, "\r\n");
	if (!target || !line_end)
		return STEP_DEAD;
	connection = field(c->in, "Connection");
	if (field(c->in, "Upgrade") && starts(connection, "upgrade"))
		return upgrade(c, used);
	c->close_after = line_end - c->in > 8 && !strncmp(line_end - 8, "HTTP/1.0", 8);
	if (starts(connection, "close"))
		c->close_after = true;
	else if (starts(connection, "keep-alive"))
		c->close_after = false;
	c->no_body = starts(c->in, "HEAD ");
	get = c->no_body || starts(c->in, "GET ");
	read_target(c, get ? target + 1 : "/0");
	if (!get && read_framing(c))
		return STEP_DEAD;
	use(c, used);
	return c->state == AT_HEAD ? answer(c) : STEP_AGAIN;
}

static enum step read_body(struct origin_conn *c)
{
	size_t n = c->left < c->in_len ? (size_t)c->left : c->in_len;

	c->left -= n;
	use(c, n);
	if (c->left)
		return STEP_MORE;
	if (c->state == AT_BODY)
		return answer(c);
	c->state = AT_CHUNK_END;
	return STEP_AGAIN;
}

static enum step read_chunk_line(struct origin_conn *c)
{
	char *line_end = memchr(c->in, '\n', c->in_len);
	size_t used;

	if (!line_end)
		return c->in_len >= IN_CAP - 1 ? STEP_DEAD : STEP_MORE;
	used = (size_t)(line_end + 1 - c->in);
	if (c->state == AT_CHUNK_END) {
		c->state = AT_CHUNK_SIZE;
	} else if (c->state == AT_CHUNK_SIZE) {
		c->left = strtoull(c->in, NULL, 16);
		c->state = c->left ? AT_CHUNK_DATA : AT_TRAILER;
	} else if (used <= 2) {
		c->state = AT_HEAD;
	}
	use(c, used);
	return c->state == AT_HEAD ? answer(c) : STEP_AGAIN;
}

/* Uses up input until an answer is under way or more bytes are needed. */
static enum step work(struct origin_conn *c)
{
	enum step step = STEP_AGAIN;

	while (step == STEP_AGAIN) {
		switch (c->state) {
		case AT_HEAD:
			step = read_head(c);
			break;
		case AT_BODY:
		case AT_CHUNK_DATA:
			step = read_body(c);
			break;
		case AT_CHUNK_SIZE:
		case AT_CHUNK_END:
		case AT_TRAILER:
			step = read_chunk_line(c);
			break;
		case AT_END:
			c->in_len = 0;
			return STEP_MORE;
		case AT_ECHO:
			return STEP_DEAD;
		}
	}
	return step;
}

static bool send_all(struct origin_conn *c, size_t len)
{
	size_t off = 0;

	while (off < len) { /* echo is for small messages: it spins when the socket is full */
		ssize_t n = send(c->fd, c->in + off, len - off, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		off += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void echo(struct origin_conn *c)
{
	ssize_t n;

	if (c->in_len && !send_all(c, c->in_len)) {
		drop(c);
		return;
	}
	c->in_len = 0;
	do {
		n = read(c->fd, c->in, IN_CAP - 1);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || !send_all(c, (size_t)n)) {
			drop(c);
			return;
		}
	} while (n == IN_CAP - 1);
}

/*
 * Reads once: a large body past the buffer, anything else into it. 1: there may be more,
 * 0: the socket is drained, -1: it is at its end or dead.
 */
static int fill(struct origin_conn *c)
{
	bool bulk = (c->state == AT_BODY || c->state == AT_CHUNK_DATA) && c->left > IN_CAP;
	size_t room = IN_CAP - 1 - c->in_len;
	char *to = c->in + c->in_len;
	ssize_t n;

	if (bulk) {
		room = c->left < SINK_SIZE ? (size_t)c->left : SINK_SIZE;
		to = c->origin->sink;
	}
	n = read(c->fd, to, room);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	if (bulk) {
		c->left -= (size_t)n;
	} else {
		c->in_len += (size_t)n;
		c->in[c->in_len] = 0;
	}
	return (size_t)n == room;
}

/* 1: go on reading, 0: wait for an event, -1: the connection has ended, 2: it echoes now. */
static int answer_pending(struct origin_conn *c)
{
	enum step step;

	do {
		int sent = flush(c);

		if (sent <= 0) {
			want(c, true);
			return sent;
		}
		if (c->state == AT_ECHO)
			return 2;
		if (c->close_after && c->state == AT_HEAD && c->head_len) {
			/*
			 * A localtunnel server counts the socket until it has seen our end, so a
			 * new one may be dialled only after its own.
			 */
			shutdown(c->fd, SHUT_WR);
			c->state = AT_END;
		}
		step = work(c);
	} while (step == STEP_ANSWER);
	return step == STEP_DEAD ? -1 : 1;
}

void origin_serve(struct origin_conn *c)
{
	int more = 1;

	for (;;) {
		int r = answer_pending(c);

		if (r == 0)
			return;
		if (r == 1) {
			want(c, false);
			if (!more)
				return;
			more = fill(c);
			if (more >= 0)
				continue;
			r = -1;
		}
		if (r < 0) {
			drop(c);
			return;
		}
		want(c, false);
		echo(c);
		return;
	}
}

struct origin *origin_new(int poll_fd, origin_closed_fn on_closed)
{
	struct origin *self = calloc(1, sizeof *self);

	if (!self)
		abort();
	self->poll_fd = poll_fd;
	self->on_closed = on_closed;
	memset(self->pattern, 'x', sizeof self->pattern);
	return self;
}

void origin_adopt(struct origin *self, int fd, void *owner)
{
	struct origin_conn *c = malloc(sizeof *c);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

	if (!c)
		abort();
	memset(c, 0, offsetof(struct origin_conn, head)); /* not in[]: it stays untouched pages */
	c->in[0] = 0;
	c->origin = self;
	c->owner = owner;
	c->fd = fd;
	epoll_ctl(self->poll_fd, EPOLL_CTL_ADD, fd, &ev);
}
