/* Where the relay is, as people write it. Pure. */
#ifndef AGENT_RELAY_URL_H
#define AGENT_RELAY_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct relay_url {
	char *host; /* owned; without brackets, lower case */
	uint16_t port;
	bool tls;
	char *text; /* owned; in the one form it is shown in */
};

/* "https://host[:port]", "http://host[:port]", or a host alone, which means https. On an error
 * why_out has a sentence that names the text and what is allowed. */
MUST_CHECK int relay_url_parse(struct slice text, struct relay_url *out, struct buf *why_out);
/* The name or address never leaves this machine. */
bool relay_url_is_loopback(const struct relay_url *u);
void relay_url_deinit(struct relay_url *u);

#endif
