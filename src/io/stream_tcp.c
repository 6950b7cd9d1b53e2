/*
 * struct stream over uv_tcp_t. Writes go straight to the socket; only when it is full, the rest
 * is copied into an outbox that lives until the socket has taken it, so that an idle or
 * fast-moving stream owns nothing but this struct.
 */
#include "io/stream_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/socket_linux.h"
#include "io/stream_parcel.h"

_Static_assert(LOOP_READ_SIZE >= STREAM_READ_BULK, "the loop's buffer holds any read");
_Static_assert(sizeof(struct slice) == sizeof(uv_buf_t) &&
		offsetof(struct slice, ptr) == offsetof(uv_buf_t, base) &&
		offsetof(struct slice, len) == offsetof(uv_buf_t, len),
	"a vector of slices is passed to libuv as it is");

/* What a full socket still has to take. */
struct stream_tcp_outbox {
	uv_write_t write;
	struct buf flying; /* the kernel is being offered these bytes; may not move */
	struct buf waiting; /* these go next */
};

struct stream_tcp {
	struct stream base;
	uv_tcp_t tcp;
	struct stream_tcp_outbox *outbox; /* owned; NULL when nothing is parked */
	bool reading;
	bool shutdown_wanted;
	bool failed;
	bool much; /* was brought by the last read */
	uint32_t most; /* that a read brings */
};

struct stream_tcp_failure {
	struct loop_task task;
	struct stream_tcp *stream;
	int err;
};

static const struct stream_ops stream_tcp_ops;

static struct stream_tcp *stream_tcp_of(const struct stream *s)
{
	return CONTAINER_OF(s, struct stream_tcp, base);
}

static uv_stream_t *stream_tcp_uv(struct stream_tcp *t)
{
	return (uv_stream_t *)&t->tcp;
}

static int stream_tcp_err(ssize_t uv_error)
{
	return err_from_errno((int)-uv_error);
}

static void stream_tcp_stop(struct stream_tcp *t)
{
	t->reading = false;
	uv_read_stop(stream_tcp_uv(t));
}

static void stream_tcp_tell_failed(struct stream_tcp *t, int err)
{
	stream_tcp_stop(t);
	if (t->failed)
		return;
	t->failed = true;
	t->base.events->failed(t->base.ctx, err);
}

static void stream_tcp_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	const struct stream_tcp *t = handle->data;
	struct loop *loop = loop_of_uv(handle->loop);
	struct slice room = {NULL, 0};

	/* Without room libuv goes on with others, and asks again in the next turn. */
	if (loop_bytes_read(loop, t) < t->most)
		room = stream_read_room(&t->base, loop_read_buffer(loop), t->much, t->most);
	buf->base = (char *)room.ptr;
	buf->len = room.len;
}

static void stream_tcp_on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
	struct stream_tcp *t = uv->data;

	if (n == UV_ENOBUFS) /* it has had its share of this turn */
		return;
	loop_begin_event(loop_of_uv(uv->loop));
	if (n > 0) {
		loop_count_read(loop_of_uv(uv->loop), t, (size_t)n);
		t->much = n >= STREAM_READ_MUCH;
		t->base.events->data(t->base.ctx, slice_of(buf->base, (size_t)n));
	} else if (n == UV_EOF) {
		stream_tcp_stop(t);
		t->base.events->ended(t->base.ctx);
	} else if (n < 0) {
		stream_tcp_tell_failed(t, stream_tcp_err(n));
	}
}

static void stream_tcp_read_start(struct stream *s)
{
	struct stream_tcp *t = stream_tcp_of(s);

	if (t->reading || t->failed || uv_is_closing((uv_handle_t *)&t->tcp))
		return;
	t->reading = uv_read_start(stream_tcp_uv(t), stream_tcp_on_alloc, stream_tcp_on_read) == 0;
}

static void stream_tcp_read_stop(struct stream *s)
{
	struct stream_tcp *t = stream_tcp_of(s);

	if (t->reading)
		stream_tcp_stop(t);
}

static void stream_tcp_outbox_free(struct stream_tcp *t)
{
	buf_release(&t->outbox->flying);
	buf_release(&t->outbox->waiting);
	mem_free(t->outbox);
	t->outbox = NULL;
}

static void stream_tcp_on_shutdown(uv_shutdown_t *req, int status)
{
	mem_free(req);
}

