/* The last hop of adit doctor: does the local service take a connection, and does it speak HTTP? */
#ifndef AGENT_DOCTOR_LOCAL_H
#define AGENT_DOCTOR_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct doctor_local;
struct loop;
struct target;

struct doctor_local_events {
	void (*tell)(void *ctx, const char *check, bool ok, uint64_t us, struct slice detail);
	void (*done)(void *ctx); /* nothing more comes */
};

/* The target is borrowed until done. */
struct doctor_local *doctor_local_new(struct loop *loop, const struct target *target,
	uint64_t connect_ms, const struct doctor_local_events *events, void *ctx);
/* After done, and not inside of it. */
void doctor_local_free(struct doctor_local **local);

#endif
