/*
 * The relay as a whole: builds the workers and their listeners in one visible order, runs them,
 * and takes them down again. One per process, but nothing in it is global.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "relay/relay_conf.h"

struct relay;

/* What main does for the relay. */
struct relay_hooks {
	void (*ready)(void *ctx); /* it listens */
	void (*stopping)(void *ctx); /* it drains, or ends */
	void (*reloading)(void *ctx); /* followed by ready */
	/* Reads the configuration again; NULL and a sentence when it is not good. */
	struct relay_conf *(*reload)(void *ctx, struct buf *message, struct buf *warnings);
	void *ctx;
};

/* Takes the conf. On an error the message is one line for a human. */
MUST_CHECK int relay_new(struct relay_conf **conf, struct log *log, const struct relay_hooks *hooks,
	struct relay **relay_out, struct buf *message);
/* Returns after a signal ended it. */
void relay_run(struct relay *r);
void relay_free(struct relay **r);

#endif
