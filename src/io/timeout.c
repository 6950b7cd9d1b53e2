/*
 * A FIFO of deadlines per duration. The queue's alarm is set for the oldest entry when the queue
 * was empty, and moved on only when it rings: re-arming an entry on every request touches two
 * pointers and no timer.
 */
#include "io/timeout.h"

#include "base/mem.h"
#include "io/alarm.h"
#include "io/loop.h"

struct timeout_queue {
	struct alarm alarm;
	struct list entries;
	struct loop *loop; /* borrowed */
	struct loop_task grave; /* frees it at the end of the turn: one of its own may be firing */
	uint64_t duration;
};

static void timeout_queue_schedule(struct timeout_queue *q)
{
	if (!list_is_empty(&q->entries))
		alarm_set(loop_alarms(q->loop), &q->alarm,
			CONTAINER_OF(q->entries.next, struct timeout, node)->deadline);
}

static void timeout_queue_on_alarm(struct alarm *alarm)
{
	struct timeout_queue *q = CONTAINER_OF(alarm, struct timeout_queue, alarm);

	loop_begin_event(q->loop);
	while (!list_is_empty(&q->entries)) {
		struct timeout *first = CONTAINER_OF(q->entries.next, struct timeout, node);

		if (first->deadline > loop_now(q->loop))
			break;
		list_remove(&first->node);
		first->fire(first);
	}
	timeout_queue_schedule(q);
}

static void timeout_queue_on_grave(struct loop_task *task)
{
	mem_free(CONTAINER_OF(task, struct timeout_queue, grave));
}

struct timeout_queue *timeout_queue_new(struct loop *loop, uint64_t duration_ms)
{
	struct timeout_queue *q = MEM_NEW(struct timeout_queue);

	list_init(&q->entries);
	q->loop = loop;
	q->duration = duration_ms;
	alarm_init(&q->alarm, timeout_queue_on_alarm);
	loop_task_init(&q->grave, timeout_queue_on_grave);
	return q;
}

void timeout_queue_free(struct timeout_queue **queue)
{
	struct timeout_queue *q = *queue;

	if (!q)
		return;
	*queue = NULL;
	while (list_pop(&q->entries))
		continue;
	alarm_clear(&q->alarm);
	loop_defer(q->loop, &q->grave);
}

void timeout_queue_set(struct timeout_queue *queue, uint64_t duration_ms)
{
	uint64_t latest = loop_now(queue->loop) + duration_ms;

	if (duration_ms == queue->duration)
		return;
	queue->duration = duration_ms;
	if (!duration_ms)
		return;
	/* The list stays in the order of its deadlines, and the alarm that of the first. */
	LIST_EACH (node, &queue->entries) {
		struct timeout *t = CONTAINER_OF(node, struct timeout, node);

		if (t->deadline > latest)
			t->deadline = latest;
	}
	alarm_clear(&queue->alarm);
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
	if (!alarm_is_set(&queue->alarm))
		timeout_queue_schedule(queue);
}

void timeout_disarm(struct timeout *timeout)
{
	list_remove(&timeout->node);
}
