/*
 * Where accounts are kept and whether keys are demanded: the options about it, checked and told.
 * Called at the start and at a reload, on the main thread.
 */
#ifndef RELAY_RELAY_ACCOUNTS_H
#define RELAY_RELAY_ACCOUNTS_H

#include "base/attr.h"
#include "base/buf.h"
#include "relay/relay_conf.h"

struct log;

/* Leaves conf->auth as one of the three that mean something. On error message is one line. */
MUST_CHECK int relay_accounts_check(struct relay_conf *conf, struct buf *message);
/* Whether whoever reaches the relay may open tunnels, and more than this machine reaches it. */
bool relay_accounts_are_open(const struct relay_conf *conf);
/* Says so. */
void relay_accounts_warn(const struct relay_conf *conf, struct log *log);

#endif
