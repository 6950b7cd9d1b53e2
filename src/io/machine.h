/* What the machine, or the container around this process, has. */
#ifndef IO_MACHINE_H
#define IO_MACHINE_H

#include <stdint.h>

/* Bytes of memory: what there is, or what the process may use if that is less. Never 0. */
uint64_t machine_memory(void);
/* Lets this process have as many open files as the system lets it. Returns how many that are; 0: it
 * does not say. */
uint64_t machine_raise_files(void);
/* Bytes of memory that this process holds; 0: the system does not say. */
uint64_t machine_resident(void);
/* Processor time that all its threads have used. */
uint64_t machine_worked_us(void);

#endif
