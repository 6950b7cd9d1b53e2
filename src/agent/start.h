/* adit start: the tunnels of tunnels.yaml, followed while the file changes. */
#ifndef AGENT_START_H
#define AGENT_START_H

#include "agent/cli_conf.h"
#include "agent/run.h"

/* As run_tunnels. The relay of the file is put into the conf if it has none. */
enum run_exit start_tunnels(struct cli_conf *conf, char **environ_list, struct buf *message);

#endif
