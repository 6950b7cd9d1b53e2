/*
 * A FIFO of deadlines per duration. The loop's timer is set for the oldest entry when the queue
 * was empty, and moved on only when it fires: re-arming an entry on every request touches two
 * pointers and no timer.
 */
#include "io/timeout.h"

#include <uv.h>

#include "base/mem.h"
#include "io/loop.h"

struct timeout_queue {
	uv_timer_t timer;
	struct list entries;
	struct loop *loop;
	uint64_t duration;
};

static void timeout_queue_on_timer(uv_timer_t *timer);

static void timeout_queue_schedule(struct timeout_queue *q)
{
	struct timeout *first;
	uint64_t now = loop_now(q->loop);

	if (list_is_empty(&q->entries))
		return;
	first = CONTAINER_OF(q->entries.next, struct timeout, node);
	uv_timer_start(&q->timer, timeout_queue_on_timer,
		first->deadline > now ? first->deadline - now : 0, 0);
}

static void timeout_queue_on_timer(uv_timer_t *timer)
{
	struct timeout_queue *q = timer->data;

	while (!list_is_empty(&q->entries)) {
		struct timeout *first = CONTAINER_OF(q->entries.next, struct timeout, node);

		if (first->deadline > loop_now(q->loop))
			break;
		list_remove(&first->node);
		first->fire(first);
	}
	timeout_queue_schedule(q);
}

struct timeout_queue *timeout_queue_new(struct loop *loop, uint64_t duration_ms)
{
	struct timeout_queue *q = MEM_NEW(struct timeout_queue);

	list_init(&q->entries);
	q->loop = loop;
	q->duration = duration_ms;
	uv_timer_init(loop_uv(loop), &q->timer);
	q->timer.data = q;
	return q;
}

static void timeout_queue_on_close(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void timeout_queue_free(struct timeout_queue **queue)
{
	struct timeout_queue *q = *queue;

	if (!q)
		return;
	*queue = NULL;
	while (list_pop(&q->entries))
		continue;
	uv_close((uv_handle_t *)&q->timer, timeout_queue_on_close);
}

void timeout_queue_set(struct timeout_queue *queue, uint64_t duration_ms)
{
	uint64_t latest = loop_now(queue->loop) + duration_ms;

	if (duration_ms == queue->duration)
		return;
	queue->duration = duration_ms;
	if (!duration_ms)
		return;
	/* The list stays in the order of its deadlines, and the timer that of the first. */
	LIST_EACH (node, &queue->entries) {
		struct timeout *t = CONTAINER_OF(node, struct timeout, node);

		if (t->deadline > latest)
			t->deadline = latest;
	}
	uv_timer_stop(&queue->timer);
	timeout_queue_schedule(queue);
}

void timeout_init(struct timeout *timeout, void (*fire)(struct timeout *timeout))
{
	list_init(&timeout->node);
	timeout->deadline = 0;
	timeout->fire = fire;
}

void timeout_arm(struct timeout_queue *queue, struct timeout *timeout)
{
	list_remove(&timeout->node);
	if (!queue->duration)
		return;
	timeout->deadline = loop_now(queue->loop) + queue->duration;
	list_append(&queue->entries, &timeout->node);
	if (!uv_is_active((const uv_handle_t *)&queue->timer))
		timeout_queue_schedule(queue);
}

void timeout_disarm(struct timeout *timeout)
{
	list_remove(&timeout->node);
}
