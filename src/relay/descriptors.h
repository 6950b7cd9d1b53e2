/*
 * How many files this process may have open, and who may use them up. relay.c asks at the start,
 * and for each new configuration.
 */
#ifndef RELAY_DESCRIPTORS_H
#define RELAY_DESCRIPTORS_H

#include "base/attr.h"

struct buf;
struct log;

/* Raises the limit as far as the system lets us. ERR_NO_FDS and one line for a human when that is
 * less than this many workers need to run at all. */
MUST_CHECK int descriptors_raise(unsigned workers, struct log *log, struct buf *message);
/* The number of tunnels that may exist, at most the wanted one. */
unsigned descriptors_for_tunnels(unsigned wanted);

#endif
