/*
 * Tunnels that agents serve over their sessions: one or more members, each a session on this
 * worker, and a stream of one of them for every visitor.
 */
#ifndef RELAY_SESSION_TUNNEL_H
#define RELAY_SESSION_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "relay/tunnel.h"
#include "relay/visitor_error.h"

struct agent_message_fault;
struct agent_session;
struct create_kind;
struct worker;

/* Embedded at the head of both kinds, HTTP and TCP. */
struct session_tunnel {
	struct tunnel tunnel;
	struct list members; /* struct session_member, whose turn is next in front */
};

/* A session's part in a tunnel. */
struct session_member {
	struct list in_tunnel;
	struct list in_agent;
	struct session_tunnel *tunnel; /* borrowed: it ends after its members */
	struct agent_session *agent; /* borrowed: so does this */
	uint32_t number; /* of the agent's choice */
	bool share;
};

/* A stream of a member that a visitor has. */
struct session_upstream {
	struct upstream up;
	struct list node; /* in its agent's list */
	struct agent_session *agent; /* borrowed; NULL once it is over */
	struct worker *worker; /* borrowed */
	uint32_t id;
};

/* Who wants to serve one: the context of a create_wish. */
struct session_tunnel_wish {
	struct agent_session *agent;
	uint32_t number;
	bool share;
	uint16_t port; /* of a TCP tunnel */
	bool has_port; /* it was taken out of the range already */
};

/* How create_tunnel makes one for HTTP. */
const struct create_kind *session_tunnel_kind(void);
/* Whether the tunnel, which is one of these, would be shared with one more. */
bool session_tunnel_is_shared(const struct tunnel *t);
bool session_tunnel_is(const struct tunnel *t);
/* Whether it is one, and any session has a part in it, with a link or without. */
bool session_tunnel_is_served(const struct tunnel *t);

void session_tunnel_join(struct session_tunnel *st, const struct session_tunnel_wish *wish);
/* The last one to leave closes the tunnel, or keeps it for its owner during the grace period. */
void session_tunnel_leave(struct session_member **m, bool keep);
/* One loses it, and is told why; its visitors are cut. */
void session_tunnel_cut(struct session_member **m, const struct agent_message_fault *why);
struct session_member *session_tunnel_find(const struct agent_session *a, uint32_t number);
/* A member got or lost its link. */
void session_tunnel_refresh(struct session_tunnel *st);

/* The agent could not serve a visitor: said before the stream is reset. */
void session_tunnel_failed(
	struct agent_session *a, uint32_t stream, enum visitor_error error, const char *message);
/* The session ends: its streams fail by themselves, later. */
void session_tunnel_forget_agent(struct agent_session *a);

/* For the kind of tunnel that is built on this one. */
struct upstream *session_tunnel_take(struct tunnel *t, const struct tunnel_taker *taker);
void session_tunnel_put(struct upstream *up, bool reusable);
void session_tunnel_tell(struct upstream *up, enum visitor_error error);
bool session_tunnel_is_delivered(const struct upstream *up);
unsigned session_tunnel_link_count(const struct tunnel *t);
/* Another session of their owner wants it as well: members that are dead without anybody having
 * noticed shall not keep it from visitors, nor from a session that lives elsewhere. */
void session_tunnel_doubt(const struct tunnel *t);
/* All members lose it to somebody else, and are told. */
void session_tunnel_close(struct tunnel *t);
/* The owner asks for it again, from this or another session. */
void session_tunnel_take_over(struct session_tunnel *st, const struct session_tunnel_wish *wish);

#endif
