/*
 * Listening sockets, polled by libuv and accepted from by hand. uv_listen cannot share a port in
 * the version of Debian 12, and spins when it is out of descriptors while another thread holds
 * the spare one; here accepting pauses, the kernel keeps the queue, and what is connected goes on.
 */
#include "io/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/socket_linux.h"
#include "io/stream_tcp.h"
#include "io/timeout.h"

#define LISTENER_BACKLOG 4096
/* So much may lie in the kernel that it could not send yet; beyond that the writer waits. Without
 * it a reader of 100 KiB/s has 3 MiB there, and is taken for a quick one until that is full. */
#define LISTENER_UNSENT 131072
#define LISTENER_BATCH 64 /* connections taken in one turn of the loop */

struct listener {
	uv_poll_t poll;
	struct timeout retry;
	struct timeout_queue *retry_queue; /* borrowed */
	const struct listener_events *events; /* borrowed */
	void *ctx; /* borrowed */
	int fd; /* owned */
	uint16_t port;
};

static int listener_socket(const struct addr *addr, bool shared)
{
	int fd = socket(addr->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return err_from_errno(errno);
	socket_linux_limit_unsent(fd, LISTENER_UNSENT);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (addr->storage.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)&addr->storage, addr->len) != 0) {
		int e = errno;

		close(fd);
		return err_from_errno(e);
	}
	return fd;
}

int listener_probe(const struct addr *addr)
{
	int fd = listener_socket(addr, false), e = 0;

	if (fd < 0)
		return fd;
	if (listen(fd, 1) != 0)
		e = errno;
	close(fd);
	return err_from_errno(e);
}

static void listener_on_poll(uv_poll_t *poll, int status, int events);

static void listener_watch(struct listener *l)
{
	uv_poll_start(&l->poll, UV_READABLE, listener_on_poll);
}

static void listener_on_retry(struct timeout *timeout)
{
	listener_watch(CONTAINER_OF(timeout, struct listener, retry));
}

static void listener_pause(struct listener *l)
{
	uv_poll_stop(&l->poll);
	timeout_arm(l->retry_queue, &l->retry);
	l->events->paused(l->ctx);
}

/* False when there is nothing more to accept for now. */
static bool listener_accept_one(struct listener *l)
{
	struct addr peer = {.len = sizeof(peer.storage)};
	struct stream *stream;
	int fd = accept4(
		l->fd, (struct sockaddr *)&peer.storage, &peer.len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
		listener_pause(l);
		return false;
	}
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	if (stream_tcp_adopt(loop_of_uv(l->poll.loop), fd, &stream) == 0)
		l->events->accepted(l->ctx, stream, &peer);
	return true;
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	/* A callback may close the listener; its memory lives until the end of the turn. */
	for (int i = 0; i < LISTENER_BATCH && !uv_is_closing((uv_handle_t *)poll); i++) {
		if (!listener_accept_one(l))
			break;
	}
}

static void listener_on_close(uv_handle_t *handle)
{
	mem_free(handle->data);
}

int listener_adopt(struct loop *loop, int fd, struct listener **listener_out)
{
	struct listener *l = MEM_NEW(struct listener);

	if (uv_poll_init(loop_uv(loop), &l->poll, fd) != 0) {
		close(fd);
		mem_free(l);
		return ERR_SYSTEM;
	}
	l->poll.data = l;
	l->fd = fd;
	timeout_init(&l->retry, listener_on_retry);
	*listener_out = l;
	return 0;
}

int listener_open(
	struct loop *loop, const struct addr *addr, bool shared, struct listener **listener_out)
{
	int fd = listener_socket(addr, shared), err;
	struct addr bound;

	if (fd < 0)
		return fd;
	err = addr_of_socket(fd, &bound);
	if (!err && listen(fd, LISTENER_BACKLOG) != 0)
		err = err_from_errno(errno);
	if (err) {
		close(fd);
		return err;
	}
	err = listener_adopt(loop, fd, listener_out);
	if (!err)
		(*listener_out)->port = addr_port(&bound);
	return err;
}

void listener_start(struct listener *l, const struct listener_events *events, void *ctx,
	struct timeout_queue *retry)
{
	l->events = events;
	l->ctx = ctx;
	l->retry_queue = retry;
	listener_watch(l);
}

uint16_t listener_port(const struct listener *l)
{
	return l->port;
}

void listener_close(struct listener **l_ptr)
{
	struct listener *l = *l_ptr;

	if (!l)
		return;
	*l_ptr = NULL;
	timeout_disarm(&l->retry);
	/* In this order: uv_close takes the number out of the loop's set, and it must still be
	 * ours. */
	uv_close((uv_handle_t *)&l->poll, listener_on_close);
	close(l->fd);
}
