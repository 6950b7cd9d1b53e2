/* The control stream of a session: what an agent asks for, line by line. */
#ifndef RELAY_AGENT_CONTROL_H
#define RELAY_AGENT_CONTROL_H

struct agent_session;
struct stream;

/* The agent opened a stream: the first one is the control stream, all others are refused. Takes
 * the stream. */
void agent_control_open(struct agent_session *a, struct stream **stream);

#endif
