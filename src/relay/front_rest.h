/* When a visitor's connection rests, and how long it may. */
#ifndef RELAY_FRONT_REST_H
#define RELAY_FRONT_REST_H

#include <stdbool.h>

struct front;

/* The relay is ending: answers end their connections. */
bool front_rest_is_draining(const struct front *f);
/* Some of a head has come. */
bool front_rest_has_begun(const struct front *f);
/* It has all its answers, and has not begun another request. */
bool front_rest_is_at_rest(const struct front *f);
/* Starts the clock that runs between requests. */
void front_rest_arm(struct front *f);

#endif
