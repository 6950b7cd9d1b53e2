/* Filling in a row of the audit log. */
#include "relay/admin_audit.h"

#include "base/buf.h"

void admin_audit_of(struct audit *out, const struct admin_request *q, const char *event,
	const char *subject, struct buf *detail)
{
	*out = (struct audit) {.at_ms = q->now_ms};
	admin_actor(&q->who, out->actor, sizeof(out->actor));
	slice_to_str(slice_from_str(event), out->event, sizeof(out->event));
	slice_to_str(slice_from_str(subject), out->subject, sizeof(out->subject));
	slice_to_str(q->address, out->address, sizeof(out->address));
	if (!detail)
		return;
	buf_append_char(detail, '\0');
	out->detail = detail->base + detail->start;
}
