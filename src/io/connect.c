/*
 * connect by hand, polled by libuv, so that IP and unix sockets go the same way and come out as
 * the same kind of stream.
 */
#include "io/connect.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/stream_tcp.h"

struct connect {
	uv_poll_t poll;
	struct loop_task task; /* tells of what was decided at once */
	struct loop *loop; /* borrowed */
	connect_done_fn done;
	void *ctx; /* borrowed */
	int fd; /* owned; -1 when there is none */
	int number; /* what was decided at once */
	bool polled;
};

static void connect_on_close(uv_handle_t *handle)
{
	mem_free(handle->data);
}

/* Lets go of everything but the descriptor. uv_close takes its number out of the loop's set, so
 * that it may be closed, or adopted by another handle, right after this. */
static void connect_end(struct connect *c)
{
	loop_cancel(&c->task);
	if (c->polled)
		uv_close((uv_handle_t *)&c->poll, connect_on_close);
	else
		mem_free(c);
}

static void connect_finish(struct connect *c, int number)
{
	connect_done_fn done = c->done;
	void *ctx = c->ctx;
	struct loop *loop = c->loop;
	struct stream *stream = NULL;
	int fd = c->fd;

	connect_end(c);
	if (!number && stream_tcp_adopt(loop, fd, &stream) != 0)
		number = EIO;
	else if (number && fd >= 0)
		close(fd);
	done(ctx, number, stream);
}

static void connect_on_poll(uv_poll_t *poll, int status, int events)
{
	struct connect *c = poll->data;
	int number = 0;
	socklen_t len = sizeof(number);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0)
		number = errno;
	connect_finish(c, number);
}

static void connect_on_task(struct loop_task *task)
{
	struct connect *c = CONTAINER_OF(task, struct connect, task);

	connect_finish(c, c->number);
}

/* 0, EINPROGRESS, or what is wrong. */
static int connect_begin(struct connect *c, const struct addr *addr)
{
	c->fd = socket(addr->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return errno;
	if (connect(c->fd, (const struct sockaddr *)&addr->storage, addr->len) == 0)
		return 0;
	return errno;
}

struct connect *connect_start(
	struct loop *loop, const struct addr *addr, connect_done_fn done, void *ctx)
{
	struct connect *c = MEM_NEW(struct connect);

	c->loop = loop;
	c->done = done;
	c->ctx = ctx;
	c->poll.data = c;
	loop_task_init(&c->task, connect_on_task);
	c->number = connect_begin(c, addr);
	if (c->number == EINPROGRESS) {
		c->polled = uv_poll_init(loop_uv(loop), &c->poll, c->fd) == 0;
		c->number = EIO;
	}
	if (c->polled)
		uv_poll_start(&c->poll, UV_WRITABLE, connect_on_poll);
	else
		loop_defer(loop, &c->task);
	return c;
}

void connect_cancel(struct connect **c_ptr)
{
	struct connect *c = *c_ptr;
	int fd;

	if (!c)
		return;
	*c_ptr = NULL;
	fd = c->fd;
	connect_end(c);
	if (fd >= 0)
		close(fd);
}
