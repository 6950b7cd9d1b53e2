/*
 * The relay's own page at /_adit/: what it is, and the command that opens a tunnel through it.
 * Self-contained: one answer, no further requests. Pure.
 */
#ifndef RELAY_LANDING_H
#define RELAY_LANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct http_head;
struct http_host;
struct relay_conf;

#define LANDING_PATH "/_adit/"

/* All borrowed. */
struct landing_view {
	const struct relay_conf *conf;
	const struct http_host *request_host; /* may be NULL */
	uint16_t listen_port; /* of visitors; 0: conf->port */
};

/* The answer to GET or HEAD. */
void landing_write(struct buf *out, const struct landing_view *view,
	const struct http_head *request, bool keep_alive);

#endif