static void stream_tcp_shutdown_now(struct stream_tcp *t)
{
	uv_shutdown_t *req = MEM_NEW(uv_shutdown_t);

	if (uv_shutdown(req, stream_tcp_uv(t), stream_tcp_on_shutdown) != 0)
		mem_free(req); /* not connected any more: the reading side says so */
}

static void stream_tcp_on_written(uv_write_t *write, int status);

static void stream_tcp_outbox_send(struct stream_tcp *t)
{
	struct slice s = buf_slice(&t->outbox->flying);
	uv_buf_t part = uv_buf_init((char *)s.ptr, (unsigned)s.len);

	t->outbox->write.data = t;
	CHECK(uv_write(&t->outbox->write, stream_tcp_uv(t), &part, 1, stream_tcp_on_written) == 0);
}

static void stream_tcp_on_written(uv_write_t *write, int status)
{
	struct stream_tcp *t = write->data;
	struct stream_tcp_outbox *box = t->outbox;

	if (uv_is_closing((uv_handle_t *)&t->tcp))
		return; /* the close callback frees everything */
	if (status < 0) {
		stream_tcp_outbox_free(t);
		stream_tcp_tell_failed(t, stream_tcp_err(status));
		return;
	}
	if (buf_len(&box->waiting)) {
		buf_release(&box->flying);
		box->flying = box->waiting;
		buf_init(&box->waiting);
		stream_tcp_outbox_send(t);
		return;
	}
	stream_tcp_outbox_free(t);
	if (t->shutdown_wanted)
		stream_tcp_shutdown_now(t);
	t->base.events->drained(t->base.ctx);
}

static void stream_tcp_on_failure_task(struct loop_task *task)
{
	struct stream_tcp_failure *f = CONTAINER_OF(task, struct stream_tcp_failure, task);

	if (!uv_is_closing((uv_handle_t *)&f->stream->tcp))
		stream_tcp_tell_failed(f->stream, f->err);
	mem_free(f);
}

/* A write failed: the owner is told after this turn, never inside its own call. */
static void stream_tcp_fail_later(struct stream_tcp *t, int err)
{
	struct stream_tcp_failure *f = MEM_NEW(struct stream_tcp_failure);

	f->stream = t;
	f->err = err;
	loop_task_init(&f->task, stream_tcp_on_failure_task);
	loop_defer(loop_of_uv(t->tcp.loop), &f->task);
}

static void stream_tcp_park(
	struct stream_tcp *t, const struct slice *parts, size_t count, size_t sent)
{
	bool fresh = !t->outbox;
	struct buf *to;

	if (fresh)
		t->outbox = MEM_NEW(struct stream_tcp_outbox);
	to = fresh ? &t->outbox->flying : &t->outbox->waiting;
	for (size_t i = 0; i < count; i++) {
		size_t skip = sent < parts[i].len ? sent : parts[i].len;

		buf_append_slice(to, slice_from(parts[i], skip));
		sent -= skip;
	}
	if (fresh)
		stream_tcp_outbox_send(t);
}

static bool stream_tcp_write(struct stream *s, const struct slice *parts, size_t count)
{
	struct stream_tcp *t = stream_tcp_of(s);
	size_t total = 0, sent = 0;
	int n;

	if (t->failed)
		return false;
	if (!t->outbox) {
		for (size_t i = 0; i < count; i++)
			total += parts[i].len;
		n = uv_try_write(stream_tcp_uv(t), (const uv_buf_t *)parts, (unsigned)count);
		if (n >= 0)
			sent = (size_t)n;
		if (sent == total)
			return true;
		if (n < 0 && n != UV_EAGAIN) {
			stream_tcp_fail_later(t, stream_tcp_err(n));
			return false;
		}
	}
	stream_tcp_park(t, parts, count, sent);
	return false;
}

static size_t stream_tcp_room(const struct stream *s)
{
	return stream_tcp_of(s)->outbox ? 0 : socket_linux_room(stream_tcp_fd(s));
}

static void stream_tcp_set_bulk(struct stream *s, bool bulk)
{
	stream_tcp_of(s)->most = bulk ? STREAM_READ_BULK : STREAM_READ_SMALL;
}

static void stream_tcp_set_step(struct stream *s, uint32_t most)
{
	stream_tcp_of(s)->most = most;
}

