/*
 * A visitor's share of a turn of the loop. Requests that wait for a tunnel come one after the other
 * anyway; those that are answered at once would keep everybody else waiting.
 */
#ifndef RELAY_FRONT_TURN_H
#define RELAY_FRONT_TURN_H

#include <stdbool.h>

struct front;

/* Whether another request may be begun with now; if not, the rest was put off. */
bool front_turn_take(struct front *f);
/* What is in the input is looked at again in the next turn, and not before. */
void front_turn_put_off(struct front *f);

#endif
