/* Lines to the agent. A peer that reads none of them is not read any more itself. */
#include "relay/agent_message.h"

#include "base/mem.h"
#include "io/stream.h"
#include "relay/agent_session_priv.h"
#include "wire/control.h"

void agent_message_send(struct agent_session *a, const struct control *message)
{
	struct buf line = {0};
	struct slice part;

	if (!a->control)
		return;
	control_write(&line, message);
	part = buf_slice(&line);
	if (!stream_write(a->control, &part, 1))
		a->control_full = true;
	if (message->secret)
		mem_wipe(line.base, line.cap);
	buf_release(&line);
}

void agent_message_error(struct agent_session *a, const struct agent_message_fault *fault)
{
	/* The texts are only read. */
	const struct control message = {
		.type = CONTROL_ERROR,
		.tunnel = fault->tunnel,
		.code = (char *)(uintptr_t)fault->code,
		.message = (char *)(uintptr_t)fault->message,
		.retry_after_s = fault->retry_after_s,
		.fatal = fault->fatal,
	};

	agent_message_send(a, &message);
}
