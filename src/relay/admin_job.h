/*
 * A request to the admin API on its way from a worker to the store's thread and back, by way of
 * the crew that hashes if it sets a password. Owns copies of all that it needs.
 */
#ifndef RELAY_ADMIN_JOB_H
#define RELAY_ADMIN_JOB_H

#include "relay/admin.h"

struct admin_route;
struct api_later;
struct worker;

/*
 * Starts it. NULL: it cannot be taken on now, and the reply says so. The answer is told on the
 * worker's loop.
 */
MUST_CHECK struct api_later *admin_job_start(struct worker *w, const struct admin_route *route,
	const struct admin_request *q, struct admin_reply *reply);
/* Fills in what of an HTTP answer an API's reply decides. The body is borrowed. */
struct reply;
void admin_job_fill(struct reply *out, const struct admin_reply *reply);

#endif
