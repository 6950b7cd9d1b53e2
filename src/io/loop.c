/*
 * The loop around uv_loop_t. Deferred tasks run before the loop may sleep (prepare) and after
 * what poll brought (check), so that objects torn down inside a callback live until its end.
 */
#include "io/loop.h"

#include <time.h>
#include <uv.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "io/alarm.h"

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_idle_t next_turn; /* runs while something is put off: then the loop does not sleep */
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	uv_tcp_t first_stream;
	struct alarms *alarms; /* owned */
	struct list deferred;
	struct list put_off;
	uint32_t turn;
	const void *reader; /* who read last in this turn */
	size_t reader_bytes; /* as much */
	uv_mutex_t lock; /* guards posted and stopping */
	struct list posted;
	bool stopping;
	int orphans;
	uint64_t event_us; /* when the current event began; 0: nobody asked yet */
	struct buf out;
	char read_buffer[LOOP_READ_SIZE];
	char plain_buffer[LOOP_READ_SIZE];
};

static void loop_run_tasks(struct list *tasks)
{
	struct list *node;

	while ((node = list_pop(tasks)) != NULL) {
		struct loop_task *task = CONTAINER_OF(node, struct loop_task, node);

		task->run(task);
	}
}

static void loop_on_wake(uv_async_t *handle)
{
	struct loop *loop = handle->data;
	struct list posted;
	bool stopping;

	list_init(&posted);
	uv_mutex_lock(&loop->lock);
	list_splice(&posted, &loop->posted);
	stopping = loop->stopping;
	loop->stopping = false;
	uv_mutex_unlock(&loop->lock);
	loop_run_tasks(&posted);
	if (stopping)
		uv_stop(&loop->uv);
}

/* What these put off again waits for the turn after. */
static void loop_on_next_turn(uv_idle_t *handle)
{
	struct loop *loop = handle->data;
	struct list round;

	list_init(&round);
	list_splice(&round, &loop->put_off);
	uv_idle_stop(handle);
	loop_begin_event(loop);
	loop_run_tasks(&round);
}

static void loop_on_prepare(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;

	loop->turn++;
	loop->reader = NULL;
	loop_begin_event(loop);
	loop_run_tasks(&loop->deferred);
	loop_begin_event(loop); /* it may sleep now */
}

static void loop_on_check(uv_check_t *handle)
{
	struct loop *loop = handle->data;

	loop_begin_event(loop);
	loop_run_tasks(&loop->deferred);
}

struct loop *loop_new(void)
{
	struct loop *loop = MEM_NEW(struct loop);

	list_init(&loop->deferred);
	list_init(&loop->put_off);
	list_init(&loop->posted);
	CHECK(uv_mutex_init(&loop->lock) == 0);
	CHECK(uv_loop_init(&loop->uv) == 0);
	CHECK(uv_async_init(&loop->uv, &loop->wake, loop_on_wake) == 0);
	CHECK(uv_idle_init(&loop->uv, &loop->next_turn) == 0);
	CHECK(uv_prepare_init(&loop->uv, &loop->before_poll) == 0);
	CHECK(uv_check_init(&loop->uv, &loop->after_poll) == 0);
	loop->uv.data = loop->wake.data = loop->before_poll.data = loop->after_poll.data = loop;
	loop->next_turn.data = loop;
	/* libuv takes a spare descriptor with a loop's first stream: better now than in need. */
	CHECK(uv_tcp_init(&loop->uv, &loop->first_stream) == 0);
	uv_close((uv_handle_t *)&loop->first_stream, NULL);
	loop->alarms = alarms_new(&loop->uv);
	uv_prepare_start(&loop->before_poll, loop_on_prepare);
	uv_check_start(&loop->after_poll, loop_on_check);
	return loop;
}

void loop_free(struct loop **loop_ptr)
{
	struct loop *loop = *loop_ptr;

	if (!loop)
		return;
	*loop_ptr = NULL;
	loop_on_wake(&loop->wake);
	loop_run_tasks(&loop->put_off);
	loop_run_tasks(&loop->deferred);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->next_turn, NULL);
	uv_close((uv_handle_t *)&loop->before_poll, NULL);
	uv_close((uv_handle_t *)&loop->after_poll, NULL);
	alarms_close(&loop->alarms);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&loop->uv) == 0);
	uv_mutex_destroy(&loop->lock);
	buf_release(&loop->out);
	mem_free(loop);
}

bool loop_has_orphans(const struct loop *loop)
{
	return loop->orphans > 0;
}

void loop_count_orphan(struct loop *loop, int change)
{
	loop->orphans += change;
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_mutex_lock(&loop->lock);
	loop->stopping = true;
	uv_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake);
}

uint64_t loop_now(const struct loop *loop)
{
	return uv_now(&loop->uv);
}

uint64_t loop_clock_us(void)
{
	return uv_hrtime() / 1000;
}

uint64_t loop_event_us(struct loop *loop)
{
	if (!loop->event_us)
		loop->event_us = loop_clock_us();
	return loop->event_us;
}

void loop_begin_event(struct loop *loop)
{
	loop->event_us = 0;
}

uint32_t loop_turn_number(const struct loop *loop)
{
	return loop->turn;
}

size_t loop_bytes_read(const struct loop *loop, const void *reader)
{
	return loop->reader == reader ? loop->reader_bytes : 0;
}

void loop_count_read(struct loop *loop, const void *reader, size_t len)
{
	loop->reader_bytes = loop_bytes_read(loop, reader) + len;
	loop->reader = reader;
}

uint64_t loop_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

unsigned loop_core_count(void)
{
	return uv_available_parallelism();
}

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task))
{
	list_init(&task->node);
	task->run = run;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	uv_mutex_lock(&loop->lock);
	list_append(&loop->posted, &task->node);
	uv_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (!list_is_linked(&task->node))
		list_append(&loop->deferred, &task->node);
}

void loop_put_off(struct loop *loop, struct loop_task *task)
{
	if (list_is_linked(&task->node))
		return;
	list_append(&loop->put_off, &task->node);
	uv_idle_start(&loop->next_turn, loop_on_next_turn);
}

void loop_cancel(struct loop_task *task)
{
	list_remove(&task->node);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

struct loop *loop_of_uv(struct uv_loop_s *uv)
{
	return uv->data;
}

struct alarms *loop_alarms(struct loop *loop)
{
	return loop->alarms;
}

char *loop_read_buffer(struct loop *loop)
{
	return loop->read_buffer;
}

char *loop_plain_buffer(struct loop *loop)
{
	return loop->plain_buffer;
}

struct buf *loop_out(struct loop *loop)
{
	return &loop->out;
}
