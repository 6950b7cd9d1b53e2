/*
 * Listening sockets. They are made by hand, because libuv of Debian 12 has no way to ask for
 * SO_REUSEPORT, and then given to libuv. When the process is out of descriptors, libuv accepts
 * with a spare one and closes at once, so that the backlog drains instead of spinning.
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
#include "io/stream_tcp.h"

#define LISTENER_BACKLOG 4096

struct listener {
	uv_tcp_t tcp;
	const struct listener_events *events; /* borrowed */
	void *ctx; /* borrowed */
	uint16_t port;
};

static int listener_socket(const struct addr *addr, bool shared)
{
	int fd = socket(addr->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return err_from_errno(errno);
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

static void listener_on_close(uv_handle_t *handle)
{
	mem_free(handle->data);
}

int listener_open(
	struct loop *loop, const struct addr *addr, bool shared, struct listener **listener_out)
{
	int fd = listener_socket(addr, shared), err;
	struct listener *l;
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
	l = MEM_NEW(struct listener);
	l->port = addr_port(&bound);
	uv_tcp_init(loop_uv(loop), &l->tcp);
	l->tcp.data = l;
	if (uv_tcp_open(&l->tcp, fd) != 0) {
		close(fd);
		uv_close((uv_handle_t *)&l->tcp, listener_on_close);
		return ERR_SYSTEM;
	}
	*listener_out = l;
	return 0;
}

static void listener_on_connection(uv_stream_t *uv, int status)
{
	struct listener *l = uv->data;
	struct stream *stream;

	if (status < 0) {
		if (status == UV_EMFILE || status == UV_ENFILE)
			l->events->shed(l->ctx);
		return;
	}
	if (stream_tcp_accept(loop_of_uv(uv->loop), uv, &stream) != 0)
		return;
	l->events->accepted(l->ctx, stream);
}

void listener_start(struct listener *l, const struct listener_events *events, void *ctx)
{
	l->events = events;
	l->ctx = ctx;
	uv_listen((uv_stream_t *)&l->tcp, LISTENER_BACKLOG, listener_on_connection);
}

uint16_t listener_port(const struct listener *l)
{
	return l->port;
}

void listener_close(struct listener **l)
{
	if (*l)
		uv_close((uv_handle_t *)&(*l)->tcp, listener_on_close);
	*l = NULL;
}
