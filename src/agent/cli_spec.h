/* From options to a tunnel: the same for a command line and for tunnels.yaml. */
#ifndef AGENT_CLI_SPEC_H
#define AGENT_CLI_SPEC_H

#include "agent/cli_options.h"
#include "agent/tunnel_spec.h"

/* Everything but the target's address; the texts are copied. On an error why_out has a sentence. */
MUST_CHECK int cli_spec_fill(struct tunnel_spec *spec, const struct cli_values *v,
	const char *label, struct buf *why_out);

#endif
