/*
 * Reads what the kernel knows of this process for the metrics page and the status call. A few
 * reads of procfs, microseconds each; called once per scrape, never per request.
 */
#ifndef RELAY_METRICS_PROCESS_H
#define RELAY_METRICS_PROCESS_H

struct metrics_process;

/* Fills in memory and descriptors, and leaves the rest alone. What cannot be read is 0. */
void metrics_process_read(struct metrics_process *process);

#endif
