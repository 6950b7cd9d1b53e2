/*
 * Workers of one relay whose loops a test turns by hand. A test fills in the options and what the
 * workers share, as far as it needs them.
 */
#ifndef RELAY_WORKER_RIG_H
#define RELAY_WORKER_RIG_H

#include "relay/relay_conf.h"
#include "relay/worker.h"

#define WORKER_RIG_MAX 3u

struct worker_rig {
	struct relay_conf conf;
	struct relay_shared shared;
	struct worker *workers[WORKER_RIG_MAX];
};

void worker_rig_start(struct worker_rig *rig, unsigned count);
/* Closes what lives on the workers, and frees them and what they share. */
void worker_rig_stop(struct worker_rig *rig);

#endif
