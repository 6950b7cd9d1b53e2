/*
 * Where visitors, tunnel clients and monitoring come in: a listener for each on each worker. The
 * operator comes by the admin socket, on the first worker.
 */
#ifndef RELAY_DOORS_H
#define RELAY_DOORS_H

#include "base/attr.h"
#include "base/buf.h"

struct listener;
struct relay_conf;
struct relay_shared;

enum doors_role {
	DOORS_PUBLIC,
	DOORS_TLS,
	DOORS_ADMIN,
	DOORS_METRICS,
	DOORS_SOCKET,
	DOORS_ROLE_COUNT
};

/* Of one worker; all zero when closed. */
struct doors {
	struct listener *listeners[DOORS_ROLE_COUNT]; /* owned */
};

/*
 * Opens those of all workers (doors has one entry for each) and notes the public port in shared.
 * On an error the message says for a human what happened and what to do; what was opened stays
 * open until doors_close.
 */
MUST_CHECK int doors_open(struct relay_shared *shared, struct doors *doors,
	const struct relay_conf *conf, struct buf *message);
/* Those of one worker, on its own thread once it runs. */
void doors_close(struct doors *doors);

#endif
