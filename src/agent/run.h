/* Runs tunnels until a signal, or until the relay will never have them: what adit http, tcp and
 * start have in common. */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include <stddef.h>

#include "agent/cli_conf.h"
#include "agent/tunnel_spec.h"
#include "base/buf.h"

enum run_exit { RUN_STOPPED = 0, RUN_FAILED = 1, RUN_USAGE = 2, RUN_REFUSED = 3, RUN_UNWELL = 4 };

struct tunnels_file;

struct run_job {
	const struct tunnel_spec *specs; /* borrowed */
	size_t count;
	const char *watch; /* a file; NULL: there is none */
	/* The file has changed. With an error the tunnels stay as they are, and the message is
	 * shown. */
	int (*reload)(void *ctx, struct tunnels_file *out, struct buf *message);
	void *ctx;
};

/* Returns the exit code; message is what to say on standard error, if anything. */
enum run_exit run_tunnels(
	struct cli_conf *conf, char **environ_list, const struct run_job *job, struct buf *message);

#endif
