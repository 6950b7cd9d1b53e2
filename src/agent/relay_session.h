/*
 * One session with the relay as the agent has it: the mux and its links, the control stream, the
 * greeting, and what it takes to continue it. Dialling, and what comes after its end, is the
 * owner's business.
 */
#ifndef AGENT_RELAY_SESSION_H
#define AGENT_RELAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "wire/session.h"

struct agent_conf;
struct buf;
struct control;
struct control_stream;
struct local_limits;
struct loop;
struct pool;
struct report;
struct relay_session;
struct stream;
struct timeout_queue;
struct uplink_result;

#define RELAY_SESSION_PROCESS_MAX 32u

/* What an agent's sessions have in common. */
struct relay_session_env {
	struct loop *loop; /* borrowed */
	const struct agent_conf *conf; /* borrowed */
	struct session_supplies supplies; /* owned; set to the relay's pace by the welcome */
	struct timeout_queue *welcome; /* owned; how long a relay may take for its first word */
	char process[RELAY_SESSION_PROCESS_MAX + 1]; /* random: which run of the agent this is */
};

/* The session may be ended inside of any of them. */
struct relay_session_events {
	void (*welcomed)(void *ctx);
	/* Every other message of the relay. */
	void (*message)(void *ctx, const struct control *message);
	/* A visitor; the stream is the callee's. */
	void (*opened)(void *ctx, struct stream *stream);
	/* The link is gone. */
	void (*lost)(void *ctx, int err);
	/* It cannot go on; what remains is to end it. */
	void (*broken)(void *ctx, struct slice why);
	void (*measured)(void *ctx, uint64_t rtt_us);
};

/* streams: memory of the streams of all sessions, borrowed. */
void relay_session_env_init(struct relay_session_env *env, struct loop *loop,
	const struct agent_conf *conf, struct pool *streams);
void relay_session_env_deinit(struct relay_session_env *env);

/* Takes the link of the result, and says hello: what is sent in the same turn leaves with it. */
struct relay_session *relay_session_new(const struct relay_session_env *env,
	const struct uplink_result *result, const struct relay_session_events *events, void *ctx);
/* Closes the link and fails the streams, later. No event follows. The object stays, for the sake
 * of visitors that were served for its control stream. */
void relay_session_end(struct relay_session *s);
void relay_session_free(struct relay_session **s);

/* The request fields to continue it over another link. */
void relay_session_write_fields(struct relay_session *s, struct buf *fields);
/* Takes the link of the result. ERR_DENIED: the other side has not proven to be this session's
 * relay, the link is closed and nothing else has happened; ERR_RANGE: it has not kept enough. */
MUST_CHECK int relay_session_continue(struct relay_session *s, const struct uplink_result *result);
/* Asks for a sign of life. */
void relay_session_probe(struct relay_session *s);
/* Tells the relay that nothing new is wanted. */
void relay_session_leave(struct relay_session *s);
/* Waits in the session when there is no link just now. */
void relay_session_send(struct relay_session *s, const struct control *message);

struct control_stream *relay_session_control(struct relay_session *s);
bool relay_session_is_welcome(const struct relay_session *s);
bool relay_session_can_resume(const struct relay_session *s);
/* How long the relay keeps it without a link, at the most. */
uint64_t relay_session_grace_ms(const struct relay_session *s);
/* How long it took from hello to welcome, and whose key the relay has seen; borrowed. */
void relay_session_describe(const struct relay_session *s, struct report *r);
/* What it lets pass, as its welcome says. */
void relay_session_limits(const struct relay_session *s, struct local_limits *out);
/* Streams of visitors that have not quite ended. */
unsigned relay_session_visitors(const struct relay_session *s);
/* NULL if the relay has not welcomed it. */
const char *relay_session_id(const struct relay_session *s);

#endif
