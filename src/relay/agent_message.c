/* Lines to the agent. A peer that reads none of them is not read any more itself. */
#include "relay/agent_message.h"

#include "base/mem.h"
#include "io/stream.h"
#include "relay/agent_session_priv.h"
#include "wire/control.h"

static void agent_message_write(struct agent_session *a, const struct buf *lines)
{
	struct slice part = buf_slice(lines);

	if (part.len && !stream_write(a->control, &part, 1))
		a->control_full = true;
}

void agent_message_keep_promises(struct agent_session *a)
{
	if (a->control)
		agent_message_write(a, &a->promised);
	buf_release(&a->promised);
}

void agent_message_send(struct agent_session *a, const struct control *message)
{
	struct buf line = {0};

	if (!a->control)
		return;
	if (message->type == CONTROL_REGISTERED && !a->ready) {
		control_write(&a->promised, message);
		return;
	}
	control_write(&line, message);
	agent_message_write(a, &line);
	if (message->secret)
		mem_wipe(line.base, line.cap);
	buf_release(&line);
}

void agent_message_failed(struct agent_session *a, uint32_t stream, enum visitor_error error)
{
	const struct visitor_error_info *info = visitor_error_get(error);
	/* The texts are only read. */
	const struct control message = {
		.type = CONTROL_FAILED,
		.stream = stream,
		.code = (char *)(uintptr_t)info->code,
		.message = (char *)(uintptr_t)info->explanation,
	};
	struct buf line = {0};

	/* A courtesy: behind the reset it would be of no use, and is not kept for later. */
	control_write(&line, &message);
	if (a->control && stream_room(a->control) >= buf_len(&line))
		agent_message_write(a, &line);
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
