/* adit doctor: goes the way of a tunnel hop by hop, and says where it ends and what to do. */
#ifndef AGENT_DOCTOR_H
#define AGENT_DOCTOR_H

#include "agent/cli_conf.h"
#include "agent/run.h"

/* RUN_STOPPED when all is well, RUN_UNWELL when something is not. */
enum run_exit doctor_run(struct cli_conf *conf, char **environ_list, struct buf *message);

#endif
