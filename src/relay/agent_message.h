/* What the relay says to an agent on the control stream. */
#ifndef RELAY_AGENT_MESSAGE_H
#define RELAY_AGENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/visitor_error.h"

struct agent_session;
struct control;

/* Nothing happens while there is no control stream. `registered` waits until the agent is ready,
 * because visitors would not be served before. */
void agent_message_send(struct agent_session *a, const struct control *message);
/* The agent is ready. */
void agent_message_keep_promises(struct agent_session *a);

struct agent_message_fault {
	uint32_t tunnel; /* 0: it is about the session */
	const char *code;
	const char *message;
	unsigned retry_after_s;
	bool fatal;
};

/* A visitor is given up by the relay: its stream is about to be reset. */
void agent_message_failed(struct agent_session *a, uint32_t stream, enum visitor_error error);
void agent_message_error(struct agent_session *a, const struct agent_message_fault *fault);

#endif
