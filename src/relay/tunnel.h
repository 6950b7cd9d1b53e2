/*
 * A tunnel: a name bound to whoever serves it. This part knows about names, owners, grace and
 * waiting; how a socket towards the agent is had is the business of tunnel_ops. Lives on one
 * worker, its home.
 */
#ifndef RELAY_TUNNEL_H
#define RELAY_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/slice.h"
#include "io/timeout.h"
#include "relay/identity.h"
#include "relay/name.h"

struct stream;
struct tunnel;
struct worker;

/* A way to the agent for one exchange at a time. */
struct upstream {
	struct tunnel *tunnel; /* a reference while it is taken */
	struct stream *stream; /* owned; the holder may take it away for good */
	bool used; /* an exchange went over it before */
	bool head_alone; /* the next request's head must be read before its body comes */
	/* The tunnel takes it back by force: the holder drops it with upstream_put at once. */
	void (*revoked)(void *holder);
	void *holder;
};

/* Who waits for an upstream. */
struct tunnel_waiter {
	struct list node;
	/* An upstream became free. Whoever can take it calls tunnel_unwait, or else goes on
	 * waiting. */
	void (*ready)(struct tunnel_waiter *w);
	void (*closed)(struct tunnel_waiter *w); /* the tunnel is gone */
};

struct tunnel_ops {
	/* A free upstream or NULL; a careful taker must not meet one that died unnoticed. */
	struct upstream *(*take)(struct tunnel *t, bool careful);
	void (*put)(struct upstream *up, bool reusable);
	/* Whether what was written has reached the other side. */
	bool (*is_delivered)(const struct upstream *up);
	unsigned (*socket_count)(const struct tunnel *t);
	/* Ends all connections and listeners; upstreams that are taken are revoked. */
	void (*close)(struct tunnel *t);
	void (*free)(struct tunnel *t);
	/* The port to remember for the name. */
	uint16_t (*port)(const struct tunnel *t);
};

enum tunnel_state {
	TUNNEL_OFFLINE, /* nobody connected; the grace period runs */
	TUNNEL_ONLINE,
	TUNNEL_CLOSED,
};

/* Embedded at the head of each kind of tunnel. */
struct tunnel {
	const struct tunnel_ops *ops;
	struct worker *worker; /* borrowed */
	unsigned refs;
	enum tunnel_state state;
	enum identity_kind owner_kind;
	bool was_online;
	char *owner; /* owned */
	uint64_t created_ms;
	struct timeout grace;
	struct list waiters;
	unsigned waiter_count;
	uint8_t name_len;
	char name[NAME_MAX_LEN + 1];
};

static inline struct slice tunnel_name(const struct tunnel *t)
{
	return slice_of(t->name, t->name_len);
}

/* The name must have been claimed for this worker. Starts offline, with the grace period. */
void tunnel_init(struct tunnel *t, struct worker *w, const struct tunnel_ops *ops,
	struct slice name, struct identity owner);
struct identity tunnel_owner(const struct tunnel *t);
void tunnel_ref(struct tunnel *t);
/* Nulls the pointer; the last one frees a closed tunnel. */
void tunnel_unref(struct tunnel **t);
/* Gives the name back, ends all connections; waiters are told. Holders keep their reference. */
void tunnel_close(struct tunnel *t);

/* Called by the kind of tunnel when its first socket came, and when its last one went. */
void tunnel_set_online(struct tunnel *t);
void tunnel_set_offline(struct tunnel *t);
/* The grace period starts anew (somebody asked for the name again). */
void tunnel_restart_grace(struct tunnel *t);
/* Whole seconds of grace left, at least 1. */
unsigned tunnel_grace_left_s(const struct tunnel *t);

/* An upstream, or NULL when none is free. Sets the holder. */
struct upstream *tunnel_take(
	struct tunnel *t, bool careful, void (*revoked)(void *holder), void *holder);
/* Gives it back. Not reusable, or without a stream: it ends. */
void upstream_put(struct upstream **up, bool reusable);
/* False when as many wait as may. */
MUST_CHECK bool tunnel_wait(struct tunnel *t, struct tunnel_waiter *w);
void tunnel_unwait(struct tunnel *t, struct tunnel_waiter *w);
/* Called by the kind of tunnel when an upstream became free: the oldest waiter gets it. */
void tunnel_serve_waiters(struct tunnel *t);

#endif
