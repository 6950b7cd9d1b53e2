/*
 * Reports as lines of text, for people and for programs. Pure: appended to a buffer, with the line
 * end. What peers chose is escaped.
 */
#ifndef AGENT_LINES_H
#define AGENT_LINES_H

#include "base/buf.h"

struct report;

/* Nothing for reports that a log has no use for. */
void lines_plain(struct buf *out, const struct report *r);
/* One object with `event` and `time`; docs/agent.md lists them. */
void lines_json(struct buf *out, const struct report *r);

#endif
