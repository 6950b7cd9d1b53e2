/*
 * The TCP ports of --port-range-start and -end, handed out first in, first out, so that a port
 * just given back is the last to be used again (S9).
 */
#ifndef RELAY_PORTS_H
#define RELAY_PORTS_H

#include <stdint.h>

struct ports;

struct ports *ports_new(uint16_t first, uint16_t last);
void ports_free(struct ports **p);
/* Both may be called on any thread. Prefers the given port if it is free; 0 when none is. */
uint16_t ports_take(struct ports *p, uint16_t preferred);
void ports_put(struct ports *p, uint16_t port);
/* So many others come first before the one whose turn it is. */
void ports_skip(struct ports *p, unsigned count);
/* How many are free just now. */
unsigned ports_free_count(struct ports *p);

#endif
