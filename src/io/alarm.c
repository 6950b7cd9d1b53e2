/*
 * The timer is moved only when an alarm is set for a time before it: one that was cleared, or moved
 * to a later time, lets it come too early once. Where the system has no descriptor for it, it is
 * one of libuv's, which is a timeout of the wait.
 */
#include "io/alarm.h"

#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "io/alarm_linux.h"

#define ALARMS_NEVER UINT64_MAX
#define ALARMS_LAG_MS 1u /* so far the loop's clock may be behind the system's */

struct alarms {
	union {
		uv_handle_t handle;
		uv_poll_t poll; /* of fd */
		uv_timer_t timer; /* without one */
	} source;
	int fd; /* owned; -1: the system has none */
	struct list set; /* in no order */
	uint64_t due_ms; /* when the source comes; ALARMS_NEVER: it does not */
};

static void alarms_on_timer(uv_timer_t *timer);

static void alarms_expect(struct alarms *a, uint64_t at_ms)
{
	uint64_t now = uv_now(a->source.handle.loop);

	a->due_ms = at_ms;
	if (a->fd >= 0)
		alarm_linux_set(a->fd, at_ms == ALARMS_NEVER ? 0 : at_ms + ALARMS_LAG_MS);
	else if (at_ms != ALARMS_NEVER)
		uv_timer_start(&a->source.timer, alarms_on_timer, at_ms > now ? at_ms - now : 0, 0);
}

static uint64_t alarms_first(const struct alarms *a)
{
	uint64_t first = ALARMS_NEVER;

	LIST_EACH (node, &a->set) {
		const struct alarm *alarm = CONTAINER_OF(node, struct alarm, node);

		if (alarm->at_ms < first)
			first = alarm->at_ms;
	}
	return first;
}

/* Rings what is due now, but not what is set meanwhile. */
static void alarms_ring(struct alarms *a)
{
	uint64_t now = uv_now(a->source.handle.loop);
	struct list *node;
	struct list due;

	list_init(&due);
	LIST_EACH_SAFE (each, &a->set) {
		if (CONTAINER_OF(each, struct alarm, node)->at_ms <= now) {
			list_remove(each);
			list_append(&due, each);
		}
	}
	a->due_ms = 0; /* the source is set below, once */
	while ((node = list_pop(&due)) != NULL) {
		struct alarm *alarm = CONTAINER_OF(node, struct alarm, node);

		alarm->ring(alarm);
	}
	alarms_expect(a, alarms_first(a));
}

static void alarms_on_poll(uv_poll_t *poll, int status, int events)
{
	alarms_ring(poll->data);
}

static void alarms_on_timer(uv_timer_t *timer)
{
	alarms_ring(timer->data);
}

struct alarms *alarms_new(struct uv_loop_s *uv)
{
	struct alarms *a = MEM_NEW(struct alarms);

	list_init(&a->set);
	a->due_ms = ALARMS_NEVER;
	a->fd = alarm_linux_open();
	if (a->fd >= 0 && uv_poll_init(uv, &a->source.poll, a->fd) != 0) {
		close(a->fd);
		a->fd = -1;
	}
	if (a->fd >= 0)
		uv_poll_start(&a->source.poll, UV_READABLE, alarms_on_poll);
	else
		uv_timer_init(uv, &a->source.timer);
	a->source.handle.data = a;
	return a;
}

static void alarms_on_close(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void alarms_close(struct alarms **alarms)
{
	struct alarms *a = *alarms;

	*alarms = NULL;
	while (list_pop(&a->set))
		continue;
	uv_close(&a->source.handle, alarms_on_close);
	if (a->fd >= 0)
		close(a->fd);
}

void alarm_init(struct alarm *alarm, void (*ring)(struct alarm *alarm))
{
	list_init(&alarm->node);
	alarm->at_ms = 0;
	alarm->ring = ring;
}

void alarm_set(struct alarms *alarms, struct alarm *alarm, uint64_t at_ms)
{
	list_remove(&alarm->node);
	list_append(&alarms->set, &alarm->node);
	alarm->at_ms = at_ms;
	if (at_ms < alarms->due_ms)
		alarms_expect(alarms, at_ms);
}

void alarm_clear(struct alarm *alarm)
{
	list_remove(&alarm->node);
}
