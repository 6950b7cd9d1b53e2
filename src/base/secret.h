/*
 * Secrets that live for long: text in pages of its own that are kept out of core dumps and, as far
 * as the system allows, out of the swap, and wiped when they end. Short-lived copies are wiped with
 * mem_wipe by whoever makes them.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

/* A NUL-terminated copy; NULL for a slice without a pointer. */
char *secret_dup(struct slice text);
void secret_free(char **secret);

#endif
