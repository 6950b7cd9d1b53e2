/* How an agent is told why it does not get a tunnel, as a table. Pure data. */
#ifndef RELAY_AGENT_FAULT_H
#define RELAY_AGENT_FAULT_H

#include "relay/agent_message.h"
#include "relay/create.h"

/* Neither CREATE_OK is one, nor CREATE_MOVE of a tunnel that others could still go to. The number
 * of the tunnel is the caller's to fill in. */
struct agent_message_fault agent_fault_of(enum create_result result);

#endif
