/*
 * Alarms: moments at which a loop calls something. There are few of them, and all of a loop share
 * one timer of the system's that is set for the first: a loop that waits for events with a timeout
 * would have the kernel set up and take down a timer each time it sleeps.
 */
#ifndef IO_ALARM_H
#define IO_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct alarms;
struct uv_loop_s;

/* Lives in the object that it is about. */
struct alarm {
	struct list node;
	uint64_t at_ms;
	void (*ring)(struct alarm *alarm); /* the alarm is not set any more when it is called */
};

/* Those of a loop. */
struct alarms *alarms_new(struct uv_loop_s *uv);
/* Nothing rings any more. The memory goes when the loop has run once more. */
void alarms_close(struct alarms **alarms);

void alarm_init(struct alarm *alarm, void (*ring)(struct alarm *alarm));
/* Sets it, or moves it, to a time of the loop's. What is set for a time that is over rings in the
 * next turn. */
void alarm_set(struct alarms *alarms, struct alarm *alarm, uint64_t at_ms);
void alarm_clear(struct alarm *alarm);
static inline bool alarm_is_set(const struct alarm *alarm)
{
	return list_is_linked(&alarm->node);
}

#endif
