/*
 * An agent's wish for a tunnel: the rules of names, across workers, and the answer. A name that
 * the same owner has on another worker is taken from there first, which takes a moment.
 */
#ifndef RELAY_AGENT_REGISTER_H
#define RELAY_AGENT_REGISTER_H

#include <stdbool.h>

struct agent_session;
struct control;

/* Answers at once, or, when a->registration is set, later; then done is called. */
void agent_register_start(struct agent_session *a, const struct control *message,
	void (*done)(struct agent_session *a));
/* The session ends: nobody waits for the answer any more. */
void agent_register_abandon(struct agent_session *a);

#endif
