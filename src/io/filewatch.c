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
	char *name; /* owned; in the folder */
	struct filewatch *beyond; /* owned; of the file that a symbolic link leads to */
	struct timeout_queue *queue; /* owned */
	struct timeout gather;
	void (*changed)(void *ctx);
	void *ctx; /* borrowed */
};

static void filewatch_on_gathered(struct timeout *timeout)
{
	struct filewatch *f = CONTAINER_OF(timeout, struct filewatch, gather);

	f->changed(f->ctx);
}

static void filewatch_on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct filewatch *f = event->data;

	/* Without a name it may have been ours. */
	if (status < 0 || (name && strcmp(name, f->name) != 0) || timeout_is_armed(&f->gather))
		return;
	timeout_arm(f->queue, &f->gather);
}

static void filewatch_on_close(uv_handle_t *handle)
{
	struct filewatch *f = handle->data;

	mem_free(f->name);
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
static void filewatch_follow(struct filewatch *f, struct loop *loop, const char *path)
{
	struct stat info;
	char *real;

	if (lstat(path, &info) != 0 || !S_ISLNK(info.st_mode))
		return;
	real = realpath(path, NULL);
	if (real && filewatch_open(loop, real, f->changed, f->ctx, &f->beyond) != 0)
		f->beyond = NULL;
	free(real);
}

int filewatch_open(struct loop *loop, const char *path, void (*changed)(void *ctx), void *ctx,
	struct filewatch **out)
{
	struct filewatch *f = MEM_NEW(struct filewatch);
	struct slice whole = slice_from_str(path), name;
	size_t slash = slice_find_last(whole, '/');
	char *folder;
	int e;

	name = slash < whole.len ? slice_from(whole, slash + 1) : whole;
	if (slash == whole.len)
		folder = mem_dup_str(".", 1);
	else
		folder = mem_dup_str(path, slash ? slash : 1);
	f->name = mem_dup_str(name.ptr, name.len);
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
	filewatch_follow(f, loop, path);
	*out = f;
	return 0;
}
