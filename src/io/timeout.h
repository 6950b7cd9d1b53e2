/*
 * Timeouts by the thousand: all entries of a queue wait equally long, so that arming one is
 * appending it to a list, and one timer of the loop serves them all.
 */
#ifndef IO_TIMEOUT_H
#define IO_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct timeout_queue;

/* Lives in the object that it is about. */
struct timeout {
	struct list node;
	uint64_t deadline;
	void (*fire)(struct timeout *timeout); /* the timeout is disarmed when it is called */
};

struct timeout_queue *timeout_queue_new(struct loop *loop, uint64_t duration_ms);
/* Disarms what is left. */
void timeout_queue_free(struct timeout_queue **queue);
/* For entries armed from now on; one that has longer to go is cut to it. With 0 what is armed from
 * now on never fires. */
void timeout_queue_set(struct timeout_queue *queue, uint64_t duration_ms);

void timeout_init(struct timeout *timeout, void (*fire)(struct timeout *timeout));
/* Starts it, or starts it again, in this queue. */
void timeout_arm(struct timeout_queue *queue, struct timeout *timeout);
void timeout_disarm(struct timeout *timeout);
static inline bool timeout_is_armed(const struct timeout *timeout)
{
	return list_is_linked(&timeout->node);
}

#endif
