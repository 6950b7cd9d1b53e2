/*
 * A worker: one thread, one loop, and everything that lives on it. What all workers share hangs
 * on struct relay_shared and is immutable or locks itself.
 */
#ifndef RELAY_WORKER_H
#define RELAY_WORKER_H

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/pool.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "proto/http1_parse.h"
#include "relay/access_log.h"
#include "relay/metrics.h"
#include "relay/plans.h"
#include "relay/relay_conf.h"
#include "relay/relay_shared.h"
#include "relay/route.h"

enum worker_timeout {
	WORKER_HEAD_TIMEOUT, /* a request head must be whole */
	WORKER_KEEP_ALIVE, /* a visitor connection without a request */
	WORKER_LINGER, /* a closing connection still reads what the visitor sent */
	WORKER_HALF_CLOSED, /* a half-closed visitor waits for its answer to begin */
	WORKER_HALF_PAUSED, /* and then for it to go on */
	WORKER_SOCKET_WAIT, /* a request waits for a tunnel socket */
	WORKER_UPGRADE_WAIT, /* an upgrade does */
	WORKER_RESPONSE, /* the first byte of a response */
	WORKER_UPLOAD, /* a visitor that stops sending its body */
	WORKER_IDLE, /* a body or an upgraded stream without a byte moving */
	WORKER_GRACE, /* a tunnel whose last socket went */
	WORKER_FIRST_CONNECT, /* a tunnel nobody connected to yet */
	WORKER_HEAD_REST, /* before a body follows a head that must be read alone */
	WORKER_SURPLUS, /* a surplus pool socket is held before it is closed */
	WORKER_HOLD, /* a visitor waits for an agent that reconnects */
	WORKER_HEARTBEAT, /* between pings on a link */
	WORKER_SILENCE, /* a link without a byte */
	WORKER_PROBE, /* a link in doubt answers by then */
	WORKER_SESSION_TICK, /* what a session may put off a little */
	WORKER_SESSION_WATCH, /* between looks at the memory of sessions */
	WORKER_EXPIRY, /* between looks whether keys have expired */
	WORKER_ACCEPT_RETRY, /* a listener that ran out of descriptors */
	WORKER_ACCESS_LOG, /* access lines are handed over */
	WORKER_PEER_LOG, /* until what was left out of the log is told */
	WORKER_PACE, /* between looks who may go on at a tunnel with a bandwidth */
	WORKER_TIMEOUT_COUNT
};

struct worker {
	unsigned index;
	struct relay_shared *shared;
	const struct relay_conf *conf; /* borrowed; replaced whole by a reload */
	struct http1_limits limits; /* of heads: the options' */
	struct loop *loop;
	struct timeout_queue *timeouts[WORKER_TIMEOUT_COUNT];
	struct timeout_queue *idle_queues[PLANS_MAX]; /* of tunnels nobody visits, by plan */
	struct map tunnels; /* name -> struct tunnel that is at home here */
	struct list fronts; /* visitor connections */
	/* memory of what comes and goes with each request */
	struct pool streams;
	struct pool upstreams;
	struct pool exchanges;
	struct pool exchange_works;
	size_t webhooks_held; /* bytes of bodies whose signature is to be looked at */
	struct list handshakes; /* those whose TLS is not ready, the oldest first */
	unsigned handshake_count;
	struct list tcp_visitors; /* connections to TCP tunnels */
	struct map agents; /* session id -> struct agent_session */
	struct list parked; /* agents without a link, the longest first */
	struct timeout agent_watch; /* armed while there are agents */
	struct loop_task review; /* of what keys and plans still allow; see review.h */
	atomic_bool reviewing; /* it is posted */
	struct timeout expiry; /* armed while something here ends at a time that is known */
	uint64_t expires_ms; /* the next one, wall time */
	size_t parked_memory; /* as last measured */
	struct seal *seal; /* owned; with the gates' secret */
	struct metrics *metrics;
	struct access_log *access;
	struct timeout access_timeout;
	struct timeout peer_log_timeout; /* armed on one worker while there is something to tell */
	uint64_t request_id_base;
	uint64_t request_count;
	struct route_host host; /* of the request read last */
	/* scratch space for one call, so that a request allocates little */
	struct http_head request_head;
	struct http_head response_head;
	struct buf out;
	struct buf path;
	struct buf bare_path; /* without what a gate takes for itself */
	struct buf line; /* in front of a visitor's bytes */
	struct buf answer; /* of the API, which may end exchanges while it makes one */
};

struct worker *worker_new(
	unsigned index, struct relay_shared *shared, const struct relay_conf *conf);
/* The loop must have been stopped, and all objects on it closed. */
void worker_free(struct worker **w);
/* Signs with the secret of the gates as it is now; before the worker runs. */
void worker_use_secret(struct worker *w);
/* Uses the new options from now on. On the worker's own thread. */
void worker_set_conf(struct worker *w, const struct relay_conf *conf);
/* Has what keys and plans allow looked at again, soon. On any thread. */
void worker_review(struct worker *w);
/* How long tunnels of this plan may be left alone: there is a queue for it then. */
void worker_set_idle(struct worker *w, unsigned plan, uint64_t ms);
/* A request id that no other request of this process has: 16 hexadecimal digits. */
#define WORKER_REQUEST_ID_LEN 16
void worker_next_request_id(struct worker *w, char out[WORKER_REQUEST_ID_LEN]);
/* Whether there are as many connections of visitors, on all workers, as may be. */
bool worker_is_crowded(const struct worker *w);
/* One of those that are counted in relay_shared.connections is gone for good. On any thread. */
void worker_uncount_visitor(struct relay_shared *shared);
/* Tells the operator, once a minute, that there was no descriptor for something. */
void worker_lacks_descriptors(struct worker *w);
/* Records a request in the access log and hands the lines over in time. */
void worker_log_access(struct worker *w, const struct access_record *record);

#endif