static void stream_tcp_shutdown(struct stream *s)
{
	struct stream_tcp *t = stream_tcp_of(s);

	if (t->failed || t->shutdown_wanted)
		return;
	t->shutdown_wanted = true;
	if (!t->outbox)
		stream_tcp_shutdown_now(t);
}

static void stream_tcp_on_close(uv_handle_t *handle)
{
	struct stream_tcp *t = handle->data;

	if (t->outbox)
		stream_tcp_outbox_free(t);
	mem_free(t);
}

static void stream_tcp_close(struct stream *s, bool reset)
{
	struct stream_tcp *t = stream_tcp_of(s);
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	/* By hand: uv_tcp_close_reset declines while a half-close is under way. */
	if (reset)
		setsockopt(stream_tcp_fd(s), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	uv_close((uv_handle_t *)&t->tcp, stream_tcp_on_close);
}

/* libuv cannot let go of a descriptor: the parcel gets a copy. */
static int stream_tcp_detach(struct stream *s, struct stream_parcel *out)
{
	int fd;

	if (stream_tcp_of(s)->outbox)
		return ERR_BUSY;
	fd = fcntl(stream_tcp_fd(s), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return ERR_NO_FDS;
	*out = (struct stream_parcel) {.fd = fd};
	stream_tcp_close(s, false);
	return 0;
}

static const struct stream_ops stream_tcp_ops = {
	.read_start = stream_tcp_read_start,
	.read_stop = stream_tcp_read_stop,
	.write = stream_tcp_write,
	.room = stream_tcp_room,
	.set_bulk = stream_tcp_set_bulk,
	.set_step = stream_tcp_set_step,
	.shutdown = stream_tcp_shutdown,
	.close = stream_tcp_close,
	.detach = stream_tcp_detach,
	.fd = stream_tcp_fd,
};

static struct stream_tcp *stream_tcp_new(struct loop *loop)
{
	struct stream_tcp *t = MEM_NEW(struct stream_tcp);

	t->base.ops = &stream_tcp_ops;
	t->most = STREAM_READ_SMALL;
	CHECK(uv_tcp_init(loop_uv(loop), &t->tcp) == 0);
	t->tcp.data = t;
	return t;
}

static int stream_tcp_ready(struct stream_tcp *t, int uv_error, struct stream **stream_out)
{
	if (uv_error) {
		uv_close((uv_handle_t *)&t->tcp, stream_tcp_on_close);
		return stream_tcp_err(uv_error);
	}
	uv_tcp_nodelay(&t->tcp, 1);
	*stream_out = &t->base;
	return 0;
}

int stream_tcp_adopt(struct loop *loop, int fd, struct stream **stream_out)
{
	struct stream_tcp *t = stream_tcp_new(loop);
	int e = uv_tcp_open(&t->tcp, fd);

	if (e)
		close(fd);
	return stream_tcp_ready(t, e, stream_out);
}

int stream_tcp_fd(const struct stream *stream)
{
	uv_os_fd_t fd = -1;

	if (uv_fileno((const uv_handle_t *)&stream_tcp_of(stream)->tcp, &fd) != 0)
		return -1;
	return fd;
}

bool stream_tcp_is_quiet(const struct stream *stream)
{
	char byte;

	return recv(stream_tcp_fd(stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
		errno == EAGAIN;
}

bool stream_tcp_is_delivered(const struct stream *stream)
{
	return !stream_tcp_of(stream)->outbox && socket_linux_is_delivered(stream_tcp_fd(stream));
}

bool stream_tcp_is_heard(const struct stream *stream, uint64_t within_us)
{
	return socket_linux_is_heard(stream_fd(stream), within_us);
}

void stream_tcp_tune_link(const struct stream *stream, unsigned limit_ms)
{
	int fd = stream_fd(stream), on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	socket_linux_set_patience(fd, limit_ms);
	socket_linux_limit_unsent(fd, STREAM_TCP_LINK_UNSENT);
}

void stream_tcp_set_keepalive(struct stream *stream, unsigned idle_s, unsigned limit_ms)
{
	struct stream_tcp *t = stream_tcp_of(stream);

	uv_tcp_keepalive(&t->tcp, 1, idle_s);
	socket_linux_set_patience(stream_tcp_fd(stream), limit_ms);
}
