/* The connections to a tunnel's service that are kept between requests. */
#ifndef AGENT_LOCAL_POOL_H
#define AGENT_LOCAL_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "io/timeout.h"

struct local_tunnel;
struct stream;

#define LOCAL_KEPT_MAX 64u /* for each tunnel */
#define LOCAL_KEPT_MS 60000u
/* A request that may not be sent twice takes none that was idle for longer: the service may be
 * about to close it. */
#define LOCAL_FRESH_MS 1000u
#define LOCAL_WARM_MS 100u /* used so recently, its end would have been heard */
#define LOCAL_PROOF_MS 500u /* a service that leaves one open for that long does keep them */

struct local_conn {
	struct list node; /* of those that are kept */
	struct local_tunnel *tunnel; /* borrowed, while it is kept */
	struct stream *stream; /* owned */
	const struct stream *socket; /* borrowed: the socket that the stream uses, or is */
	struct timeout idle;
	uint64_t used_ms; /* when an answer was last complete */
	bool reused; /* it was kept before */
};

/* Takes the stream. */
struct local_conn *local_conn_new(struct stream **stream, const struct stream *socket);
void local_conn_free(struct local_conn **conn);

/* The one used last, or NULL. It is the caller's, and is being read. */
struct local_conn *local_pool_take(struct local_tunnel *t, bool careful);
/* Takes it. It must be read, and quiet. */
void local_pool_put(struct local_tunnel *t, struct local_conn **conn);
void local_pool_clear(struct local_tunnel *t);

#endif
