/* Where the HMAC secret comes from: the variable itself, or the first line of a file. */
#ifndef RELAY_RELAY_SECRET_H
#define RELAY_RELAY_SECRET_H

#include "config/opt_set.h"
#include "relay/relay_conf.h"

/*
 * Leaves conf->hmac_secret trimmed and long enough, or NULL when none is configured. On error
 * message is the line that localtunnel servers print.
 */
MUST_CHECK int relay_secret_load(
	struct relay_conf *conf, struct buf *message, struct buf *warnings);

#endif
