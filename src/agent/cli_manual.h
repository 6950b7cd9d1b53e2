/* docs/agent-configuration.md, made from the table of options and the commands. Pure. */
#ifndef AGENT_CLI_MANUAL_H
#define AGENT_CLI_MANUAL_H

#include "base/buf.h"

void cli_manual_markdown(struct buf *out);

#endif
