/* The last hop of adit doctor: does the local service take a connection, and does it speak what the
 * target says? */
#ifndef AGENT_DOCTOR_LOCAL_H
#define AGENT_DOCTOR_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct doctor_local;
struct loop;
struct target;
struct tls_client;

/* Borrowed until done. */
struct doctor_local_conf {
	const struct target *target;
	struct tls_client *tls; /* of a target with TLS */
	uint64_t connect_ms;
};

struct doctor_local_events {
	void (*tell)(void *ctx, const char *check, bool ok, uint64_t us, struct slice detail);
	void (*done)(void *ctx); /* nothing more comes */
};

struct doctor_local *doctor_local_new(struct loop *loop, const struct doctor_local_conf *conf,
	const struct doctor_local_events *events, void *ctx);
/* After done, and not inside of it. */
void doctor_local_free(struct doctor_local **local);

#endif
