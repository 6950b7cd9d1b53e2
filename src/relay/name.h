/*
 * The names of tunnels: what may be one, what is kept back, and random ones for those who do not
 * ask. Pure apart from the randomness; whether a name is free is the registry's to say.
 */
#ifndef RELAY_NAME_H
#define RELAY_NAME_H

#include <stdbool.h>

#include "base/slice.h"

#define NAME_MIN_LEN 4
#define NAME_MAX_LEN 63 /* of a DNS label, RFC 1035, 2.3.4 */

/* NAME_MIN_LEN to NAME_MAX_LEN of [a-z0-9-], no hyphen at either end. */
bool name_is_valid(struct slice name);
/* Whether the NULL-terminated list has the name; the list itself may be NULL. */
bool name_is_reserved(struct slice name, char *const *reserved);
/* Writes something like "clever-wombat-42" with a NUL; returns its length. The same name may come
 * twice: the caller asks again until it gets a free one. */
size_t name_random(char out[NAME_MAX_LEN + 1]);

#endif
