/* The codes are protocol: they are documented in docs/protocol.md, and never change. */
#include "relay/agent_fault.h"

/* What a result means for the agent; OK and MOVE are none. */
static const struct agent_message_fault agent_faults[] = {
	[CREATE_MOVE] = {.code = "name-in-use",
		.message = "The name is held by another session of the same owner."},
	[CREATE_INVALID] = {.code = "invalid-name",
		.message = "This name cannot be had: a name has 4 to 63 lower-case letters, "
			   "digits and hyphens, and some are never given out.",
		.fatal = true},
	[CREATE_KEPT] = {.code = "name-reserved",
		.message = "The name is reserved for another account.",
		.fatal = true},
	[CREATE_RESERVED] = {.code = "name-reserved",
		.message = "The name is held for another client that was here a moment ago."},
	[CREATE_IN_USE] = {.code = "name-in-use",
		.message = "Another client's tunnel is online under this name.",
		.fatal = true},
	[CREATE_NO_PORT] = {.code = "no-free-port",
		.message = "No port or descriptor is left for another tunnel."},
	[CREATE_FULL] = {.code = "too-many-tunnels",
		.message = "The relay has as many tunnels as it may."},
	[CREATE_OTHER_PROTO] = {.code = "proto-not-allowed",
		.message = "The key is not for tunnels of this kind.",
		.fatal = true},
	[CREATE_OTHER_NAME] = {.code = "name-not-allowed",
		.message = "The key is for other names, or none of its names is free.",
		.fatal = true},
	[CREATE_OTHER_PORT] = {.code = "port-not-allowed",
		.message = "The port is not one of those that this relay gives to tunnels, or not "
			   "one that the key is for.",
		.fatal = true},
	[CREATE_NO_TCP] = {.code = "tcp-not-offered",
		.message = "This relay has no ports for TCP tunnels.",
		.fatal = true},
	[CREATE_TOO_MANY_PASSWORDS] = {.code = "PASSWORD_LIMIT_REACHED",
		.message = "There are as many tunnels with a password as the plan allows. Close "
			   "one, or ask the relay's operator for another plan.",
		.fatal = true},
	[CREATE_TOO_MANY] = {.code = "TUNNEL_LIMIT_REACHED",
		.message = "There are as many tunnels online as the plan allows. Close one, or ask "
			   "the relay's operator for another plan.",
		.fatal = true},
};

struct agent_message_fault agent_fault_of(enum create_result result)
{
	return agent_faults[result];
}
