/* What options and the keys of tunnels.yaml say about who may come in, with the secrets fetched
 * from where they are. */
#ifndef AGENT_CLI_GUARD_H
#define AGENT_CLI_GUARD_H

#include <stdbool.h>

#include "agent/cli_options.h"
#include "base/attr.h"
#include "base/buf.h"

struct cli_conf;
struct tunnel_guard;
struct tunnel_spec;

/* Where secrets may come from. */
struct cli_guard_source {
	char **environ_list; /* borrowed */
	bool may_ask; /* a terminal, and standard input for "-" */
};

/* Fills an empty guard. ERR_* and a sentence that quotes no secret; the guard is empty then. */
MUST_CHECK int cli_guard_fill(struct tunnel_guard *guard, const struct cli_values *v,
	const struct cli_guard_source *source, struct buf *message);
/* Whether the secrets of the tunnels may go to the relay; otherwise ERR_DENIED and why not. */
MUST_CHECK int cli_guard_check_way(const struct cli_conf *conf, const struct tunnel_spec *specs,
	size_t count, struct buf *message);

#endif
