/*
 * Has a process give back memory that it needed once and does not need any more: when it hardly
 * worked for a while, and holds clearly more than after the last time. Under load nothing is given
 * back, because it would be asked for again at once.
 */
#ifndef IO_RESTWATCH_H
#define IO_RESTWATCH_H

#include <stdbool.h>
#include <stdint.h>

#define RESTWATCH_MS 10000u /* between two looks */
#define RESTWATCH_BUSY_US 200000u /* processor time between them, of all threads: not at rest */
#define RESTWATCH_WORTH (4u << 20) /* bytes more than the last time that are worth it */

struct loop;
struct restwatch;

/* It owns a timer on the loop, any of the process. */
struct restwatch *restwatch_new(struct loop *loop);
void restwatch_free(struct restwatch **watch);

/* What is known between looks; all zero at first. */
struct restwatch_state {
	uint64_t worked_us; /* processor time of the process at the last look */
	uint64_t least; /* resident bytes behind the last release, or fewer since */
};

/* A look: whether memory should be given back now; pure. The first look only remembers. */
bool restwatch_is_due(struct restwatch_state *s, uint64_t worked_us, uint64_t resident);

#endif
