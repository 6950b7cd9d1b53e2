/* Reports carry the relay as the user wrote it. */
#include "agent/link_voice.h"

#include "agent/report.h"
#include "base/err.h"

void link_voice_say(const struct link_voice *v, struct report *report)
{
	report->relay = slice_from_str(v->relay);
	v->report(v->ctx, v->lane, report);
}

void link_voice_warn(struct link_voice *v, struct slice code, struct slice message)
{
	struct report r = {
		.kind = REPORT_WARNING, .code = code, .message = message, .attempt = v->attempt};

	if (slice_eq(code, slice_from_str(v->told)))
		return;
	slice_to_str(code, v->told, sizeof(v->told));
	link_voice_say(v, &r);
}

void link_voice_connecting(const struct link_voice *v, uint64_t retry_ms)
{
	struct report r = {.kind = REPORT_CONNECTING,
		.retry_ms = retry_ms,
		.message = slice_from_str(v->relay),
		.attempt = retry_ms ? v->attempt + 1 : v->attempt};

	link_voice_say(v, &r);
}

void link_voice_up(struct link_voice *v, struct report *report)
{
	v->attempt = 0;
	v->told[0] = '\0';
	link_voice_say(v, report);
}

void link_voice_lost(const struct link_voice *v, int err)
{
	struct report r = {.kind = REPORT_LINK_LOST,
		.message = err == ERR_TIMEOUT ? SLICE("no sign of life from the relay")
					      : slice_from_str(err_text(err))};

	link_voice_say(v, &r);
}
