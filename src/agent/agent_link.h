/*
 * One session of the agent, kept alive for ever: dials, and when the link dies, continues the
 * session over another link, or begins a new one where the relay has forgotten it.
 *
 *     IDLE -> DIALLING -> UP -> WAITING -> DIALLING ...
 *                |-> WAITING -> DIALLING ...
 *                '-> OVER (it will never work, or was stopped)
 *
 * A session may be there in every state but IDLE and OVER: what is sent on it waits for the link.
 */
#ifndef AGENT_AGENT_LINK_H
#define AGENT_AGENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/backoff.h"
#include "agent/relay_session.h"

struct agent_link;
struct control;
struct control_stream;
struct framing;
struct local_limits;
struct report;
struct stream;

/* What the links of an agent have in common. All borrowed. */
struct agent_link_env {
	struct relay_session_env session;
	struct framing *framing;
	backoff_random_fn random;
	void *random_ctx;
};

struct agent_link_events {
	/* A session has begun: the first flight may take registers. */
	void (*begun)(void *ctx, unsigned lane);
	/* The relay has welcomed it. */
	void (*welcomed)(void *ctx, unsigned lane);
	/* registered, closed, or an error with a tunnel */
	void (*message)(void *ctx, unsigned lane, const struct control *message);
	/* The relay has given a visitor up: code and message say why. */
	void (*given_up)(void *ctx, struct control_stream *control, const struct control *message);
	/* A visitor; the stream is the callee's. */
	void (*opened)(void *ctx, struct control_stream *control, struct stream *stream);
	/* The session is over, with all that was registered on it. The only event that may come
	 * inside of a call: of agent_link_leave, agent_link_stop and agent_link_free. */
	void (*ended)(void *ctx, unsigned lane);
	/* wall_ms is left to the callee. */
	void (*report)(void *ctx, unsigned lane, struct report *report);
	/* Writes where a new session shall live: beside which one, or near which tunnel. */
	void (*place)(void *ctx, struct buf *fields);
};

struct agent_link *agent_link_new(const struct agent_link_env *env,
	const struct agent_link_events *events, void *ctx, unsigned lane);
/* Begins, unless it has. */
void agent_link_start(struct agent_link *l);
/* The network has changed, or the machine was asleep: a link that is there is asked for a sign of
 * life, and one that is not is dialled at once. */
void agent_link_hurry(struct agent_link *l);
/* Tells the relay that the session ends; what runs on it goes on. One that has no link is over. */
void agent_link_leave(struct agent_link *l);
/* No other event follows. Visitors' streams fail, later. The control stream they were served for
 * stays until agent_link_free. */
void agent_link_stop(struct agent_link *l);
void agent_link_free(struct agent_link **l);

/* Waits in the session when there is no link just now; does nothing without a session. */
void agent_link_send(struct agent_link *l, const struct control *message);
bool agent_link_has_session(const struct agent_link *l);
bool agent_link_is_up(const struct agent_link *l);
bool agent_link_is_over(const struct agent_link *l);
/* Streams of visitors that have not quite ended. */
unsigned agent_link_visitors(const struct agent_link *l);
/* Of a session that the relay has welcomed. */
void agent_link_limits(const struct agent_link *l, struct local_limits *out);
/* NULL without a session that the relay has welcomed. */
const char *agent_link_session(const struct agent_link *l);

#endif
