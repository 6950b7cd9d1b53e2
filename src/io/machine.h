/* What the machine, or the container around this process, has. */
#ifndef IO_MACHINE_H
#define IO_MACHINE_H

#include <stdint.h>

/* Bytes of memory: what there is, or what the process may use if that is less. Never 0. */
uint64_t machine_memory(void);

#endif
