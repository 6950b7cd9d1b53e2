/* adit login and logout: gets a key of an account for this machine, and gives it back. */
#ifndef AGENT_LOGIN_H
#define AGENT_LOGIN_H

#include "agent/cli_conf.h"
#include "agent/run.h"

enum run_exit login_run(struct cli_conf *conf, char **environ_list, struct buf *message);
enum run_exit login_end(struct cli_conf *conf, char **environ_list, struct buf *message);

#endif
