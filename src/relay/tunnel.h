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
#include "relay/visitor_error.h"
#include "relay/worker.h"
#include "store/record.h"

struct meter;
struct stream;
struct tunnel;
struct tunnel_gate;

/* What the agent said when it could not serve a visitor. */
struct upstream_failure {
	enum visitor_error error;
	char *message; /* owned; NULL while nothing was said */
};

/* A way to the agent for one exchange at a time. */
struct upstream {
	struct tunnel *tunnel; /* a reference while it is taken */
	struct stream *stream; /* owned; the holder may take it away for good */
	struct slice prefix; /* in front of the first bytes, in one write; until the next take */
	struct upstream_failure failure; /* why it failed, when the agent said so */
	bool one_shot; /* half-closed behind the request; a plain socket would lose the answer */
	bool finished; /* the answer was received whole: it ends in order */
	bool used; /* an exchange went over it before */
	bool head_alone; /* the next request's head must be read before its body comes */
	/* The tunnel takes it back by force: the holder drops it with upstream_put at once. */
	void (*revoked)(void *holder);
	void *holder;
};

/* Who waits for an upstream. */
struct tunnel_waiter {
	struct list node;
	uint32_t held_bytes; /* what waits with it in memory */
	/* An upstream became free. Whoever can take it calls tunnel_unwait, or else goes on
	 * waiting. */
	void (*ready)(struct tunnel_waiter *w);
	void (*closed)(struct tunnel_waiter *w); /* the tunnel is gone */
};

/* Who takes an upstream, and for whom. Slices are borrowed for the call. */
struct tunnel_taker {
	/* The tunnel takes it back by force. */
	void (*revoked)(void *holder);
	void *holder;
	struct slice visitor; /* its address */
	struct slice public_address; /* where it came in */
	struct slice scheme;
	struct slice request_id;
	uint16_t visitor_port;
	uint16_t public_port;
	bool careful; /* must not meet an upstream that died unnoticed */
};

struct tunnel_ops {
	/* Visitors wait for an agent that reconnects (--hold-timeout), and what they hold counts.
	 */
	bool holds;
	/* A free upstream or NULL. */
	struct upstream *(*take)(struct tunnel *t, const struct tunnel_taker *taker);
	void (*put)(struct upstream *up, bool reusable);
	/* The agent shall know why its visitor is given up; NULL: there is no way to say it. */
	void (*tell)(struct upstream *up, enum visitor_error error);
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
	struct tunnel_gate *gate; /* owned: what stands before it; NULL: anybody may come */
	char *holder; /* owned: in whose holdings it counts; NULL: in nobody's */
	bool counts; /* it does now */
	bool counts_password; /* among those with a password */
	char key_id[RECORD_KEY_ID_LEN + 1]; /* of the key that asked for it last, or "" */
	struct meter *meter; /* owned; NULL: without limits, and nobody counts */
	const char *close_code; /* what its agents are told when it is closed; NULL: superseded */
	const char *close_message;
	uint64_t created_ms;
	struct timeout grace;
	struct list waiters;
	unsigned waiter_count;
	uint32_t held_bytes; /* of all waiters */
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
/* Takes the gate, which may be NULL, and ends the one before; visits that wait there look again. */
void tunnel_put_gate(struct tunnel *t, struct tunnel_gate *gate);
/* Takes it away; whoever takes it puts it before another tunnel. */
struct tunnel_gate *tunnel_take_gate(struct tunnel *t);
struct identity tunnel_owner(const struct tunnel *t);
/* What was taken for this holder (holdings.h) is the tunnel's to put back. */
void tunnel_hold(struct tunnel *t, struct slice holder);
/* The key that it was asked for with, or "". */
void tunnel_set_key(struct tunnel *t, const char *key_id);
void tunnel_ref(struct tunnel *t);
/* Nulls the pointer; the last one frees a closed tunnel. */
void tunnel_unref(struct tunnel **t);
/* Gives the name back, ends all connections; waiters are told. Holders keep their reference. */
void tunnel_close(struct tunnel *t);
/* Likewise, but worker `heir` has the name next: see directory_pass(). */
void tunnel_close_for(struct tunnel *t, unsigned heir);

/* The same, and its agents are told why. Both are literals. */
void tunnel_close_because(struct tunnel *t, const char *code, const char *message);
/* The limits of its owner's plan, which may have changed. */
void tunnel_settle(struct tunnel *t);

/* Called by the kind of tunnel when its first socket came, and when its last one went. */
void tunnel_set_online(struct tunnel *t);
void tunnel_set_offline(struct tunnel *t);
/* The grace period starts anew (somebody asked for the name again). */
void tunnel_restart_grace(struct tunnel *t);
/* Whole seconds of grace left, at least 1. */
unsigned tunnel_grace_left_s(const struct tunnel *t);

/* An upstream, or NULL when none is free. Sets the holder. */
struct upstream *tunnel_take(struct tunnel *t, const struct tunnel_taker *taker);
/* Gives it back. Not reusable, or without a stream: it ends. */
void upstream_put(struct upstream **up, bool reusable);
/* Says why it is about to end, when that is the relay's doing. */
void upstream_tell(struct upstream *up, enum visitor_error error);
/* False when as many wait as may, or hold as much. */
MUST_CHECK bool tunnel_wait(struct tunnel *t, struct tunnel_waiter *w);
void tunnel_unwait(struct tunnel *t, struct tunnel_waiter *w);
/* Which clock runs for a visitor that waits now. */
enum worker_timeout tunnel_wait_clock(const struct tunnel *t, bool upgrade);
/* Called by the kind of tunnel when an upstream became free: the oldest waiter gets it. */
void tunnel_serve_waiters(struct tunnel *t);
/* The same for as many as can be served. */
void tunnel_serve_all_waiters(struct tunnel *t);

#endif
