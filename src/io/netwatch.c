/* A poll on the system's news, and a delay that makes one call of many. */
#include "io/netwatch.h"

#include <unistd.h>
#include <uv.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/netwatch_linux.h"
#include "io/timeout.h"

struct netwatch {
	uv_poll_t poll;
	int fd; /* owned; -1 when there are no news here */
	struct timeout_queue *queue; /* owned */
	struct timeout gather;
	void (*changed)(void *ctx);
	void *ctx; /* borrowed */
};

static void netwatch_on_gathered(struct timeout *timeout)
{
	struct netwatch *n = CONTAINER_OF(timeout, struct netwatch, gather);

	n->changed(n->ctx);
}

static void netwatch_on_poll(uv_poll_t *poll, int status, int events)
{
	struct netwatch *n = poll->data;

	if (netwatch_linux_read(n->fd) && !timeout_is_armed(&n->gather))
		timeout_arm(n->queue, &n->gather);
}

struct netwatch *netwatch_new(struct loop *loop, void (*changed)(void *ctx), void *ctx)
{
	struct netwatch *n = MEM_NEW(struct netwatch);

	n->changed = changed;
	n->ctx = ctx;
	n->queue = timeout_queue_new(loop, NETWATCH_GATHER_MS);
	timeout_init(&n->gather, netwatch_on_gathered);
	n->poll.data = n;
	n->fd = netwatch_linux_open();
	if (n->fd >= 0 && uv_poll_init(loop_uv(loop), &n->poll, n->fd) != 0) {
		close(n->fd);
		n->fd = -1;
	}
	if (n->fd >= 0)
		uv_poll_start(&n->poll, UV_READABLE, netwatch_on_poll);
	return n;
}

static void netwatch_on_close(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void netwatch_free(struct netwatch **n_ptr)
{
	struct netwatch *n = *n_ptr;

	if (!n)
		return;
	*n_ptr = NULL;
	timeout_queue_free(&n->queue);
	if (n->fd < 0) {
		mem_free(n);
		return;
	}
	uv_close((uv_handle_t *)&n->poll, netwatch_on_close);
	close(n->fd);
}
