/* One uv_fs_event on the folder, told apart by name, and a delay that makes one call of many. */
#include "io/filewatch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/timeout.h"

struct filewatch {
	uv_fs_event_t event;
	struct loop *loop; /* borrowed */
	char *path; /* owned */
	const char *name; /* in path; in its folder */
	struct filewatch *beyond; /* owned; of the file that a symbolic link leads to */
	struct timeout_queue *queue; /* owned */
	struct timeout gather;
	void (*changed)(void *ctx);
	void *ctx; /* borrowed */
};

static void filewatch_touch(void *ctx)
{
	struct filewatch *f = ctx;

	if (!timeout_is_armed(&f->gather))
		timeout_arm(f->queue, &f->gather);
}

static void filewatch_on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct filewatch *f = event->data;

	/* Without a name it may have been ours. */
	if (status >= 0 && (!name || strcmp(name, f->name) == 0))
		filewatch_touch(f);
}

static void filewatch_on_close(uv_handle_t *handle)
{
	struct filewatch *f = handle->data;

	mem_free(f->path);
	mem_free(f);
}

void filewatch_close(struct filewatch **f_ptr)
{
	struct filewatch *f = *f_ptr;

	if (!f)
		return;
	*f_ptr = NULL;
	filewatch_close(&f->beyond);
	timeout_queue_free(&f->queue);
	uv_close((uv_handle_t *)&f->event, filewatch_on_close);
}

/* Who edits through a link changes another folder. Where that one cannot be watched, the link is.
 */
static void filewatch_follow(struct filewatch *f)
{
	struct stat info;
	char *real;

	filewatch_close(&f->beyond);
	if (lstat(f->path, &info) != 0 || !S_ISLNK(info.st_mode))
		return;
	real = realpath(f->path, NULL);
	if (real && filewatch_open(f->loop, real, filewatch_touch, f, &f->beyond) != 0)
		f->beyond = NULL;
	free(real);
}

/* It may lead to another file now. */
static void filewatch_on_gathered(struct timeout *timeout)
{
	struct filewatch *f = CONTAINER_OF(timeout, struct filewatch, gather);

	filewatch_follow(f);
	f->changed(f->ctx);
}

int filewatch_open(struct loop *loop, const char *path, void (*changed)(void *ctx), void *ctx,
	struct filewatch **out)
{
	struct filewatch *f = MEM_NEW(struct filewatch);
	size_t len = strlen(path), slash = slice_find_last(slice_from_str(path), '/');
	char *folder;
	int e;

	if (slash == len)
		folder = mem_dup_str(".", 1);
	else
		folder = mem_dup_str(path, slash ? slash : 1);
	f->loop = loop;
	f->path = mem_dup_str(path, len);
	f->name = slash < len ? f->path + slash + 1 : f->path;
	f->changed = changed;
	f->ctx = ctx;
	f->event.data = f;
	f->queue = timeout_queue_new(loop, FILEWATCH_GATHER_MS);
	timeout_init(&f->gather, filewatch_on_gathered);
	uv_fs_event_init(loop_uv(loop), &f->event);
	e = uv_fs_event_start(&f->event, filewatch_on_event, folder, 0);
	mem_free(folder);
	if (e) {
		filewatch_close(&f);
		return err_from_errno(-e);
	}
	filewatch_follow(f);
	*out = f;
	return 0;
}
