/* Request heads for services that answer only to a name of their own (dev servers). */
#ifndef AGENT_LOCAL_HTTP_HEAD_H
#define AGENT_LOCAL_HTTP_HEAD_H

#include "base/buf.h"
#include "proto/http_head.h"

struct local_http_names {
	struct slice host; /* what Host becomes, and X-Forwarded-Host where Origin is replaced */
	struct slice origin; /* what the public one becomes there and in Referer; empty: it stays */
};

/* Whether a URL (http or https) names this host, as it stands in Host; *rest_out is what stands
 * behind its authority. */
bool local_http_head_names(struct slice url, struct slice host, struct slice *rest_out);
/* The head anew, as HTTP/1.1, with everything else in it as it came. */
void local_http_head_write(
	struct buf *out, const struct http_head *head, const struct local_http_names *names);

#endif
