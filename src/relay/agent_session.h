/*
 * One agent's session (docs/protocol.md) on the relay's side: its life from the first link over
 * lost and resumed ones to the end. Lives on one worker, together with all its tunnels.
 */
#ifndef RELAY_AGENT_SESSION_H
#define RELAY_AGENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct agent_session;
struct auth;
struct http_host;
struct session_events;
struct stream;
struct worker;

/* Two digits of the worker that it lives on, then 128 random bits. */
#define AGENT_SESSION_ID_LEN 34
#define AGENT_SESSION_SECRET_LEN 32 /* of proofs: crypto/resume_proof.h */

/* A request for a first link. */
struct agent_session_setup {
	struct slice client; /* the agent's address, as the log has it */
	struct slice source; /* the one that no agent can choose */
	const struct http_host *host; /* of the request, or NULL */
	const struct auth *auth; /* who asks */
	const struct session_events *events; /* with the new object as context */
};

struct agent_session *agent_session_new(struct worker *w, const struct agent_session_setup *setup);
/* The one with this id, if it lives here. */
struct agent_session *agent_session_find(const struct worker *w, struct slice id);
/* The worker that the id names, false when it names none. Ids of a relay that had more workers name
 * one as well, so that sessions of one agent meet again. */
bool agent_session_home(const struct worker *w, struct slice id, unsigned *home_out);

/* Its hello came. */
void agent_session_greeted(struct agent_session *a);
/* Its link is gone: it waits for another one, or ends. */
void agent_session_lost(struct agent_session *a, int err);
/* The agent has what it needs to resume. */
void agent_session_ready(struct agent_session *a);
/* It has a link again. */
void agent_session_resumed(struct agent_session *a);
/* Its agent wants no more visitors: the names are free, and what runs may finish. */
void agent_session_leave(struct agent_session *a);
/* Names that are kept are held for its owner for the grace period. */
void agent_session_end(struct agent_session *a, const char *why, bool keep_names);
/* The same, but what was written on the control stream leaves before. */
void agent_session_end_after_words(struct agent_session *a, const char *why);

/* It may not go on: it is told why, if it can be, and ends with all that it carries. The texts stay
 * valid for ever. */
void agent_session_refuse(struct agent_session *a, const char *code, const char *sentence);

/* The relay is about to stop: agents are told, and may finish. */
void agent_session_drain(struct worker *w);
void agent_session_close_all(struct worker *w);

#endif
