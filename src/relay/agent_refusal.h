/* Registrations that are refused: for themselves, or because of what others have. */
#ifndef RELAY_AGENT_REFUSAL_H
#define RELAY_AGENT_REFUSAL_H

#include <stdbool.h>

struct agent_message_fault;
struct agent_session;
struct control;

/* Counts it, logs it and tells the agent. */
void agent_refusal_tell(struct agent_session *a, const struct agent_message_fault *fault);
/* True when a register cannot be granted, whatever is free: the agent was told so. */
bool agent_refusal_check(struct agent_session *a, const struct control *c);

#endif
