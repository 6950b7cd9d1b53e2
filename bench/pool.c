/*
 * Registration is a plain GET /<name> on one kept-alive connection, as the npm client asks; the
 * answer's "port" is where the sockets go. A socket that carried an answer is dialled again the
 * moment it closes, one that never did after a pause that doubles: a relay that turns sockets away
 * must not be hammered.
 */
#include "pool.h"

#include "origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 5u
#define MOST_DOUBLINGS 8

/* One socket to a tunnel's port, or the want of one. */
struct pool_slot {
	struct pool *pool; /* borrowed */
	struct pool_slot *next; /* in the pool's list of missing ones */
	uint16_t port;
	unsigned failures; /* in a row */
	uint64_t not_before; /* milliseconds */
};

struct pool {
	struct sockaddr_in relay;
	unsigned sockets;
	int control; /* to the relay's HTTP port; -1: none */
	struct pool_slot *missing;
};

struct answer {
	char text[4096];
	size_t len;
	size_t body; /* where it starts */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct pool *pool_new(const char *relay, unsigned sockets)
{
	struct pool *self = calloc(1, sizeof *self);
	const char *colon = strchr(relay, ':');
	char host[INET_ADDRSTRLEN];

	if (!self)
		abort();
	snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - relay) : 0, relay);
	self->relay.sin_family = AF_INET;
	self->sockets = sockets;
	self->control = -1;
	if (!colon || inet_pton(AF_INET, host, &self->relay.sin_addr) != 1) {
		free(self);
		return NULL;
	}
	self->relay.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return self;
}

/* The body's length; 0 when the head does not say. */
static size_t content_length(const char *head)
{
	const char *p = strcasestr(head, "\r\nContent-Length:");

	return p ? strtoul(p + 17, NULL, 10) : 0;
}

/* Reads one answer. 0: it is whole, -1: the connection gave none. */
static int read_answer(int fd, struct answer *a)
{
	a->len = a->body = 0;
	for (;;) {
		ssize_t n = read(fd, a->text + a->len, sizeof a->text - 1 - a->len);
		const char *end;

		if (n <= 0)
			return -1;
		a->len += (size_t)n;
		a->text[a->len] = 0;
		end = strstr(a->text, "\r\n\r\n");
		if (!end)
			continue;
		a->body = (size_t)(end + 4 - a->text);
		if (a->len - a->body >= content_length(a->text))
			return 0;
	}
}

static int ask_once(struct pool *self, const char *request, struct answer *a)
{
	static const struct timeval patience = {.tv_sec = 10};

	if (self->control < 0) {
		self->control = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(self->control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (connect(self->control, (void *)&self->relay, sizeof self->relay))
			goto bad;
	}
	if (send(self->control, request, strlen(request), MSG_NOSIGNAL) > 0 &&
		!read_answer(self->control, a))
		return 0;
bad:
	close(self->control);
	self->control = -1;
	return -1;
}

/* The port that the relay gave the name; 0 after a line on stderr. */
static uint16_t ask_port(struct pool *self, const char *name)
{
	char request[256];
	struct answer a;
	json_t *root;
	const char *id;
	json_int_t port;

	snprintf(request, sizeof request,
		"GET /%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: application/json\r\n\r\n", name,
		ntohs(self->relay.sin_port));
	/* The relay may have closed the kept-alive connection meanwhile: the second try dials. */
	if (ask_once(self, request, &a) && ask_once(self, request, &a)) {
		fprintf(stderr, "backend: %s: no answer from the relay\n", name);
		return 0;
	}
	root = json_loadb(a.text + a.body, a.len - a.body, 0, NULL);
	id = json_string_value(json_object_get(root, "id"));
	port = json_integer_value(json_object_get(root, "port"));
	if (!id || strcmp(id, name) || port < 1 || port > 65535) {
		fprintf(stderr, "backend: %s: the relay answered %s\n", name, a.text);
		port = 0;
	}
	json_decref(root);
	return (uint16_t)port;
}

/* 0: under way or connected. */
static int dial(struct pool_slot *slot, struct origin *origin)
{
	static const int one = 1;
	struct sockaddr_in to = slot->pool->relay;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	to.sin_port = htons(slot->port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (void *)&to, sizeof to) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	origin_adopt(origin, fd, slot);
	return 0;
}

void pool_on_closed(void *owner, bool served)
{
	struct pool_slot *slot = owner;

	if (served) {
		slot->failures = 0;
		slot->not_before = 0;
	} else {
		slot->not_before = now_ms() + (FIRST_PAUSE_MS << slot->failures);
		slot->failures += slot->failures < MOST_DOUBLINGS;
	}
	slot->next = slot->pool->missing;
	slot->pool->missing = slot;
}

int pool_refill(struct pool *self, struct origin *origin)
{
	struct pool_slot *slot = self->missing;
	uint64_t now, soonest = UINT64_MAX;

	if (!slot)
		return -1;
	now = now_ms();
	self->missing = NULL;
	while (slot) {
		struct pool_slot *next = slot->next;

		if (slot->not_before > now) {
			slot->next = self->missing;
			self->missing = slot;
		} else if (dial(slot, origin)) {
			pool_on_closed(slot, false);
		}
		slot = next;
	}
	for (slot = self->missing; slot; slot = slot->next)
		if (slot->not_before < soonest)
			soonest = slot->not_before;
	return soonest == UINT64_MAX ? -1 : (int)(soonest - now);
}

int pool_open(struct pool *self, struct origin *origin, const char *name)
{
	uint16_t port = ask_port(self, name);

	if (!port)
		return -1;
	for (unsigned i = 0; i < self->sockets; i++) {
		struct pool_slot *slot = calloc(1, sizeof *slot);

		if (!slot)
			abort();
		slot->pool = self;
		slot->port = port;
		slot->next = self->missing;
		self->missing = slot;
	}
	pool_refill(self, origin);
	return 0;
}
