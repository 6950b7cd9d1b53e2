/*
 * aditd's commands about accounts, keys and names, for the relay's operator: from the command line
 * to what is printed.
 */
#ifndef RELAY_OFFICE_H
#define RELAY_OFFICE_H

#include <stdbool.h>

struct relay_arguments;

/* Whether the first word on the command line begins one of them. */
bool office_is_asked(const struct relay_arguments *arguments);
/* Does it, and returns the exit status: 0, 1 when it did not work, 2 when it was not understood. */
int office_run(const struct relay_arguments *arguments, unsigned width, bool colour);

#endif
